// The pieces of series in which roll-ups without a break between them are one piece, so that the increase of a counter
// needs the order of few pieces.

import Protocol

extension RollupPart {
  /// The part of a run `t`: roll-ups of one series of which each goes on from the one before without a break
  /// (`RollupTable.unbroken`). No counter falls in a run, so its smallest value is the first one, and its largest value the
  /// last one. An increase is that of the counters as they are, and not a sum of rounded steps.
  fileprivate func ofRun(_ column: MetricColumn) -> String {
    func value(_ part: RollupPart) -> String { "t.\(quotedIdentifier(part.name(of: column)))" }
    let (first, last) = ("min(\(value(.first)))", "max(\(value(.last)))")
    return switch self {
    case .count: "sum(\(value(.count)))::int4"
    case .sum: RollupPart.composedSum(column)
    case .min: "min(\(value(.min)))"
    case .max: "max(\(value(.max)))"
    case .first: first
    case .last: last
    case .increase: column.kind == .int8 ? "\(last)::numeric - \(first)" : "\(last) - \(first)"
    case .elapsed:
      "CASE WHEN \(last) IS NOT NULL THEN date_part('epoch', max(t.last_time) - min(t.first_time)) END"
    }
  }
}

extension ReadScope {
  /// The same as `parts`, with one row for each run of roll-ups. A roll-up that has a break, or of which that is unknown, is
  /// a row of its own, and so is a stored row.
  ///
  /// Nearly all series have no break, and of these the statement orders nothing. For the others `breaks` has the times at
  /// which runs end, by statement or object.
  /// - Parameter values: columns of `table` with the parts that are wanted, counters or gauges.
  func runs(_ table: String, _ values: [(column: MetricColumn, part: RollupPart)], _ span: ReadSpan) -> String {
    let declared = table.metricTable
    let pieces = ReadPieces(self, declared, values, span, tellBreaks: true)
    let rollups = "(\(pieces.rollups.joined(separator: "\nUNION ALL\n")))"
    let names = values.map { quotedIdentifier($1.name(of: $0)) }
    let keys = Self.keys(declared)
    let columns = pieces.keys.dropFirst().joined(separator: ", ")
    let id = declared.identityColumns.first { ["hash", "object_id"].contains($0) }.map {
      "coalesce(t.\(quotedIdentifier($0)), 0)"
    }
    let parts = values.map { "\($1.ofRun($0)) AS \(quotedIdentifier($1.name(of: $0)))" }
    return """
      (WITH broken AS MATERIALIZED (
        SELECT t.* FROM \(rollups) t WHERE t.\(RollupTable.unbroken) IS NOT TRUE
      ), breaks AS MATERIALIZED (
        SELECT \(id ?? "0") AS id, array_agg(DISTINCT t.time ORDER BY t.time) AS times FROM broken t GROUP BY 1
      )
      \(pieces.firstRows)
      UNION ALL
      SELECT \(pieces.keys.joined(separator: ", ")), t.first_time, t.last_time, t.source\(names.map { ", t.\($0)" }.joined())
      FROM broken t
      UNION ALL
      SELECT min(t.first_time) AS time, \(columns), min(t.first_time), max(t.last_time), max(t.source),
        \(parts.joined(separator: ", "))
      FROM \(rollups) t LEFT JOIN breaks b ON b.id = \(id ?? "0")
      WHERE t.\(RollupTable.unbroken)
      GROUP BY \(keys.joined(separator: ", ")), coalesce(width_bucket(t.time, b.times), 0)
      UNION ALL
      \(pieces.lastRows))
      """
  }
}
