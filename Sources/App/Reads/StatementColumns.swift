// The columns of figures that the reads of statements share.

extension ReadColumn {
  /// The figures of a statement, in the order of `StatementFigures.expressions`.
  static let statementFigures: [ReadColumn] = [
    .total("calls", means: "Executions.").sorted,
    .real("total_time", "milliseconds", means: "Time spent executing.").sorted,
    .real("mean_time", "milliseconds", means: "Time of an execution: total_time by calls.").sorted,
    .real("max_time", "milliseconds", means: "Longest execution since the counters were reset.").sorted,
    .total("rows", "rows", means: "Rows that the executions returned or changed.").sorted,
    .total("shared_blks_hit", "blocks", means: "Blocks found in the buffer cache.").sorted,
    .total("shared_blks_read", "blocks", means: "Blocks that had to be read.").sorted,
    .total("shared_blks_dirtied", "blocks", means: "Blocks that the statement changed first.").sorted,
    .total("shared_blks_written", "blocks", means: "Blocks that the statement had to write itself.").sorted,
    .total("temp_blks_read", "blocks", means: "Blocks read of temporary files.").sorted,
    .total("temp_blks_written", "blocks", means: "Blocks written to temporary files.").sorted,
    .total("wal_bytes", "bytes", means: "Bytes written to the write-ahead log.").sorted,
  ]
}

/// The expressions of `ReadColumn.statementFigures`.
enum StatementFigures {
  private static let counters = [
    "rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written", "temp_blks_read",
    "temp_blks_written", "wal_bytes",
  ]

  /// The sums over rows `alias` of `named`, as aggregates with the names of their columns. There is no `mean_time`,
  /// which follows from two of them.
  static func sums(_ alias: String) -> [String] {
    (["calls", "total_time"] + counters).map { "\(StatementSeries.total($0, alias)) AS \(quotedIdentifier($0))" }
      + ["max(\(alias).\"max_time.max\") AS max_time"]
  }

  /// The figures of a row `alias` that has the sums.
  static func expressions(_ alias: String) -> [String] {
    let mean = StatementSeries.quotient("\(alias).total_time", finiteDouble("\(alias).calls"))
    return ["\(alias).calls", "\(alias).total_time", "\(mean) AS mean_time", "\(alias).max_time"]
      + counters.map { "\(alias).\(quotedIdentifier($0))" }
  }
}
