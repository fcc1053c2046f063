// The pieces of a stretch of time, by source: stored rows at its ends, and roll-ups between them.

import Protocol

/// Statements that give the pieces of one table. Each row has the columns of `keys`, `first_time`, `last_time`, `source`,
/// and the wanted parts. A roll-up also has `RollupTable.unbroken` at the end, if that is wanted.
struct ReadPieces {
  /// The time and the ids of a piece, over `t`.
  let keys: [String]
  /// The stored rows before the first roll-up. If no roll-up is used, they are all rows.
  let firstRows: String
  /// Roll-ups of five minutes, of an hour, and of five minutes again.
  let rollups: [String]
  /// The stored rows after the last roll-up.
  let lastRows: String

  /// - Parameters:
  ///   - values: columns of `table` with the parts that are wanted, counters or gauges.
  ///   - tellBreaks: only of a table with `MetricTable.tellsBreaks`.
  init(
    _ scope: ReadScope, _ table: MetricTable, _ values: [(column: MetricColumn, part: RollupPart)], _ span: ReadSpan,
    tellBreaks: Bool = false
  ) {
    let keys = (["time", "server_id"] + table.identityColumns).map { "t.\(quotedIdentifier($0))" }
    let list = keys.joined(separator: ", ")
    func raw(_ from: String, _ to: String) -> String {
      let parts = values.map { ", \($1.ofRow($0)) AS \(quotedIdentifier($1.name(of: $0)))" }.joined()
      return """
        SELECT \(list), t.time AS first_time, t.time AS last_time, \(Self.place(of: .raw)) AS source\(parts)
        FROM \(table.measured) t WHERE \(scope.within(from, to))
        """
    }
    func rolledUp(_ step: RollupStep, _ from: String, _ to: String) -> String {
      let parts = values.map { ", t.\(quotedIdentifier($1.name(of: $0)))" }.joined()
      let breaks = tellBreaks ? ", t.\(RollupTable.unbroken)" : ""
      return """
        SELECT \(list), t.first_time, t.last_time, \(Self.place(of: step.source)) AS source\(parts)\(breaks)
        FROM \(table.readableRollup(step)) t WHERE \(scope.within(from, to))
        """
    }
    let (start, end) = scope.ends(span)
    let borders = scope.borders(span)
    self.keys = keys
    firstRows = raw(start, borders[0])
    rollups = [
      rolledUp(.fiveMinutes, borders[0], borders[1]), rolledUp(.hour, borders[1], borders[2]),
      rolledUp(.fiveMinutes, borders[2], borders[3]),
    ]
    lastRows = raw(borders[3], end)
  }

  /// A source as a number, of which a greater one is coarser.
  private static func place(of source: MetricSource) -> Int { MetricSource.allCases.firstIndex(of: source) ?? 0 }
}
