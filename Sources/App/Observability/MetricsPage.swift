// Everything the server says about itself, one declaration a family.

import Protocol
import Reactor

struct MetricsPage {
  let lanes: LaneSnapshot
  let targets: [CopyTarget]
  let rekeying: RekeyingSnapshot
  let fleet: FleetStatus
  let settings: Settings
  let reload: SettingsReload.Snapshot
  let startedAt: Int64
  let now: Int64

  func render() -> String {
    var page = PrometheusText()
    process(&page)
    certificates(&page)
    collectors(&page)
    connections(&page)
    pushes(&page)
    writers(&page)
    return page.text
  }

  private func process(_ page: inout PrometheusText) {
    page.family(
      "pganalytics_build_info", .gauge, "1, with the version.", by: "version", [(Version.text, 1)])
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
      "Reloads of the settings that changed nothing because something was wrong.", reload.failures)
    page.family(
      "pganalytics_settings_reload_failing", .gauge, "1 while the last reload of the settings was such.",
      reload.isFailing ? 1 : 0)
    page.family(
      "pganalytics_settings_reloaded_timestamp_seconds", .gauge, "When the settings in use were read, unix time.",
      Int(reload.readAt))
    page.family(
      "pganalytics_held_bytes", .gauge, "Bodies and rows held now, against bytes_in_flight.", lanes.heldBytes)
    budgets(&page)
  }

  /// Each is named as the setting that limits it.
  private func budgets(_ page: inout PrometheusText) {
    let budgets = [
      ("bytes_in_flight", lanes.heldBytes, settings.bytesInFlight),
      ("pause_bytes", lanes.heldBytes, settings.pauseBytes),
      ("collector_bytes_in_flight", lanes.collectorBytes, settings.collectorBytesInFlight),
      ("admin_bytes_in_flight", lanes.gatheredBytes, settings.adminBytesInFlight),
      ("answer_bytes_in_flight", lanes.untakenBytes, settings.answerBytesInFlight),
    ]
    page.family(
      "pganalytics_budget_held_bytes", .gauge,
      "Memory held now, by the setting that limits it; of collectors, that of the one that holds most.", by: "budget",
      budgets.map { ($0.0, $0.1) })
    page.family(
      "pganalytics_budget_limit_bytes", .gauge, "What the setting permits.", by: "budget",
      budgets.map { ($0.0, $0.2) })
  }

  private func certificates(_ page: inout PrometheusText) {
    page.family(
      "pganalytics_certificate_not_after_seconds", .gauge, "End of a certificate, unix time.", by: "certificate",
      rekeying.notAfter.map { ($0.name, Int($0.seconds)) })
    page.family(
      "pganalytics_signing_keys", .gauge, "Keys that tokens may be signed with, the retiring ones included.",
      rekeying.signingKeys)
    page.family(
      "pganalytics_reload_failures_total", .counter,
      "Certificates or keys in the data directory that were no good; the old ones stayed in use.",
      rekeying.refusals)
    page.family(
      "pganalytics_reload_failing", .gauge, "1 while the data directory holds certificates or keys that are no good.",
      rekeying.isRefused ? 1 : 0)
  }

  private func collectors(_ page: inout PrometheusText) {
    page.family(
      "pganalytics_collectors", .gauge,
      "Collectors of the database by their state, a minute old at most. The same from every server.", by: "status",
      fleet.byStatus.map { ($0.rawValue, Int($1)) })
    page.family(
      "pganalytics_collectors_rejecting", .gauge,
      "Collectors of whose pushes something was rejected within the last hour. The same from every server.",
      Int(fleet.rejecting))
  }

  private func connections(_ page: inout PrometheusText) {
    let counters = lanes.counters
    page.family(
      "pganalytics_connections", .gauge, "Connections by what they are at.", by: "state",
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
    page.family("pganalytics_http_framing_errors_total", .counter, "Requests that broke HTTP.", counters.framingErrors)
    page.family("pganalytics_deadlines_total", .counter, "Deadlines that passed.", counters.deadlines)
    page.family("pganalytics_requests_total", .counter, "Requests other than pushes.", counters.requests)
    page.family(
      "pganalytics_identity_mismatches_total", .counter,
      "Requests whose certificate, token, path and body did not name one collector.", counters.identityMismatches)
    page.family(
      "pganalytics_collectors_refused_total", .counter,
      "Requests of collectors that were revoked, or whose certificate was, is unknown or has ended.",
      counters.collectorsRefused)
    page.family(
      "pganalytics_connections_severed_total", .counter,
      "Connections closed because their collector or certificate was revoked.", counters.connectionsSevered)
    page.family(
      "pganalytics_streams_broken_total", .counter,
      "Streamed answers that were cut off because the rest could not be read.", counters.streamsBroken)
    page.family(
      "pganalytics_answers_cut_total", .counter,
      "Connections cut off because answers that clients did not take had filled answer_bytes_in_flight.",
      counters.answersCut)
  }

  private func pushes(_ page: inout PrometheusText) {
    let counters = lanes.counters
    page.family(
      "pganalytics_pushes_received_total", .counter,
      "Pushes whose head was read: stored + duplicate + parked + refused + abandoned + in work.",
      counters.pushesReceived)
    page.family("pganalytics_pushes_stored_total", .counter, "Pushes committed.", counters.pushesStored)
    page.family("pganalytics_pushes_duplicate_total", .counter, "Pushes stored before.", counters.pushesDuplicate)
    page.family("pganalytics_pushes_parked_total", .counter, "Pushes kept as dead letters.", counters.pushesParked)
    page.family(
      "pganalytics_pushes_empty_total", .counter, "Pushes stored that had no row: the ledger has none of them.",
      counters.pushesEmpty)
    page.family(
      "pganalytics_pushes_unknown_total", .counter, "Pushes sent again because their commit's answer was lost.",
      counters.pushesUnknown)
    page.family(
      "pganalytics_pushes_refused_total", .counter, "Pushes refused, by the refusal's slug.", by: "reason",
      counters.pushesRefused.sorted { $0.key.slug < $1.key.slug }.map { ($0.key.slug, $0.value) })
    page.family(
      "pganalytics_pushes_abandoned_total", .counter, "Pushes whose client went away.", counters.pushesAbandoned)
    page.family("pganalytics_push_bytes_total", .counter, "Bodies of pushes on the wire.", counters.bytesReceived)
    page.family(
      "pganalytics_metrics_rejected_total", .counter, "Metric objects rejected in stored pushes, by why.", by: "code",
      RejectCode.allCases.map { ($0.rawValue, counters.metricsRejected[$0] ?? 0) })
    page.family(
      "pganalytics_rows_stored_total", .counter, "Rows committed, by table.", by: "table",
      targets.map { ($0.table, counters.rowsStored[$0.index]) })
    page.family("pganalytics_rows_repeated_total", .counter, "Rows that their push had twice.", counters.rowsRepeated)
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

  private func writers(_ page: inout PrometheusText) {
    page.family(
      "pganalytics_writers", .gauge, "COPY connections by what they are at or wait for.", by: "state",
      LaneSnapshot.WriterState.allCases.map { ($0.rawValue, lanes.writers[$0] ?? 0) })
    page.family("pganalytics_writer_backlog_bytes", .gauge, "Rows waiting or in COPY.", lanes.backlogBytes)
    page.family("pganalytics_writer_backlog_pushes", .gauge, "Pushes waiting or in COPY.", lanes.backlogPushes)
    page.family("pganalytics_batches_total", .counter, "Transactions begun.", lanes.counters.batches)
    page.family("pganalytics_batch_pushes", "Pushes of a transaction.", lanes.counters.batchPushes)
    page.family("pganalytics_batch_rows", "Rows of a transaction.", lanes.counters.batchRows)
    page.family("pganalytics_batch_bytes", "Rows of a transaction, in bytes.", lanes.counters.batchBytes)
    page.family("pganalytics_batch_failures_total", .counter, "Transactions that failed.", lanes.counters.batchFailures)
  }
}

enum MetricsEndpoint {
  static func declaration(_ services: Services) -> Endpoint {
    let targets = CompiledCatalog().targets
    return Endpoint(
      .get, "/metrics", id: "getServerCounters", tag: .system, access: .anyone,
      summary: "What the server counts, for Prometheus.",
      description: """
        For anyone, unless the setting `metrics_token` is set: then for whoever sends it as `Authorization: Bearer …`.
        """,
      returns: HTTPResponse.self, answers: [.text(example: "pganalytics_uptime_seconds 3600\n")],
      problems: [.unauthenticated]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let wanted = Array(services.settings.metricsToken.utf8)
      if !wanted.isEmpty {
        let shown = request.head.bearerToken.map { Array($0) } ?? []
        guard constantTimeEquals(shown.span, wanted.span) else { throw Problem(.unauthenticated, "metrics_token") }
      }
      guard let lanes = await services.lanes.snapshot() else { throw Problem(.shuttingDown, retryAfterSeconds: 5) }
      let page = MetricsPage(
        lanes: lanes, targets: targets, rekeying: RekeyingSnapshot(services.identity, services.signingKeys),
        fleet: services.directory.fleet,
        settings: services.settings, reload: services.reload.snapshot, startedAt: services.startedAt,
        now: context.now.unixMicroseconds / 1_000_000)
      return HTTPResponse(
        status: .ok, fields: [HTTPField("Content-Type", PrometheusText.contentType)], body: Array(page.render().utf8))
    }
  }
}
