// Checks of tables: what autovacuum and autoanalyze should have done.

extension Checks {
  static let tables = [deadRowsGrowth, autovacuumOverdue, staleStatistics]

  private static let deadRowsGrowth = Check(
    "dead_rows_growth", "Dead rows grow", .warning, every: .seconds(600), reads: ["pg_stats", "pg_stats_tables"],
    thresholds: [
      .init("rows", 100_000, "rows", in: 1...1e12, "A table with fewer dead rows opens no finding."),
      .init("percent", 30, "percent", in: 1...10_000, "Dead rows as a share of the live ones that open a finding."),
      .init("percent_end", 15, "percent", in: 0...10_000, "Below this share the finding ends."),
      .init(
        "minutes", 120, "minutes", in: 3...1440, "The dead rows grew in each third of this time."),
    ],
    ends: "The finding of a table ends when it has half of `rows`, or less than `percent_end`, or when it is dropped.",
    advice: """
      Look for a long transaction, an inactive replication slot or a prepared transaction: they keep dead rows from being \
      removed. If there is none, look whether autovacuum is on for the table and fast enough (autovacuum_vacuum_cost_limit).
      """,
    look: "servers/{id}/vacuum",
    sql: """
      WITH \(CheckSource.databases("db")),
      \(CheckSource.listed(
        "row", of: "db", "pg_stats_tables",
        "r.live_tuples AS live, r.dead_tuples AS dead, 100 * r.dead_tuples / greatest(r.live_tuples, 1)::float8 AS share")),
      \(CheckSource.complete("list", of: "db", "row")),
      -- Only the past of tables that may open a finding is read.
      r AS (
        SELECT row.*, past.before, coalesce(past.is_growing, false) AS is_growing
        FROM row
        LEFT JOIN LATERAL (
          SELECT min(p.dead) AS before, count(*) = 3 AND bool_and(p.dead < p.after) AS is_growing
          FROM (
            SELECT t.dead, coalesce(lag(t.dead) OVER (ORDER BY third), row.dead) AS after
            FROM generate_series(1, 3) AS third
            CROSS JOIN LATERAL (
              SELECT t.dead_tuples AS dead FROM metrics.pg_stats_tables t
              WHERE t.server_id = row.server_id AND t.object_id = row.object_id
                AND t.database_id IS NOT DISTINCT FROM row.database_id
                AND t.time <= $2 - third * $3[4] / 3 * interval '1 minute'
                AND t.time > $2 - third * $3[4] / 3 * interval '1 minute' - \(CheckSource.span)
              ORDER BY t.time DESC LIMIT 1) t
            WHERE row.dead >= $3[1] AND row.share >= $3[2]) p) past ON true)
      \(CheckSource.decisive(
        """
        SELECT r.server_id, \(CheckSource.objectSubject) AS subject, r.share AS value, $3[2] AS threshold,
            r.dead >= $3[1] AND r.share >= $3[2] AND r.is_growing AS opens,
            r.dead >= $3[1] / 2 AND r.share >= least($3[2], $3[3]) AS holds,
            format('table %s has %s dead rows, %s %% of its live rows, and they grow', \(CheckSource.objectSubject), r.dead,
              round(r.share::numeric)) AS message,
            jsonb_build_object('dead_rows', r.dead, 'live_rows', r.live, 'dead_rows_before', r.before) AS details
          FROM r \(CheckSource.databaseName)
        """, list: "list"))
      """)

  /// What both checks below read.
  private static let maintained = """
    WITH \(CheckSource.databases("db")),
    \(CheckSource.listed(
      "row", of: "db", "pg_stats_tables",
      """
      r.live_tuples AS live, r.dead_tuples AS dead, r.modified_since_analyze AS modified,
      greatest(r.last_vacuum, r.last_autovacuum) AS vacuumed, greatest(r.last_analyze, r.last_autoanalyze) AS analyzed
      """)),
    \(CheckSource.complete("list", of: "db", "row"))
    """

