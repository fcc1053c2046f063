extension MetricType {
  static let pgCache: MetricType = {
    let tables = MetricTable(
      "pg_cache_tables", "Buffer cache use of one table (pg_statio_user_tables).", database: true,
      object: ["schema", "table"],
      equals: .toldApartByPlace,
      columns: [
        .counter("heap_blks_hit", .blocks, means: "Blocks of the table found in the buffer cache."),
        .counter("heap_blks_read", .blocks, means: "Blocks of the table that had to be read."),
        .counter("total_heap_blks", .blocks, means: "The two together."),
        .real(
          "heap_cache_hit_ratio", .percent,
          means: "Blocks of the table found in the cache as a share of those asked for."),
        .counter("idx_blks_hit", .blocks, means: "Blocks of the table's indexes found in the buffer cache."),
        .counter("idx_blks_read", .blocks, means: "Blocks of the table's indexes that had to be read."),
        .counter("total_idx_blks", .blocks, means: "The two together."),
        .real(
          "idx_cache_hit_ratio", .percent,
          means: "Blocks of the indexes found in the cache as a share of those asked for."),
        .counter("toast_blks_hit", .blocks, means: "Blocks of the TOAST table found in the buffer cache."),
        .counter("toast_blks_read", .blocks, means: "Blocks of the TOAST table that had to be read."),
        .counter("tidx_blks_hit", .blocks, means: "Blocks of the TOAST table's index found in the buffer cache."),
        .counter("tidx_blks_read", .blocks, means: "Blocks of the TOAST table's index that had to be read."),
      ])
    let indexes = MetricTable(
      "pg_cache_indexes", "Buffer cache use of one index (pg_statio_user_indexes).", database: true,
      object: ["schema", "table", "index"],
      equals: .toldApartByPlace,
      columns: [
        .counter("blks_hit", .blocks, means: "Blocks of the index found in the buffer cache."),
        .counter("blks_read", .blocks, means: "Blocks of the index that had to be read."),
        .counter("total_blks", .blocks, means: "The two together."),
        .real(
          "cache_hit_ratio", .percent, means: "Blocks of the index found in the cache as a share of those asked for."),
      ])
    return MetricType(
      "pg_cache", "Buffer cache hit ratios.",
      [
        .ignored("collector_id"), .ignored("hostname"),
        .databases([.rows("table_cache_hit", tables), .rows("index_cache_hit", indexes)]),
      ])
  }()
}
