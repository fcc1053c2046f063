extension MetricType {
  static let pgCache: MetricType = {
    let tables = MetricTable(
      "pg_cache_tables", "Buffer cache use of one table (pg_statio_user_tables).", database: true,
      object: ["schema", "table"],
      equals: .toldApartByPlace,
      columns: [
        .counter("heap_blks_hit", .blocks), .counter("heap_blks_read", .blocks), .counter("total_heap_blks", .blocks),
        .real("heap_cache_hit_ratio"), .counter("idx_blks_hit", .blocks), .counter("idx_blks_read", .blocks),
        .counter("total_idx_blks", .blocks), .real("idx_cache_hit_ratio"), .counter("toast_blks_hit", .blocks),
        .counter("toast_blks_read", .blocks), .counter("tidx_blks_hit", .blocks), .counter("tidx_blks_read", .blocks),
      ])
    let indexes = MetricTable(
      "pg_cache_indexes", "Buffer cache use of one index (pg_statio_user_indexes).", database: true,
      object: ["schema", "table", "index"],
      equals: .toldApartByPlace,
      columns: [
        .counter("blks_hit", .blocks), .counter("blks_read", .blocks), .counter("total_blks", .blocks),
        .real("cache_hit_ratio"),
      ])
    return MetricType(
      "pg_cache", "Buffer cache hit ratios.",
      [
        .ignored("collector_id"), .ignored("hostname"),
        .databases([.rows("table_cache_hit", tables), .rows("index_cache_hit", indexes)]),
      ])
  }()
}
