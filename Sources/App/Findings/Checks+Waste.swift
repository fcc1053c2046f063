// Checks of space that does no work: indexes that nothing uses, and bloat.

extension Checks {
  static let waste = [unusedLargeIndex, bloat]

  /// Looks at one sample of each day. An index that enforces something is needed although nothing scans it: the key of a
  /// constraint, and a unique index.
  private static let unusedLargeIndex = Check(
    "unused_large_index", "Large index that nothing uses", .warning, every: .seconds(3600),
    reads: ["pg_stats", "pg_stats_indexes", "pg_schema_indexes"],
    thresholds: [
      .init("megabytes", 1024, "megabytes", in: 1...1e9, "A smaller index opens no finding."),
      .init("days", 6, "days", in: 1...365, "No scan used the index in the stored samples of this many days."),
    ],
    ends: "The finding of an index ends when a scan uses it, when it has half of `megabytes`, or when it is dropped.",
    advice: """
      Look whether standbys use the index: their scans are not counted here. Look whether the index is unique. Then drop it \
      with DROP INDEX CONCURRENTLY: it costs space, and time at each change of the table.
      """,
    look: "servers/{id}/indexes",
    sql: """
      WITH \(CheckSource.databases("db")),
      \(CheckSource.listed("row", of: "db", "pg_stats_indexes", "r.size_bytes AS bytes")),
      \(CheckSource.complete("list", of: "db", "row")),
      large AS (
        SELECT row.* FROM row JOIN pganalytics.objects o ON o.server_id = row.server_id AND o.object_id = row.object_id
        WHERE row.bytes >= $3[1] * 524288 AND o.key[3] !~ '_(pkey|key|excl)$'
          AND NOT EXISTS (
            SELECT FROM pganalytics.objects c
            WHERE c.server_id = o.server_id AND c.kind = 'pg_schema_constraints' AND c.key = o.key)
          AND NOT EXISTS (
            SELECT FROM pganalytics.objects c
            WHERE c.server_id = o.server_id AND c.kind = 'pg_schema_indexes' AND c.key = o.key
              AND \(CheckSource.has(
                "pg_schema_indexes",
                """
                r.server_id = c.server_id AND r.object_id = c.object_id AND r.time > $2 - interval '1 day' AND r.time <= $2
                AND r.is_unique
                """)))),
      -- A counter that fell was reset; above zero it was used since.
      r AS (
        SELECT l.server_id, l.database_id, l.object_id, l.name, l.bytes, min(p.time) AS since,
          coalesce(bool_or(p.scans <> p.before AND p.scans > 0), false) AS is_used
        FROM large l
        CROSS JOIN LATERAL (
          SELECT i.time, i.scans, lag(i.scans) OVER (ORDER BY i.time) AS before
          FROM generate_series(0, $3[2]::int) AS day
          CROSS JOIN LATERAL (
            SELECT i.time, i.scans FROM metrics.pg_stats_indexes i
            WHERE i.server_id = l.server_id AND i.object_id = l.object_id
              AND i.database_id IS NOT DISTINCT FROM l.database_id AND i.time <= $2 - day * interval '1 day'
              AND i.time > $2 - day * interval '1 day' - interval '6 hours'
            ORDER BY i.time DESC LIMIT 1) i) p
        GROUP BY l.server_id, l.database_id, l.object_id, l.name, l.bytes)
      \(CheckSource.decisive(
        """
        SELECT r.server_id, \(CheckSource.objectSubject) AS subject, r.bytes AS value, $3[1] * 1048576 AS threshold,
            r.bytes >= $3[1] * 1048576 AND r.since <= $2 - $3[2] * interval '1 day' AND NOT r.is_used AS opens,
            NOT r.is_used AS holds,
            format('no scan has used index %s of %s for at least %s days', \(CheckSource.objectSubject),
              pg_size_pretty(r.bytes), $3[2]) AS message,
            jsonb_build_object('size_bytes', r.bytes, 'since', r.since) AS details
          FROM r \(CheckSource.databaseName)
        """, list: "list"))
      """)

  private static let bloat = Check(
    "bloat", "Bloated table", .warning, every: .seconds(1800), reads: ["pg_bloat_tables", "pg_stats"],
    thresholds: [
      .init("percent", 40, "percent", in: 1...100, "A table that wastes this share of its space opens a finding."),
      .init("percent_end", 30, "percent", in: 0...100, "Below this share the finding ends."),
      .init("megabytes", 1024, "megabytes", in: 0...1e9, "A smaller table opens no finding."),
    ],
    ends: """
      The finding of a table ends when it wastes less than `percent_end`, when it has half of `megabytes`, or when it is \
      dropped.
      """,
    advice: """
      Vacuum frees the space for new rows of the table. VACUUM FULL, or pg_repack without a long lock, gives it back to the \
      file system.
      """,
    look: "servers/{id}/indexes",
    sql: """
      WITH \(CheckSource.databases("db")),
      \(CheckSource.newest("newest", "pg_bloat_tables")),
      r AS MATERIALIZED (
        SELECT n.server_id, b.database_id, o.name, b.space_wasted_percent AS percent, b.dead_tuples AS dead,
          b.table_size AS size,
          CASE WHEN b.table_size ~ '^[0-9]{1,12} (bytes|kB|MB|GB)$' THEN pg_size_bytes(b.table_size)::float8
            WHEN b.table_size ~ '^[0-9]{1,6} TB$' THEN pg_size_bytes(b.table_size)::float8 END AS bytes
        FROM newest n
        JOIN pganalytics.objects o ON o.server_id = n.server_id AND o.kind = 'pg_bloat_tables'
        \(CheckSource.rows("pg_bloat_tables", "r.*", at: "n.time", CheckSource.isRecent("r"))) b),
      list AS MATERIALIZED (SELECT server_id FROM \(CheckSource.reachable("newest", "db")))
      \(CheckSource.decisive(
        """
        SELECT r.server_id, \(CheckSource.objectSubject) AS subject, r.percent AS value, $3[1] AS threshold,
            r.percent >= $3[1] AND r.bytes >= $3[3] * 1048576 AS opens,
            r.percent >= least($3[1], $3[2]) AND r.bytes >= $3[3] * 524288 AS holds,
            format('%s %% of table %s (%s) is wasted', round(r.percent::numeric), \(CheckSource.objectSubject), r.size) AS message,
            jsonb_build_object('size', r.size, 'bytes_wasted', round(r.bytes * r.percent / 100), 'dead_rows', r.dead)
              AS details
          FROM r \(CheckSource.databaseName)
        """, list: "list"))
      """)
}
