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

  /// Whether the part of a run follows from the first and the last value.
  fileprivate var isOfEnds: Bool {
    switch self {
    case .increase, .elapsed: true
    case .count, .sum, .min, .max, .first, .last: false
    }
  }
}

extension ReadScope {
  /// The same as `parts`, with one row for each run of roll-ups. A roll-up that has a break, or of which that is unknown, is
  /// a row of its own, and so is a stored row.
  ///
  /// `sketches` aggregates the roll-ups of each series and source. Nearly all series have no break in a range, and of these
  /// the sketches make one run. The others are `torn`, by statement or object, with the times at which their runs end; their
  /// roll-ups are read again.
  /// - Parameter values: columns of `table` with the parts that are wanted, counters or gauges.
  func runs(_ table: String, _ values: [(column: MetricColumn, part: RollupPart)], _ span: ReadSpan) -> String {
    let declared = table.metricTable
    let pieces = ReadPieces(self, declared, values, span, tellBreaks: true)
    let rollups = "(\(pieces.rollups.joined(separator: "\nUNION ALL\n")))"
    let keys = Self.keys(declared).joined(separator: ", ")
    let ids = pieces.keys.dropFirst().joined(separator: ", ")
    let unbroken = RollupTable.unbroken
    let id =
      declared.identityColumns.first { ["hash", "object_id"].contains($0) }
      .map { "coalesce(t.\(quotedIdentifier($0)), 0)" } ?? "0"
    func name(_ value: (column: MetricColumn, part: RollupPart)) -> String {
      quotedIdentifier(value.part.name(of: value.column))
    }
    let stored = values.map { ", t.\(name($0))" }.joined()
    func run(_ values: [(column: MetricColumn, part: RollupPart)]) -> String {
      """
      \(ids), min(t.first_time) AS first_time, max(t.last_time) AS last_time, max(t.source) AS source\
      \(values.map { ", \($0.part.ofRun($0.column)) AS \(name($0))" }.joined())
      """
    }
    let sketches = pieces.rollups.map { rollups in
      """
      SELECT \(run(values.filter { !$0.part.isOfEnds })),
        array_agg(t.time) FILTER (WHERE t.\(unbroken) IS NOT TRUE) AS broken
      FROM (\(rollups)) t GROUP BY \(keys)
      """
    }
    return """
      (WITH sketches AS MATERIALIZED (
      \(sketches.joined(separator: "\nUNION ALL\n"))
      ), torn AS MATERIALIZED (
        SELECT \(id) AS id, array_agg(DISTINCT b.time ORDER BY b.time) AS times
        FROM sketches t CROSS JOIN LATERAL unnest(t.broken) b(time) GROUP BY 1
      )
      \(pieces.firstRows)
      UNION ALL
      SELECT min(t.first_time) AS time, \(run(values))
      FROM sketches t WHERE NOT EXISTS (SELECT FROM torn WHERE torn.id = \(id)) GROUP BY \(keys)
      UNION ALL
      SELECT t.time, \(ids), t.first_time, t.last_time, t.source\(stored)
      FROM \(rollups) t JOIN torn ON torn.id = \(id) WHERE t.\(unbroken) IS NOT TRUE
        AND t.time = ANY ((
          SELECT array_agg(DISTINCT b.time) FROM torn CROSS JOIN LATERAL unnest(torn.times) b(time)
        )::timestamptz[])
      UNION ALL
      SELECT min(t.first_time) AS time, \(run(values))
      FROM \(rollups) t JOIN torn ON torn.id = \(id) WHERE t.\(unbroken)
      GROUP BY \(keys), width_bucket(t.time, torn.times)
      UNION ALL
      \(pieces.lastRows))
      """
  }
}
