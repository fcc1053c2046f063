// Checks of standbys and replication slots. Standbys and slots can be none, so the write-ahead log's own row, or the
// databases' distance to wraparound, says that the collector could read the server.

extension Checks {
  static let replication = [replicationLag, slotRetention, inactiveSlot]

  private static let replicationLag = Check(
    "replication_lag", "Replication lag", .warning, reads: ["pg_replication_wal", "pg_replication_status"],
    thresholds: [
      .init("seconds", 60, "seconds", in: 0.1...31_536_000, "A standby that replays this late opens a finding."),
      .init("seconds_end", 30, "seconds", in: 0...31_536_000, "Below this lag the finding ends."),
      .init(
        "megabytes", 1024, "megabytes", in: 1...1e9, "A standby that has this much yet to replay opens a finding, too."),
      .init("megabytes_end", 512, "megabytes", in: 0...1e9, "The finding ends only below this amount."),
    ],
    absence: .gone,
    ends: "The finding of a standby ends when it is below both lower thresholds, or when the standby is gone.",
    advice: """
      Look whether the standby replays (a long query on it may hold replay up), and whether network and disk keep up with \
      the write-ahead log.
      """,
    look: "servers/{id}/replication",
    sql: """
      WITH list AS MATERIALIZED (\(CheckSource.replication)),
      standby AS (\(CheckSource.objects("pg_replication_status", "r.replay_lag_ms, r.behind_by_mb, r.state, r.client_addr"))),
      lag AS (
        SELECT s.*, o.name, coalesce(s.replay_lag_ms, 0)::float8 / 1000 AS seconds, coalesce(s.behind_by_mb, 0) AS megabytes
        FROM list l JOIN standby s ON \(CheckSource.belongs("s", to: "l"))
        JOIN pganalytics.objects o ON o.server_id = s.server_id AND o.object_id = s.object_id)
      SELECT server_id, name AS subject, seconds AS value, $3[1] AS threshold,
        seconds >= $3[1] OR megabytes >= $3[3] AS opens,
        seconds >= least($3[1], $3[2]) OR megabytes >= least($3[3], $3[4]) AS holds,
        format('standby %s replays %s late and has %s MB yet to replay', coalesce(nullif(name, ''), client_addr),
          \(CheckSource.duration("seconds")), megabytes) AS message,
        jsonb_build_object('state', state, 'client_address', client_addr, 'megabytes', megabytes) AS details
      FROM lag
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  /// Slots of the latest list.
  private static let slots = """
    list AS MATERIALIZED (\(CheckSource.replication)),
    source AS (\(CheckSource.objects(
      "pg_replication_slots", "r.slot_type, r.active, r.wal_retained_mb, r.bytes_retained"))),
    slot AS MATERIALIZED (
      SELECT r.*, o.name, greatest(coalesce(r.bytes_retained, 0), coalesce(r.wal_retained_mb, 0) * 1048576)::float8 AS bytes
      FROM list l JOIN source r ON \(CheckSource.belongs("r", to: "l"))
      JOIN pganalytics.objects o ON o.server_id = r.server_id AND o.object_id = r.object_id)
    """

  private static let slotRetention = Check(
    "slot_retention", "Slot keeps much write-ahead log", .critical,
    reads: ["pg_replication_wal", "pg_replication_slots"],
    thresholds: [
      .init("bytes", 10_737_418_240, "bytes", in: 1_048_576...1e15, "A slot that keeps this much opens a finding."),
      .init("bytes_end", 8_589_934_592, "bytes", in: 0...1e15, "Below this amount the finding ends."),
    ],
    absence: .gone,
    ends: "The finding of a slot ends when it keeps less than `bytes_end`, or when the slot is dropped.",
    advice: """
      Start the subscriber or standby that the slot is for, or drop the slot: it keeps write-ahead log until the disk is \
      full. max_slot_wal_keep_size limits that.
      """,
    look: "servers/{id}/replication",
    sql: """
      WITH \(slots)
      SELECT server_id, name AS subject, bytes AS value, $3[1] AS threshold, bytes >= $3[1] AS opens,
        bytes >= least($3[1], $3[2]) AS holds,
        format('slot %s keeps %s of write-ahead log and is %s', name, pg_size_pretty(bytes::numeric),
          CASE WHEN active THEN 'active' ELSE 'inactive' END) AS message,
        jsonb_build_object('slot_type', slot_type, 'active', active) AS details
      FROM slot
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  private static let inactiveSlot = Check(
    "inactive_slot", "Inactive replication slot", .warning, reads: ["pg_replication_wal", "pg_replication_slots"],
    thresholds: [
      .init(
        "seconds", 3600, "seconds", in: 60...604_800, "A slot that nothing has used for this long opens a finding.")
    ],
    ends: "The finding of a slot ends when a standby or subscriber uses it, or when it is dropped.",
    advice: "Start the subscriber or standby that the slot is for, or drop the slot.",
    look: "servers/{id}/replication",
    sql: """
      WITH \(slots),
      idle AS (
        SELECT s.*, extract(epoch FROM $2 - used.time)::float8 AS seconds
        FROM slot s
        CROSS JOIN LATERAL (
          SELECT coalesce(max(r.time) FILTER (WHERE r.active), min(r.time)) AS time FROM metrics.pg_replication_slots r
          WHERE r.server_id = s.server_id AND r.object_id = s.object_id
            AND r.time > $2 - make_interval(secs => $3[1] + 900) AND r.time <= $2) used
        WHERE NOT s.active)
      SELECT server_id, name AS subject, seconds AS value, $3[1] AS threshold, seconds >= $3[1] AS opens, true AS holds,
        format('nothing has used slot %s for at least %s; it keeps %s', name,
          \(CheckSource.duration("seconds")), pg_size_pretty(bytes::numeric)) AS message,
        jsonb_build_object('slot_type', slot_type, 'bytes', bytes) AS details
      FROM idle
      UNION ALL
      \(CheckSource.markers("list"))
      """)
}
