// The page /metrics, with one declaration for each metric family.

import Ground
import Logging
import Protocol
import Reactor

/// Everything that the page shows, at one moment.
struct MetricsPage {
  let lanes: LaneSnapshot
  let targets: [CopyTarget]
  let queries: QueryPacing.Snapshot
  let rekeying: RekeyingSnapshot
  let storage: StorageSnapshot
  let notifications: NotificationSnapshot
  let findings: FindingSnapshot
  let fleet: FleetStatus
  let settings: Settings
  let reload: SettingsReload.Snapshot
  let startedAt: Int64
  let now: Int64
  var log = LogWriter.Losses()

  /// Every family, in the order of the documentation.
  var families: MetricFamilies {
    var page = MetricFamilies()
    process(&page)
    certificates(&page)
    collectors(&page)
    connections(&page)
    pushes(&page)
    writers(&page)
    pacing(&page)
    rollups(&page)
    notify(&page)
    findings(&page)
    return page
  }

  private func process(_ page: inout MetricFamilies) {
    page.family(
      "pganalytics_build_info", .gauge, "1; the label has the version.", by: "version", [(Version.text, 1)])
    page.family("pganalytics_uptime_seconds", .gauge, "Seconds since the start.", Int(now - startedAt))
    page.family(
      "pganalytics_loop_busy_seconds_total", .counter, "Time that loops worked, waiting excluded.", lanes.loop.busy)
    page.family("pganalytics_loop_turns_total", .counter, "Turns of the loops.", lanes.loop.turns)
    page.family("pganalytics_loop_events_total", .counter, "Events that epoll reported.", lanes.loop.events)
    page.family(
      "pganalytics_loop_longest_turn_seconds", .gauge, "Longest turn of a loop since the last scrape: its lag.",
      lanes.loop.longestTurn)
    page.family(
      "pganalytics_settings_reload_failures_total", .counter,
      "Reloads of the settings that were rejected because of an error.", reload.failures)
    page.family(
      "pganalytics_settings_reload_failing", .gauge, "1 if the last reload of the settings was rejected.",
      reload.isFailing ? 1 : 0)
    page.family(
      "pganalytics_settings_reloaded_timestamp_seconds", .gauge, "When the settings in use were read, unix time.",
      Int(reload.readAt))
    page.family(
      "pganalytics_held_bytes", .gauge, "Bodies and rows held now, against bytes_in_flight.", lanes.heldBytes)
    page.family(
      "pganalytics_log_lines_dropped_total", .counter,
      "Log lines that were dropped because log_buffer_bytes was full: the reader of standard error is too slow.",
      by: "level",
      zip(Logger.Level.allCases, log.dropped).map { ($0.rawValue, $1) })
    page.family(
      "pganalytics_log_lines_unwritten_total", .counter,
      "Log lines that standard error refused: a pipe without a reader, a disk without space.", log.unwritten)
    budgets(&page)
  }

  /// The budgets; each has the name of the setting that limits it.
  private func budgets(_ page: inout MetricFamilies) {
    let budgets = [
      ("bytes_in_flight", lanes.heldBytes, settings.bytesInFlight),
      ("pause_bytes", lanes.heldBytes, settings.pauseBytes),
      ("collector_bytes_in_flight", lanes.collectorBytes, settings.collectorBytesInFlight),
      ("admin_bytes_in_flight", lanes.gatheredBytes, settings.adminBytesInFlight),
      ("answer_bytes_in_flight", lanes.untakenBytes, settings.answerBytesInFlight),
    ]
    page.family(
      "pganalytics_budget_held_bytes", .gauge,
      "Memory held now, by the setting that limits it. For collectors, that of the largest one.", by: "budget",
      budgets.map { ($0.0, $0.1) })
    page.family(
      "pganalytics_budget_limit_bytes", .gauge, "The limit that the setting gives.", by: "budget",
      budgets.map { ($0.0, $0.2) })
  }