  private static func date(_ time: String) -> String {
    "coalesce(to_char(\(time), 'YYYY-MM-DD HH24:MI \"UTC\"'), 'never')"
  }

  private static let autovacuumOverdue = Check(
    "autovacuum_overdue", "Autovacuum overdue", .warning, every: .seconds(600), reads: ["pg_stats", "pg_stats_tables"],
    thresholds: [
      .init(
        "times", 2, in: 1...1000,
        "Dead rows as a multiple of autovacuum's default bound, which is 50 rows and a fifth of the table."),
      .init("rows", 10_000, "rows", in: 1...1e12, "A table with fewer dead rows opens no finding."),
      .init("hours", 3, "hours", in: 0...8784, "The table was not vacuumed for this long."),
    ],
    ends: "The finding of a table ends when it is vacuumed, has fewer dead rows than the bound, or is dropped.",
    advice: """
      Look whether autovacuum is on, also for this table, and whether its workers are all busy (autovacuum_max_workers). \
      Vacuum the table by hand.
      """,
    look: "servers/{id}/vacuum",
    sql: """
      \(maintained),
      r AS (
        SELECT row.*, 50 + 0.2 * row.live AS bound,
          row.vacuumed IS NULL OR row.vacuumed < $2 - $3[3] * interval '1 hour' AS is_late
        FROM row)
      \(CheckSource.decisive(
        """
        SELECT r.server_id, \(CheckSource.objectSubject) AS subject, r.dead AS value, $3[1] * r.bound AS threshold,
            r.dead >= $3[1] * r.bound AND r.dead >= $3[2] AND r.is_late AS opens,
            r.dead >= r.bound AND r.dead >= $3[2] / 2 AND r.is_late AS holds,
            format('table %s has %s dead rows, %s times the bound of autovacuum; last vacuum: %s',
              \(CheckSource.objectSubject), r.dead, round((r.dead / r.bound)::numeric, 1), \(date("r.vacuumed"))) AS message,
            jsonb_build_object('dead_rows', r.dead, 'live_rows', r.live, 'last_vacuum', r.vacuumed) AS details
          FROM r \(CheckSource.databaseName)
        """, list: "list"))
      """)

  private static let staleStatistics = Check(
    "stale_statistics", "Stale statistics", .warning, every: .seconds(1800), reads: ["pg_stats", "pg_stats_tables"],
    thresholds: [
      .init(
        "times", 3, in: 1...1000,
        "Changed rows as a multiple of autoanalyze's default bound, which is 50 rows and a tenth of the table."),
      .init("rows", 10_000, "rows", in: 1...1e12, "A table with fewer changed rows opens no finding."),
      .init("hours", 6, "hours", in: 0...8784, "The table was not analyzed for this long."),
    ],
    ends: "The finding of a table ends when it is analyzed, has fewer changed rows than the bound, or is dropped.",
    advice: "Analyze the table, and look why autoanalyze does not: the planner works with old statistics.",
    look: "servers/{id}/vacuum",
    sql: """
      \(maintained),
      r AS (
        SELECT row.*, 50 + 0.1 * row.live AS bound,
          row.analyzed IS NULL OR row.analyzed < $2 - $3[3] * interval '1 hour' AS is_late
        FROM row)
      \(CheckSource.decisive(
        """
        SELECT r.server_id, \(CheckSource.objectSubject) AS subject, r.modified AS value, $3[1] * r.bound AS threshold,
            r.modified >= $3[1] * r.bound AND r.modified >= $3[2] AND r.is_late AS opens,
            r.modified >= r.bound AND r.modified >= $3[2] / 2 AND r.is_late AS holds,
            format('%s rows of table %s changed since its last analyze: %s', r.modified, \(CheckSource.objectSubject),
              \(date("r.analyzed"))) AS message,
            jsonb_build_object('modified_rows', r.modified, 'live_rows', r.live, 'last_analyze', r.analyzed) AS details
          FROM r \(CheckSource.databaseName)
        """, list: "list"))
      """)
}
