// The check of standbys that are gone. A list without a standby is empty, so the write-ahead log's own row says that the
// collector could read the server.

extension Checks {
  static let standbys = [standbyGone]

  private static let standbyGone = Check(
    "standby_gone", "Standby gone", .critical,
    reads: ["pg_replication_wal", "pg_replication_wraparound", "pg_replication_status"],
    thresholds: [
      .init("lists", 2, in: 1...10, "So many lists in a row lack the standby; one may have met a reconnection."),
      .init("seconds", 60, "seconds", in: 0...86_400, "The standby was last listed this long before the latest list."),
      .init("hours", 24, "hours", in: 1...168, "After this time the standby is forgotten."),
    ],
    ends: "The finding of a standby ends when it is connected again, or `hours` after it was last connected.",
    advice: """
      Start the standby, or look at its log why it cannot connect. If it uses a slot, the primary keeps write-ahead log for \
      it until the disk is full: drop the slot if the standby does not come back.
      """,
    look: "servers/{id}/replication",
    sql: """
      WITH list AS MATERIALIZED (\(CheckSource.replication)),
      standby AS MATERIALIZED (
        SELECT l.server_id, l.time AS listed, o.name, r.time, r.client_addr, r.sync_state
        FROM list l
        JOIN pganalytics.objects o ON o.server_id = l.server_id AND o.kind = 'pg_replication_status'
        CROSS JOIN LATERAL (
          SELECT r.time, r.client_addr, r.sync_state FROM metrics.pg_replication_status r
          WHERE r.server_id = l.server_id AND r.object_id = o.object_id AND r.time > $2 - $3[3] * interval '1 hour'
            AND r.time <= $2
          ORDER BY r.time DESC LIMIT 1) r),
      -- Lists of an hour at most are counted: a standby that is gone for longer lacks in enough of them.
      absent AS (
        SELECT s.*, extract(epoch FROM s.listed - s.time)::float8 AS seconds, (
            SELECT count(*) FROM metrics.pg_replication_wal w
            WHERE w.server_id = s.server_id AND w.time > s.time + interval '10 seconds' AND w.time <= s.listed
              AND w.time > $2 - interval '1 hour' AND w.time <= $2
              AND (w.total_segments <> 0 OR w.current_wal_size_mb <> 0 OR w.wal_directory_size_mb <> 0
                OR \(CheckSource.has(
                  "pg_replication_wraparound",
                  "r.server_id = w.server_id AND r.time = w.time AND r.time > $2 - interval '1 hour' AND r.time <= $2"))))
            AS lists
        FROM standby s)
      SELECT server_id, coalesce(nullif(name, ''), client_addr, '') AS subject, seconds AS value, $3[2] AS threshold,
        lists >= $3[1] AND seconds >= $3[2] AS opens, lists > 0 AS holds,
        format('standby %s (%s) is not connected; it was last seen at %s', name, client_addr,
          to_char(time, 'YYYY-MM-DD HH24:MI:SS "UTC"')) AS message,
        jsonb_build_object('client_address', client_addr, 'sync_state', sync_state, 'last_seen_at', time) AS details
      FROM absent
      UNION ALL
      \(CheckSource.markers("list"))
      """)
}
