extension MetricType {
  /// One metric a database, or one for all with `databases: [{database, queries}]`.
  static let pgQueryStats: MetricType = {
    let queries = MetricTable(
      "pg_query_stats", "Counters of one normalised statement (pg_stat_statements).", database: true,
      distinct: ["hash"],
      columns: [
        .number("hash"), .interned("text"), .counter("calls"), .counter("rows", .rows),
        .counterTime("total_time"), .real("mean_time", .milliseconds), .real("min_time", .milliseconds),
        .real("max_time", .milliseconds), .real("stddev_time", .milliseconds),
        .counter("shared_blks_hit", .blocks), .counter("shared_blks_read", .blocks),
        .counter("shared_blks_dirtied", .blocks), .counter("shared_blks_written", .blocks),
        .counter("local_blks_hit", .blocks), .counter("local_blks_read", .blocks),
        .counter("local_blks_dirtied", .blocks), .counter("local_blks_written", .blocks),
        .counter("temp_blks_read", .blocks), .counter("temp_blks_written", .blocks),
        .counterTime("blk_read_time"), .counterTime("blk_write_time"),
        .counter("wal_records"), .counter("wal_fpi"), .counter("wal_bytes", .bytes),
      ])
    return MetricType(
      "pg_query_stats", "Statement statistics.",
      [.database, .rows("queries", queries), .databases([.rows("queries", queries)])])
  }()
}
