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
        .identifier("hash", means: "Hash of the normalised statement (queryid)."),
        .interned("text", means: "The normalised statement."),
        .counter("calls", means: "Executions."),
        .counter("rows", .rows, means: "Rows that the executions returned or changed."),
        .counterTime("total_time", means: "Time spent executing."),
        .real("mean_time", .milliseconds, means: "Mean time of an execution, since the counters were reset."),
        .real("min_time", .milliseconds, means: "Shortest execution since the counters were reset."),
        .real("max_time", .milliseconds, means: "Longest execution since the counters were reset."),
        .real("stddev_time", .milliseconds, means: "Standard deviation of the time of an execution."),
        .counter("shared_blks_hit", .blocks, means: "Blocks of tables and indexes found in the buffer cache."),
        .counter("shared_blks_read", .blocks, means: "Blocks of tables and indexes that had to be read."),
        .counter(
          "shared_blks_dirtied", .blocks, means: "Blocks of tables and indexes that the statement changed first."),
        .counter(
          "shared_blks_written", .blocks, means: "Blocks of tables and indexes that the statement had to write itself."),
        .counter("local_blks_hit", .blocks, means: "Blocks of temporary tables found in the session's buffers."),
        .counter("local_blks_read", .blocks, means: "Blocks of temporary tables that had to be read."),
        .counter("local_blks_dirtied", .blocks, means: "Blocks of temporary tables that the statement changed first."),
        .counter("local_blks_written", .blocks, means: "Blocks of temporary tables that the statement had to write."),
        .counter("temp_blks_read", .blocks, means: "Blocks read of temporary files, as sorts and hashes make them."),
        .counter("temp_blks_written", .blocks, means: "Blocks written to temporary files."),
        .counterTime("blk_read_time", means: "Time spent reading blocks; 0 unless track_io_timing is on."),
        .counterTime("blk_write_time", means: "Time spent writing blocks; 0 unless track_io_timing is on."),
        .counter("wal_records", means: "Records written to the write-ahead log."),
        .counter("wal_fpi", means: "Whole pages written to the write-ahead log."),
        .numericCounter("wal_bytes", .bytes, means: "Bytes written to the write-ahead log."),
        // Statements with the same hash differ in these three columns. The stock collector does not send them.
        .number("userid", means: "Object id of the user; NULL if the collector does not send it."),
        .number("dbid", means: "Object id of the database; NULL if the collector does not send it."),
        .flag(
          "toplevel",
          means: "Whether a client sent the statement, and no function ran it; NULL if the collector does not send it."),
        .made("statements", means: "Rows of the list that the server added up into this row."),
      ])
    return MetricType(
      "pg_query_stats", "Statement statistics.",
      [.database, .rows("queries", queries), .databases([.rows("queries", queries)])])
  }()
}