  private func certificates(_ page: inout MetricFamilies) {
    page.family(
      "pganalytics_certificate_not_after_seconds", .gauge, "End of a certificate, unix time.", by: "certificate",
      rekeying.notAfter.map { ($0.name, Int($0.seconds)) })
    page.family(
      "pganalytics_signing_keys", .gauge, "Keys that tokens may be signed with, the retiring ones included.",
      rekeying.signingKeys)
    page.family(
      "pganalytics_reload_failures_total", .counter,
      "Invalid certificates or keys in the data directory; the previous ones stayed in use.",
      rekeying.refusals)
    page.family(
      "pganalytics_reload_failing", .gauge, "1 while the data directory holds invalid certificates or keys.",
      rekeying.isRefused ? 1 : 0)
  }

  private func collectors(_ page: inout MetricFamilies) {
    page.family(
      "pganalytics_collectors", .gauge,
      "Collectors of the database by their state, a minute old at most. The same from every server.", by: "status",
      fleet.byStatus.map { ($0.rawValue, Int($1)) })
    page.family(
      "pganalytics_collectors_rejecting", .gauge,
      "Collectors with rejected metrics or rows within the last hour. The same from every server.",
      Int(fleet.rejecting))
  }

  private func connections(_ page: inout MetricFamilies) {
    let counters = lanes.counters
    page.family(
      "pganalytics_connections", .gauge, "Connections by state.", by: "state",
      LaneSnapshot.ConnectionState.allCases.map { ($0.rawValue, lanes.connections[$0] ?? 0) })
    page.family(
      "pganalytics_connections_paused", .gauge, "Connections left unread until memory is free.",
      lanes.pausedConnections)
    page.family(
      "pganalytics_connections_accepted_total", .counter, "Connections accepted.", counters.connectionsAccepted)
    page.family("pganalytics_connections_closed_total", .counter, "Connections closed.", counters.connectionsClosed)
    page.family("pganalytics_tls_handshakes_total", .counter, "Handshakes that ended.", counters.handshakes)
    page.family(
      "pganalytics_handshake_seconds", "From accept to the end of a handshake that succeeded.", counters.handshaking)
    page.family("pganalytics_tls_failures_total", .counter, "TLS errors.", counters.tlsFailures)
    page.family(
      "pganalytics_connections_refused_total", .counter,
      "Connections that were refused below HTTP or closed to make room for others, by reason.",
      by: "reason",
      ConnectionRefusal.allCases.map { ($0.rawValue, counters.connectionsRefused[$0] ?? 0) })
    page.family(
      "pganalytics_http_framing_errors_total", .counter, "Requests that violated HTTP, by rule.", by: "reason",
      counters.framingErrors.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key.rawValue, $0.value) })
    page.family("pganalytics_deadlines_total", .counter, "Deadlines that passed.", counters.deadlines)
    page.family("pganalytics_requests_total", .counter, "Requests other than pushes.", counters.requests)
    page.family(
      "pganalytics_identity_mismatches_total", .counter,
      "Requests whose certificate, token, path and body did not name the same collector.", counters.identityMismatches)
    page.family(
      "pganalytics_collectors_refused_total", .counter,
      "Requests of revoked collectors, or with a certificate that is revoked, unknown or expired.",
      counters.collectorsRefused)
    page.family(
      "pganalytics_connections_severed_total", .counter,
      "Connections closed because their collector or certificate was revoked.", counters.connectionsRevoked)
    page.family(
      "pganalytics_streams_broken_total", .counter,
      "Streamed answers that were cut off because the rest could not be read.", counters.streamsBroken)
    page.family(
      "pganalytics_answers_cut_total", .counter,
      "Connections closed because unread answers had filled answer_bytes_in_flight.",
      counters.answersCut)
  }

  private func pushes(_ page: inout MetricFamilies) {
    let counters = lanes.counters
    page.family(
      "pganalytics_pushes_received_total", .counter,
      "Pushes whose head was read: stored + duplicate + parked + refused + abandoned + in work.",
      counters.pushesReceived)
    page.family("pganalytics_pushes_stored_total", .counter, "Pushes committed.", counters.pushesStored)
    page.family("pganalytics_pushes_duplicate_total", .counter, "Pushes stored before.", counters.pushesDuplicate)
    page.family("pganalytics_pushes_parked_total", .counter, "Pushes parked, see `db parked`.", counters.pushesParked)
    page.family(
      "pganalytics_pushes_empty_total", .counter, "Pushes stored without any row; the ledger does not record them.",
      counters.pushesEmpty)
    page.family(
      "pganalytics_pushes_unknown_total", .counter, "Pushes whose commit was not confirmed in time or at all.",
      counters.pushesUnknown)
    page.family(
      "pganalytics_pushes_refused_total", .counter, "Pushes refused, by the refusal's slug.", by: "reason",
      counters.pushesRefused.sorted { $0.key.slug < $1.key.slug }.map { ($0.key.slug, $0.value) })
    page.family(
      "pganalytics_pushes_abandoned_total", .counter, "Pushes whose client went away.", counters.pushesAbandoned)
    page.family("pganalytics_push_bytes_total", .counter, "Bodies of pushes on the wire.", counters.bytesReceived)
    page.family(
      "pganalytics_metrics_rejected_total", .counter, "Metric objects rejected in stored pushes, by code.", by: "code",
      RejectCode.allCases.map { ($0.rawValue, counters.metricsRejected[$0] ?? 0) })
    page.family(
      "pganalytics_rows_rejected_total", .counter, "Single rows rejected in stored pushes, by code.", by: "code",
      RejectCode.allCases.map { ($0.rawValue, counters.rowsRejected[$0] ?? 0) })
    for (action, name, help) in [
      (AlteredValue.Action.mended, "mended", "Texts mended in stored pushes, by code."),
      (.null, "null", "Values replaced by NULL in stored pushes, by code."),
    ] {
      page.family(
        "pganalytics_values_\(name)_total", .counter, help, by: "code",
        RejectCode.allCases.map { ($0.rawValue, counters.valuesAltered[.init($0, action)] ?? 0) })
    }
    page.family(
      "pganalytics_rows_stored_total", .counter, "Rows committed, by table.", by: "table",
      targets.map { ($0.table, counters.rowsStored[$0.index]) })
    page.family(
      "pganalytics_rows_repeated_total", .counter, "Rows left out: doubles in a push, and log lines stored before.",
      counters.rowsRepeated)
    page.family(
      "pganalytics_rows_added_up_total", .counter, "Rows added to another row of their list.", counters.rowsAddedUp)
    page.family(
      "pganalytics_metrics_repeated_total", .counter,
      "Metric objects of stored pushes that an earlier push with the same beginning had stored.",
      counters.metricsRepeated)
    page.family(
      "pganalytics_push_seconds",
      "Stages of a push: receive from the head to the body's end, inflate and parse in time of the loop, queue until the "
        + "batch begins; of a batch copy and commit; total from the head to the commit.",
      by: "stage",
      [
        ("receive", counters.receiving), ("inflate", counters.inflating), ("parse", counters.parsing),
        ("queue", counters.queueing), ("copy", counters.copying), ("commit", counters.committing),
        ("total", counters.storing),
      ])
  }

  private func writers(_ page: inout MetricFamilies) {
    page.family(
      "pganalytics_writers", .gauge, "COPY connections by state.", by: "state",
      CopyWriter.Activity.allCases.map { ($0.rawValue, lanes.writers[$0] ?? 0) })
    page.family(
      "pganalytics_writers_silent", .gauge,
      "COPY connections with a batch in flight whose database has been silent for commits_stalled_after.",
      lanes.silentWriters)
    page.family("pganalytics_writer_backlog_bytes", .gauge, "Rows waiting or in COPY.", lanes.backlogBytes)
    page.family("pganalytics_writer_backlog_pushes", .gauge, "Pushes waiting or in COPY.", lanes.backlogPushes)
    page.family("pganalytics_batches_total", .counter, "Transactions begun.", lanes.counters.batches)
    page.family("pganalytics_batch_pushes", "Pushes of a transaction.", lanes.counters.batchPushes)
    page.family("pganalytics_batch_rows", "Rows of a transaction.", lanes.counters.batchRows)
    page.family("pganalytics_batch_bytes", "Rows of a transaction, in bytes.", lanes.counters.batchBytes)
    page.family("pganalytics_batch_failures_total", .counter, "Transactions that failed.", lanes.counters.batchFailures)
    page.family(
      "pganalytics_tables_refusing_total", .counter, "How often a table began to refuse the rows of every collector.",
      lanes.counters.tablesRefusing)
  }

  private func pacing(_ page: inout MetricFamilies) {
    page.family("pganalytics_queries_at_work", .gauge, "Metrics queries that have a connection.", queries.atWork)
    page.family("pganalytics_queries_waiting", .gauge, "Metrics queries that wait for a connection.", queries.waiting)
    page.family(
      "pganalytics_queries_put_off_total", .counter,
      "Metrics queries that waited so that pushes stay fast, although a connection was free.", queries.putOff)
    page.family(
      "pganalytics_queries_let_through_total", .counter,
      "Delayed metrics queries that began because they had waited for query_put_off_maximum.", queries.letThrough)
    page.family(
      "pganalytics_query_room_ratio", .gauge,
      "1: all query connections may work; below 0: queries cost pushes more than they may, and rest between one and the next.",
      queries.room)
    page.family(
      "pganalytics_push_usual_seconds", .gauge,
      "Mean time from a push's last byte to its commit while no query is at work; the room is computed from it.",
      queries.usual)
  }
}

