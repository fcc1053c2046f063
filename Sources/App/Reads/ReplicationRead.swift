// The replication of one server: its standbys, slots and subscriptions.
//
// A list counts as complete if the collector reports no error with it, and if it has anything: the stock collector sends empty
// lists and zeros for a server that it cannot reach. Only a complete list shows that a standby or a slot is gone.

import Protocol

enum ReplicationRead: Question {
  static let read = Read(
    "getServerReplication", "/api/v1/servers/{id:int}/replication", about: .server,
    summary: "The lag of a server's standbys, its replication slots and subscriptions.",
    description: """
      `data` has the lag of each standby over time. `standbys`, `slots` and `subscriptions` have what the range has of each,
      also of those that are gone.
      """,
    sections: [lag, standbys, slots, subscriptions, log])

  private static let standby = ReadColumn.text(
    "standby", means: "Application name of the standby. Standbys of one name are in one series.")

  private static let lag = ReadSection(
    "data", "Lag over time, by standby.", .series, from: ["pg_replication_status"], ties: "standby",
    columns: [.time("time", means: "Start of the bucket."), standby]
      + stages.flatMap { stage in
        [
          ReadColumn.real(
            "\(stage)_lag_ms", "milliseconds", means: "Mean time until the standby had \(done(stage)) it."),
          .count("most_\(stage)_lag_ms", "milliseconds", means: "Largest time until a standby had \(done(stage)) it."),
        ]
      } + [
        .real(
          "behind_mb", "megabytes", means: "Mean write-ahead log that the standby had written and not yet replayed."),
        .count("most_behind_mb", "megabytes", means: "Largest such amount of a standby."),
      ]
  ) { scope in
    func mean(_ column: String) -> String {
      #"pganalytics.double(sum(t."\#(column).sum") / nullif(sum(t."\#(column).count"), 0))"#
    }
    let columns = stages.map { "\($0)_lag_ms" } + ["behind_by_mb"]
    let values = columns.map { #", \#(mean($0)) AS "\#($0)", max(t."\#($0).max") AS "most_\#($0)""# }.joined()
    let names = stages.map { ", g.\($0)_lag_ms, g.most_\($0)_lag_ms" }.joined()
    return """
      SELECT g.time, \(scope.objectPart("application_name", of: "pg_replication_status", "g")) AS standby\(names),
        g.behind_by_mb AS behind_mb, g.most_behind_by_mb AS most_behind_mb, g.data_from, g.data_until, g.source
      FROM (
        SELECT \(scope.bucket(of: "t.time")) AS time, t.server_id, t.object_id\(values),
          min(t.first_time) AS data_from, max(t.last_time) AS data_until, max(t.source) AS source
        FROM \(scope.parts("pg_replication_status", columns)) t GROUP BY 1, 2, 3
      ) g
      """
  }

  private static let stages = ["write", "flush", "replay"]
  private static func done(_ stage: String) -> String {
    switch stage {
    case "write": "written"
    case "flush": "flushed"
    default: "replayed"
    }
  }

  // MARK: Complete lists

  private static let listed = [
    "pg_replication_wal", "pg_replication_status", "pg_replication_slots", "pg_replication_wraparound",
    "pg_replication_subscriptions",
  ]
  private static let tables = listed + ["pg_replication_errors"]

  /// The times of complete lists, by server.
  private static func lists(_ scope: ReadScope) -> String {
    let times = listed.map { "SELECT t.server_id, t.time FROM \(scope.rows($0)) t" }.joined(separator: " UNION ")
    return """
      (SELECT l.server_id, l.time FROM (\(times)) l WHERE NOT EXISTS (
        SELECT FROM \(scope.rows("pg_replication_errors")) e WHERE e.server_id = l.server_id AND e.time = l.time))
      """
  }

  /// The first complete list after the last row `s` of an object, as the relation `v`.
  private static let vanishing = """
    LEFT JOIN LATERAL (
      SELECT min(l.time) AS time FROM lists l WHERE l.server_id = s.server_id AND l.time > s.time
    ) v ON true
    """

  /// When an object was seen.
  private static func sightings(_ object: String) -> [ReadColumn] {
    [
      .time("first_seen", means: "Time of the first list of the range that has the \(object)."),
      .time("last_seen", means: "Time of the last list of the range that has the \(object)."),
      .flag("is_present", means: "Whether no complete list came after `last_seen`."),
      .time("vanished_at", means: "Time of the first complete list without it; null: it is present."),
    ]
  }

  // MARK: Standbys

  private static let standbys = ReadSection(
    "standbys", "The standbys of the range with their last state, also those that vanished.", .short, from: tables,
    ties: "is_present DESC, standby, client_address",
    columns: [
      .text("standby", means: "Application name of the standby."),
      .text("client_address", means: "Address of the standby. Name and address tell standbys apart."),
      .text("username", means: "User of the standby's connection."),
      .text("state", means: "What the sender did: startup, catchup, streaming, backup or stopping."),
      .text("sync_state", means: "Whether commits wait for the standby: async, potential, sync or quorum."),
      .text("write_lsn", means: "Last position that the standby had written."),
      .text("flush_lsn", means: "Last position that the standby had flushed to disk."),
      .text("replay_lsn", means: "Last position that the standby had replayed."),
      .count("write_lag_ms", "milliseconds", means: "Time from a local flush until the standby had written it."),
      .count("flush_lag_ms", "milliseconds", means: "Time from a local flush until the standby had flushed it."),
      .count("replay_lag_ms", "milliseconds", means: "Time from a local flush until the standby had replayed it."),
      .count("behind_mb", "megabytes", means: "Write-ahead log that the standby had written and not yet replayed."),
      .time("connected_at", means: "When the standby connected."),
    ] + sightings("standby")
  ) { scope in
    """
    WITH lists AS MATERIALIZED \(lists(scope))
    SELECT \(scope.objectPart("application_name", of: "pg_replication_status", "s")) AS standby,
      s.client_addr AS client_address, s.usename AS username, s.state, s.sync_state, s.write_lsn, s.flush_lsn,
      s.replay_lsn, s.write_lag_ms, s.flush_lag_ms, s.replay_lag_ms, s.behind_by_mb AS behind_mb,
      s.backend_start AS connected_at, s.first_seen, s.time AS last_seen, v.time IS NULL AS is_present,
      v.time AS vanished_at, s.first_seen AS data_from, s.time AS data_until
    FROM (
      SELECT DISTINCT ON (t.server_id, t.object_id, t.client_addr) t.*,
        min(t.time) OVER (PARTITION BY t.server_id, t.object_id, t.client_addr) AS first_seen
      FROM \(scope.rows("pg_replication_status")) t
      ORDER BY t.server_id, t.object_id, t.client_addr, t.time DESC, t.backend_start DESC, t.server_pid DESC
    ) s \(vanishing)
    """
  }

  // MARK: Slots

  private static let slots = ReadSection(
    "slots", "The replication slots of the range with their last state, also those that vanished.", .short,
    from: tables + ["disk_usage"], ties: "is_present DESC, retained_bytes DESC NULLS LAST, slot",
    columns: [
      .text("slot", means: "Name of the slot."),
      .text("slot_type", means: "physical or logical."),
      .flag("is_active", means: "Whether a standby or subscriber was connected to the slot."),
      .count("pid", means: "Process id of the session that used the slot."),
      .text("restart_lsn", means: "Oldest position in the write-ahead log that the slot keeps."),
      .text("confirmed_flush_lsn", means: "Position up to which a logical subscriber has confirmed its data."),
      .total(
        "retained_bytes", "bytes", means: "Write-ahead log kept for the slot: the larger of the two reported sizes."),
      .real(
        "growth_bytes_per_hour", "bytes per hour",
        means: """
          Growth of the kept write-ahead log over the range: the median of the slopes between the last measurements of 48 \
          equal pieces of the range (Theil-Sen).
          """),
      .total(
        "free_bytes", "bytes",
        means: """
          Free space of the fullest file system of the host, a gigabyte counted as 1,000,000,000 bytes. No collector says \
          which file system has the write-ahead log.
          """),
      .time(
        "full_at",
        means: """
          When the slot will have filled the free space, if it goes on growing so. Null: the slot is gone, it does not \
          grow, or it takes more than a hundred years. It grows if three quarters of the slopes are upwards, out of at \
          least three.
          """),
      .time("active_at", means: "Time of the last list of the range in which the slot was active."),
    ] + sightings("slot")
  ) { scope in
    """
    WITH lists AS MATERIALIZED \(lists(scope)), measured AS MATERIALIZED (
      SELECT t.*, greatest(t.bytes_retained, t.wal_retained_mb::numeric * 1048576) AS retained
      FROM \(scope.rows("pg_replication_slots")) t
    ), points AS MATERIALIZED (
      SELECT DISTINCT ON (m.server_id, m.object_id, piece) m.server_id, m.object_id,
        width_bucket(date_part('epoch', m.time), date_part('epoch', \(scope[.start])),
          date_part('epoch', \(scope[.end])), 48) AS piece,
        date_part('epoch', m.time) AS seconds, pganalytics.double(m.retained) AS bytes
      FROM measured m WHERE m.retained IS NOT NULL ORDER BY m.server_id, m.object_id, piece, m.time DESC, m.retained DESC
    ), growth AS (
      SELECT p.server_id, p.object_id, count(*) AS slopes,
        percentile_cont(ARRAY[0.25, 0.5]) WITHIN GROUP (ORDER BY (q.bytes - p.bytes) / (q.seconds - p.seconds)) AS speeds
      FROM points p JOIN points q ON q.server_id = p.server_id AND q.object_id = p.object_id AND q.seconds > p.seconds
      GROUP BY 1, 2
    ), disks AS (
      SELECT DISTINCT ON (t.server_id) t.server_id, t.free_gb::numeric * 1000000000 AS free
      FROM \(scope.latest("disk_usage")) t ORDER BY t.server_id, t.percent_used DESC NULLS LAST, t.free_gb
    )
    SELECT \(scope.objectPart("slot_name", of: "pg_replication_slots", "s")) AS slot, s.slot_type, s.active AS is_active,
      nullif(s.backend_pid, 0) AS pid, s.restart_lsn, s.confirmed_flush_lsn, s.retained AS retained_bytes,
      g.speeds[2] * 3600 AS growth_bytes_per_hour, d.free AS free_bytes,
      CASE WHEN v.time IS NULL AND g.slopes >= 3 AND g.speeds[1] > 0
        AND pganalytics.double(d.free) < g.speeds[2] * 3155760000
        THEN s.time + make_interval(secs => pganalytics.double(d.free) / g.speeds[2]) END AS full_at,
      s.active_at, s.first_seen, s.time AS last_seen, v.time IS NULL AS is_present, v.time AS vanished_at,
      s.first_seen AS data_from, s.time AS data_until
    FROM (
      SELECT DISTINCT ON (m.server_id, m.object_id) m.*, min(m.time) OVER slot AS first_seen,
        max(m.time) FILTER (WHERE m.active) OVER slot AS active_at
      FROM measured m WINDOW slot AS (PARTITION BY m.server_id, m.object_id)
      ORDER BY m.server_id, m.object_id, m.time DESC, m.retained DESC NULLS LAST
    ) s LEFT JOIN growth g USING (server_id, object_id) LEFT JOIN disks d USING (server_id) \(vanishing)
    """
  }

  // MARK: Subscriptions and the write-ahead log

  private static let subscriptions = ReadSection(
    "subscriptions", "The logical subscriptions of the range with their last state, also those that vanished.", .short,
    from: tables, ties: "is_present DESC, subscription",
    columns: [
      .text("subscription", means: "Name of the subscription."),
      .text("database", means: "Database of the subscription."),
      .text("state", means: "State of the subscription."),
      .text("received_lsn", means: "Last position received from the publisher."),
      .text("latest_end_lsn", means: "Last position confirmed to the publisher."),
      .time("sent_at", means: "When the publisher's last message was sent, by the publisher's clock."),
      .time("received_at", means: "When the publisher's last message was received, by the subscriber's clock."),
      .real(
        "transit_seconds", "seconds",
        means: "From `sent_at` to `received_at`: the way of the message, and the difference of the clocks."),
      .real("silent_seconds", "seconds", means: "From `received_at` to `last_seen`."),
      .count("worker_pid", means: "Process id of the apply worker."),
      .count("worker_count", means: "Workers of the subscription."),
    ] + sightings("subscription")
  ) { scope in
    """
    WITH lists AS MATERIALIZED \(lists(scope))
    SELECT \(scope.objectPart("sub_name", of: "pg_replication_subscriptions", "s")) AS subscription, s.database,
      s.sub_state AS state, s.received_lsn, s.latest_end_lsn, s.last_msg_send_time AS sent_at,
      s.last_msg_receipt_time AS received_at,
      \(seconds("s.last_msg_send_time", to: "s.last_msg_receipt_time")) AS transit_seconds,
      \(seconds("s.last_msg_receipt_time", to: "s.time")) AS silent_seconds, s.worker_pid, s.worker_count,
      s.first_seen, s.time AS last_seen, v.time IS NULL AS is_present, v.time AS vanished_at,
      s.first_seen AS data_from, s.time AS data_until
    FROM (
      SELECT DISTINCT ON (t.server_id, t.object_id) t.*,
        min(t.time) OVER (PARTITION BY t.server_id, t.object_id) AS first_seen
      FROM \(scope.rows("pg_replication_subscriptions")) t
      ORDER BY t.server_id, t.object_id, t.time DESC, t.worker_pid DESC
    ) s \(vanishing)
    """
  }

  /// The seconds between two times; NULL if one of them is infinite.
  private static func seconds(_ from: String, to: String) -> String {
    "CASE WHEN isfinite(\(from)) AND isfinite(\(to)) THEN date_part('epoch', \(to) - \(from)) END"
  }

  private static let log = ReadSection(
    "wal", "The size of the write-ahead log over time.", .series, from: ["pg_replication_wal"], ties: "most_size_mb",
    columns: [
      .time("time", means: "Start of the bucket."),
      .count("most_segments", means: "Largest number of segment files."),
      .count("most_size_mb", "megabytes", means: "Largest size of the write-ahead log."),
      .count("most_directory_size_mb", "megabytes", means: "Largest size of the directory pg_wal."),
    ]
  ) { scope in
    """
    SELECT \(scope.bucket(of: "t.time")) AS time, max(t."total_segments.max") AS most_segments,
      max(t."current_wal_size_mb.max") AS most_size_mb, max(t."wal_directory_size_mb.max") AS most_directory_size_mb,
      min(t.first_time) AS data_from, max(t.last_time) AS data_until, max(t.source) AS source
    FROM \(scope.parts("pg_replication_wal", ["total_segments", "current_wal_size_mb", "wal_directory_size_mb"])) t
    GROUP BY 1
    """
  }
}
