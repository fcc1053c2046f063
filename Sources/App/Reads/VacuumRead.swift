// Wraparound and vacuum: how far each database is from the end of its transaction ids, and the tables that wait for vacuum
// or analyze.

import Protocol

enum VacuumRead: Question {
  /// The age at which PostgreSQL's own failsafe begins (`vacuum_failsafe_age`).
  private static let failsafeAge = 1_600_000_000.0

  static let read = Read(
    "getServerVacuum", "/api/v1/servers/{id:int}/vacuum", about: .server,
    summary: "Wraparound and vacuum of one server: ages of databases, and tables with dead rows or old statistics.",
    description: """
      `data` has every table of the last list of each database. `dead_rows_stale` and `statistics_stale` say whether a table \
      has more dead rows, or more rows changed since the last analyze, than `dead_percent` or `modified_percent` of its live \
      rows and 50 rows. The defaults are those of PostgreSQL's autovacuum. The collector sends at most 100 tables of a database.

      `databases` has the age of the oldest transaction id of each database. `ids_per_day` is the sum of the decreases of \
      `xid_until_wraparound` in the range (or of the increases of `oldest_table_age`, if the first is not reported), divided \
      by the time; a vacuum that freezes rows is no negative use. `critical_at` is the time at which the age reaches \
      `critical_age` if the use goes on and no vacuum freezes rows. A range longer than \(ReadScope.shortHours) hours is read \
      by the last value of each hour.
      """,
    span: .seconds(86_400), filters: [.database],
    parameters: [
      ReadParameter(
        "critical_age", .number(1...2_147_483_647), default: failsafeAge,
        "The age in transactions that counts as critical. Default: 1600000000, where PostgreSQL's failsafe begins."),
      ReadParameter(
        "dead_percent", .number(0...1_000_000), default: 20,
        "Dead rows in percent of live rows from which a table waits for vacuum. Default: 20."),
      ReadParameter(
        "modified_percent", .number(0...1_000_000), default: 10,
        "Changed rows in percent of live rows from which a table waits for analyze. Default: 10."),
      ReadParameter("stale", .flag, "true: only tables that are stale; false: only those that are not."),
    ],
    sections: [tables, databases])

  private static let tables = ReadSection(
    "data", "The tables of the last list of each database.", .list(by: "-dead_rows"), from: ["pg_stats_tables"],
    ties: "r.database, r.schema, r.name",
    columns: [
      .text("database", means: "The table's database.").sorted,
      .text("schema", means: "The table's schema."),
      .text("name", means: "The table's name.").sorted,
      .count("live_rows", "rows", means: "Estimated live rows.").sorted,
      .count("dead_rows", "rows", means: "Estimated dead rows.").sorted,
      .real("dead_percent", "percent", means: "Dead rows as a share of all rows.").sorted,
      .flag("dead_rows_stale", means: "Whether the dead rows exceed the threshold.").sorted,
      .count("modified_since_analyze", "rows", means: "Estimated rows changed since the last analyze.").sorted,
      .flag("statistics_stale", means: "Whether the changed rows exceed the threshold.").sorted,
      .count("size_bytes", "bytes", means: "Size of the table.").sorted,
      .time("last_vacuum", means: "When the table was last vacuumed by hand; null: never."),
      .time("last_autovacuum", means: "When autovacuum last vacuumed the table; null: never."),
      .time("vacuumed_at", means: "The later one of `last_vacuum` and `last_autovacuum`.").sorted,
      .time("last_analyze", means: "When the table was last analyzed by hand; null: never."),
      .time("last_autoanalyze", means: "When autovacuum last analyzed the table; null: never."),
      .time("analyzed_at", means: "The later one of `last_analyze` and `last_autoanalyze`.").sorted,
    ]
  ) { scope in
    """
    SELECT s.* FROM (
      SELECT \(scope.text("t.database_id", of: "t")) AS database,
        \(scope.objectPart("schema", of: "pg_stats_tables", "t")) AS schema,
        \(scope.objectPart("name", of: "pg_stats_tables", "t")) AS name,
        t.live_tuples AS live_rows, t.dead_tuples AS dead_rows,
        100 * t.dead_tuples::float8 / nullif(t.live_tuples::float8 + t.dead_tuples, 0) AS dead_percent,
        t.dead_tuples > 50 + \(scope["dead_percent"]) / 100 * coalesce(t.live_tuples, 0) AS dead_rows_stale,
        t.modified_since_analyze,
        t.modified_since_analyze > 50 + \(scope["modified_percent"]) / 100 * coalesce(t.live_tuples, 0) AS statistics_stale,
        t.size_bytes, t.last_vacuum, t.last_autovacuum, greatest(t.last_vacuum, t.last_autovacuum) AS vacuumed_at,
        t.last_analyze, t.last_autoanalyze, greatest(t.last_analyze, t.last_autoanalyze) AS analyzed_at,
        t.time AS data_from, t.time AS data_until
      FROM \(scope.latest("pg_stats_tables")) t WHERE \(scope.isOfDatabase())
    ) s
    WHERE \(scope["stale"]) IS NULL
      OR \(scope["stale"]) = (coalesce(s.dead_rows_stale, false) OR coalesce(s.statistics_stale, false))
    """
  }