extension MetricsPage {
  private func rollups(_ page: inout MetricFamilies) {
    func perStep(_ value: (RollupState) -> Int) -> [(String, any MetricSample)] {
      RollupStep.allCases.map { step in
        (step.rawValue, storage.rollups.first { $0.step == step }.map(value) ?? 0)
      }
    }
    page.family(
      "pganalytics_rollup_pending_steps", .gauge,
      "Steps of rolling up that are due, by width: servers with new data, and single tables of a server.",
      by: "step", perStep { Int($0.pending) })
    page.family(
      "pganalytics_rollup_failed_steps", .gauge,
      "Due steps that failed, were set aside and are tried again.", by: "step",
      perStep { Int($0.failed) })
    page.family(
      "pganalytics_rollup_oldest_seconds", .gauge,
      "How long the longest waiting step has been due; 0: none waits.", by: "step",
      perStep { StorageSnapshot.age([$0.oldest], now) })
    page.family(
      "pganalytics_rollup_oldest_failed_seconds", .gauge,
      "How long ago the first of the steps that are set aside was set aside; 0: none is.",
      StorageSnapshot.age(storage.rollups.map(\.oldestFailed), now))
    page.family(
      "pganalytics_rollup_failures_total", .counter, "Tries of this server to roll up that failed.",
      storage.rollupFailures)
    page.family(
      "pganalytics_rollup_round_failures_total", .counter, "Rounds of this server that ended early.",
      storage.rollupRoundFailures)
    page.family(
      "pganalytics_rollup_overflows_total", .counter,
      "Buckets that this server made with a sum that no double can hold: it is NULL.", storage.rollupOverflows)
    page.family(
      "pganalytics_timescale_failed_jobs", .gauge,
      "Jobs of TimescaleDB for our tables (compression, retention) whose last run failed.", storage.failedJobs.count)
  }
}
