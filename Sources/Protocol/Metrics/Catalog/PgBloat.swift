extension MetricType {
  static let pgBloat: MetricType = {
    let tables = MetricTable(
      "pg_bloat_tables", "Dead rows and wasted space of one table.", database: true, object: ["schema", "table"],
      equals: .toldApartByPlace,
      columns: [
        .count("dead_tuples", .rows, means: "Dead rows that vacuum has not removed yet (n_dead_tup)."),
        .count("live_tuples", .rows, means: "Estimated live rows (n_live_tup)."),
        .real("dead_ratio_percent", .percent, means: "Dead rows as a share of all rows."),
        .text("table_size", means: "Size of the table as PostgreSQL prints it: `8192 bytes`, `16 MB`."),
        .real(
          "space_wasted_percent", .percent,
          means: "Share of the table's space that its dead rows are estimated to take."),
        .timestamp("last_vacuum", means: "When the table was last vacuumed by hand; NULL: never."),
        .timestamp("last_autovacuum", means: "When autovacuum last vacuumed the table; NULL: never."),
        .counter("vacuum_count", means: "Vacuums by hand."),
        .counter("autovacuum_count", means: "Vacuums by autovacuum."),
      ])
    let indexes = MetricTable(
      "pg_bloat_indexes", "Use and size of one index.", database: true, object: ["schema", "table", "index_name"],
      equals: .toldApartByPlace,
      columns: [
        .counter("scans", means: "Scans that used the index (idx_scan)."),
        .counter("tuples_read", .rows, means: "Index entries that scans returned (idx_tup_read)."),
        .counter("tuples_fetched", .rows, means: "Live rows that simple scans fetched by the index (idx_tup_fetch)."),
        .text("index_size", means: "Size of the index as PostgreSQL prints it: `16 kB`."),
        .text("usage_status", means: "UNUSED without a scan, RARELY_USED below 100, else ACTIVE."),
        .text("recommendation", means: "What the collector advises: CONSIDER_DROPPING or IN_USE."),
      ])
    return MetricType(
      "pg_bloat", "Bloat of tables and indexes.",
      [
        .ignored("collector_id"), .ignored("hostname"),
        .databases([.rows("table_bloat", tables), .rows("index_bloat", indexes)]),
      ])
  }()
}
