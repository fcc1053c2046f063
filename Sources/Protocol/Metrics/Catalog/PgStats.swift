extension MetricType {
  /// One metric for each database: its counters, its largest tables and indexes.
  static let pgStats: MetricType = {
    let database = MetricTable(
      "pg_stats", "Counters of one database (pg_stat_database).", database: true,
      equals: .each, zeroIsGap: true,
      columns: [
        .count("size_bytes", .bytes, means: "Size of the database."),
        .counter("transactions_committed", means: "Transactions committed."),
        .counter("transactions_rolledback", means: "Transactions rolled back."),
        .counter(
          "tuples_returned", .rows, means: "Rows that scans read: of tables, or by index entries (tup_returned)."),
        .counter("tuples_fetched", .rows, means: "Live rows fetched by index scans (tup_fetched)."),
        .counter("tuples_inserted", .rows, means: "Rows inserted."),
        .counter("tuples_updated", .rows, means: "Rows updated."),
        .counter("tuples_deleted", .rows, means: "Rows deleted."),
      ])
    let tables = MetricTable(
      "pg_stats_tables", "Statistics of one table (pg_stat_user_tables).", database: true,
      object: ["schema", "name"],
      equals: .toldApartByPlace,
      columns: [
        .count("live_tuples", .rows, means: "Estimated live rows (n_live_tup)."),
        .count("dead_tuples", .rows, means: "Estimated dead rows (n_dead_tup)."),
        .count(
          "modified_since_analyze", .rows, means: "Estimated rows changed since the last analyze (n_mod_since_analyze)."
        ),
        .count("size_bytes", .bytes, means: "Size of the table."),
        .counter("vacuum_count", means: "Vacuums by hand."),
        .counter("autovacuum_count", means: "Vacuums by autovacuum."),
        .timestamp("last_vacuum", means: "When the table was last vacuumed by hand; NULL: never."),
        .timestamp("last_autovacuum", means: "When autovacuum last vacuumed the table; NULL: never."),
        .timestamp("last_analyze", means: "When the table was last analyzed by hand; NULL: never."),
        .timestamp("last_autoanalyze", means: "When autovacuum last analyzed the table; NULL: never."),
      ])
    let indexes = MetricTable(
      "pg_stats_indexes", "Statistics of one index (pg_stat_user_indexes).", database: true,
      object: ["schema", "table", "name"],
      equals: .toldApartByPlace,
      columns: [
        .counter("scans", means: "Scans that used the index (idx_scan)."),
        .counter("tuples_read", .rows, means: "Index entries that scans returned (idx_tup_read)."),
        .counter("tuples_returned", .rows, means: "Live rows that simple scans fetched by the index (idx_tup_fetch)."),
        .count("size_bytes", .bytes, means: "Size of the index."),
        .text("status", means: "UNUSED without a scan, else USED."),
      ])
    return MetricType(
      "pg_stats", "Database, table and index statistics.",
      [.database, .rows("tables", tables), .rows("indexes", indexes)] + Field.columns(of: database))
  }()
}
