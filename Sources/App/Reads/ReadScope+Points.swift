// Values of gauges over a range of any length, one row for each piece of time.

extension ReadScope {
  /// Whether the range is so short that stored rows are read.
  private var isShort: String { "\(self[.end]) - \(self[.start]) <= interval '\(Self.shortHours) hours'" }
  static let shortHours = 6

  /// The values of gauges: those of every stored row of a short range, else the last value of each hour. So the values
  /// of a long range are the same from stored rows and from roll-ups. The relation has `server_id`, the ids of the
  /// series, `time`, `source` as in `parts`, and the columns.
  func points(_ table: String, _ columns: [String]) -> String {
    let ids = ["server_id"] + table.metricTable.identityColumns
    let keys = ids.map { "t.\(quotedIdentifier($0))" }.joined(separator: ", ")
    let raw = columns.map { ", t.\(quotedIdentifier($0))" }.joined()
    let last = columns.map { ", t.\(quotedIdentifier($0 + ".last")) AS \(quotedIdentifier($0))" }.joined()
    let hour = "date_bin('1 hour', t.first_time, timestamptz '2000-01-01 00:00:00+00')"
    return """
      (SELECT \(keys), t.time, 0 AS source\(raw) FROM \(rows(table)) t WHERE \(isShort)
      UNION ALL
      (SELECT DISTINCT ON (\(keys), \(hour)) \(keys), t.last_time AS time, t.source\(last)
      FROM \(parts(table, columns)) t WHERE NOT \(isShort)
      ORDER BY \(keys), \(hour), t.last_time DESC))
      """
  }
}
