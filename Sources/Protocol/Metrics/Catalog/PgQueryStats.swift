extension MetricType {
  /// The stock collector sends one row for each user, database and level of a statement, but sends none of these three
  /// values. So rows with the same hash are added up. There is one metric for each database, or one for all databases
  /// with `databases: [{database, queries}]`.
  static let pgQueryStats: MetricType = {
    let queries = MetricTable(
      "pg_query_stats", "Counters of one normalised statement (pg_stat_statements).", database: true,
      distinct: ["hash", "userid", "dbid", "toplevel"],
      equals: .addedUp(
        .init(
          count: "statements", weight: "calls", mean: "mean_time", deviation: "stddev_time", least: ["min_time"],
          most: ["max_time"])),
      columns: [
        .identifier("hash"), .interned("text"), .counter("calls"), .counter("rows", .rows),
        .counterTime("total_time"), .real("mean_time", .milliseconds), .real("min_time", .milliseconds),
        .real("max_time", .milliseconds), .real("stddev_time", .milliseconds),
        .counter("shared_blks_hit", .blocks), .counter("shared_blks_read", .blocks),
        .counter("shared_blks_dirtied", .blocks), .counter("shared_blks_written", .blocks),
        .counter("local_blks_hit", .blocks), .counter("local_blks_read", .blocks),
        .counter("local_blks_dirtied", .blocks), .counter("local_blks_written", .blocks),
        .counter("temp_blks_read", .blocks), .counter("temp_blks_written", .blocks),
        .counterTime("blk_read_time"), .counterTime("blk_write_time"),
        .counter("wal_records"), .counter("wal_fpi"), .numericCounter("wal_bytes", .bytes),
        // Statements with the same hash differ in these three columns. The stock collector does not send them.
        .number("userid"), .number("dbid"), .flag("toplevel"), .made("statements"),
      ])
    return MetricType(
      "pg_query_stats", "Statement statistics.",
      [.database, .rows("queries", queries), .databases([.rows("queries", queries)])])
  }()
}
