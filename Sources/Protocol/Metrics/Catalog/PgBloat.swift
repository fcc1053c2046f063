extension MetricType {
  static let pgBloat: MetricType = {
    let tables = MetricTable(
      "pg_bloat_tables", "Dead rows and wasted space of one table.", database: true, object: ["schema", "table"],
      equals: .toldApartByPlace,
      columns: [
        .count("dead_tuples", .rows), .count("live_tuples", .rows), .real("dead_ratio_percent", .percent),
        .text("table_size"), .real("space_wasted_percent", .percent), .timestamp("last_vacuum"),
        .timestamp("last_autovacuum"), .counter("vacuum_count"), .counter("autovacuum_count"),
      ])
    let indexes = MetricTable(
      "pg_bloat_indexes", "Use and size of one index.", database: true, object: ["schema", "table", "index_name"],
      equals: .toldApartByPlace,
      columns: [
        .counter("scans"), .counter("tuples_read", .rows), .counter("tuples_fetched", .rows), .text("index_size"),
        .text("usage_status"), .text("recommendation"),
      ])
    return MetricType(
      "pg_bloat", "Bloat of tables and indexes.",
      [
        .ignored("collector_id"), .ignored("hostname"),
        .databases([.rows("table_bloat", tables), .rows("index_bloat", indexes)]),
      ])
  }()
}
