extension MetricType {
  /// One metric for each database: its counters, its largest tables and indexes.
  static let pgStats: MetricType = {
    let database = MetricTable(
      "pg_stats", "Counters of one database (pg_stat_database).", database: true,
      equals: .each,
      columns: [
        .count("size_bytes", .bytes), .counter("transactions_committed"), .counter("transactions_rolledback"),
        .counter("tuples_returned", .rows), .counter("tuples_fetched", .rows), .counter("tuples_inserted", .rows),
        .counter("tuples_updated", .rows), .counter("tuples_deleted", .rows),
      ])
    let tables = MetricTable(
      "pg_stats_tables", "Statistics of one table (pg_stat_user_tables).", database: true,
      object: ["schema", "name"],
      equals: .toldApartByPlace,
      columns: [
        .count("live_tuples", .rows), .count("dead_tuples", .rows), .count("modified_since_analyze", .rows),
        .count("size_bytes", .bytes), .counter("vacuum_count"), .counter("autovacuum_count"),
        .timestamp("last_vacuum"), .timestamp("last_autovacuum"), .timestamp("last_analyze"),
        .timestamp("last_autoanalyze"),
      ])
    let indexes = MetricTable(
      "pg_stats_indexes", "Statistics of one index (pg_stat_user_indexes).", database: true,
      object: ["schema", "table", "name"],
      equals: .toldApartByPlace,
      columns: [
        .counter("scans"), .counter("tuples_read", .rows), .counter("tuples_returned", .rows),
        .count("size_bytes", .bytes), .text("status"),
      ])
    return MetricType(
      "pg_stats", "Database, table and index statistics.",
      [.database, .rows("tables", tables), .rows("indexes", indexes)] + Field.columns(of: database))
  }()
}