  private static let databases = ReadSection(
    "databases", "The databases, the oldest first.", .short, from: ["pg_replication_wraparound"],
    ties: "r.age DESC NULLS LAST, r.database",
    columns: [
      .text("database", means: "Name of the database."),
      .total("age", "transactions", means: "Age of the oldest transaction id that is not frozen."),
      .count("ids_left", "transactions", means: "Transaction ids left before the database stops taking writes."),
      .count("oldest_table_age", "transactions", means: "Age of the oldest table."),
      .count("tables_needing_vacuum", "tables", means: "Tables that should be vacuumed against wraparound."),
      .real("ids_per_day", "transactions a day", means: "Transaction ids used, over the range."),
      .time("critical_at", means: "When the age reaches `critical_age`; null: not in 100 years, or unknown."),
      .count("samples", means: "Values that `ids_per_day` was computed from; with 1 it is null."),
    ]
  ) { scope in
    // A slower use than this reaches the threshold in more than 100 years, and its date may be out of PostgreSQL's range.
    """
    SELECT l.database, l.age, l.xid_until_wraparound AS ids_left, l.oldest_table_age, l.tables_needing_vacuum, u.ids_per_day,
      CASE WHEN l.age >= \(scope["critical_age"])::numeric THEN l.time
        WHEN \(scope["critical_age"]) - l.age < 36525 * u.ids_per_day
        THEN l.time + make_interval(secs => (\(scope["critical_age"]) - l.age) / u.ids_per_day * 86400) END AS critical_at,
      coalesce(u.samples, 0) AS samples, least(u.first_time, l.time) AS data_from, l.time AS data_until,
      u.source
    FROM (
      SELECT t.*, \(scope.objectPart("database", of: "pg_replication_wraparound", "t")) AS database,
        coalesce(
          CASE WHEN t.relfrozenxid > 0 AND t.current_xid >= t.relfrozenxid THEN t.current_xid::numeric - t.relfrozenxid END,
          t.oldest_table_age, 2147483647 - t.xid_until_wraparound::numeric) AS age
      FROM \(scope.latest("pg_replication_wraparound")) t
    ) l
    LEFT JOIN (
      SELECT server_id, object_id, count(*) AS samples, min(time) AS first_time, max(source) AS source,
        (CASE WHEN count(xid_until_wraparound) > 1 THEN sum(greatest(ids_before - xid_until_wraparound, 0))
          ELSE sum(greatest(oldest_table_age - age_before, 0)) END
        )::float8 / nullif(extract(epoch FROM max(time) - min(time))::float8 / 86400, 0) AS ids_per_day
      FROM (
        SELECT t.*, lag(t.xid_until_wraparound::numeric) OVER series AS ids_before,
          lag(t.oldest_table_age::numeric) OVER series AS age_before
        FROM \(scope.points("pg_replication_wraparound", ["xid_until_wraparound", "oldest_table_age"])) t
        WINDOW series AS (PARTITION BY t.server_id, t.object_id ORDER BY t.time)
      ) steps
      GROUP BY server_id, object_id
    ) u ON u.server_id = l.server_id AND u.object_id = l.object_id
    WHERE \(scope[.databaseName])::text IS NULL OR l.database = \(scope[.databaseName])
    """
  }
}
