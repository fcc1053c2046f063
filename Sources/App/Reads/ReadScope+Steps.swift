// The increase of counters within buckets of time, from rows and roll-ups alike.

import Protocol

extension ReadScope {
  /// `parts` of a table, each with the end of the part before it in its series: `time_before`, and the last value of each
  /// counter as `"<column>.before"`. From these, `increase` and `elapsed` are computed.
  func steps(_ table: String, _ columns: [String]) -> String {
    let declared = table.metricTable
    let added = declared.addedUpCount.map { [$0] } ?? []
    let names = columns + added.map(\.name).filter { !columns.contains($0) }
    let stepped = declared.steppedColumns.filter { names.contains($0.name) }
    let before = stepped.map {
      "lag(t.\(quotedIdentifier($0.name + ".last"))) OVER series AS \(quotedIdentifier($0.name + ".before"))"
    }
    let key = (["server_id"] + declared.identityColumns).map { "t.\(quotedIdentifier($0))" }.joined(separator: ", ")
    // Rows of one time need an order.
    let ties = names.map { ", t.\(quotedIdentifier($0 + ".last"))" }.joined()
    return """
      (SELECT t.*, lag(t.last_time) OVER series AS time_before, \(before.joined(separator: ", "))
      FROM \(parts(table, names)) t WINDOW series AS (PARTITION BY \(key) ORDER BY t.time\(ties)))
      """
  }

  /// The increase of a counter over a group of `steps`, aliased as `t`: numeric, or float8 for a counter of that type.
  func increase(_ column: String, of table: String) -> String {
    RollupPart.composedIncrease(table.metricTable.rolled(column), of: table.metricTable)
  }

  /// The seconds over which `increase` was counted.
  func elapsed(_ column: String, of table: String) -> String {
    "sum(\(RollupPart.composedElapsed(table.metricTable.rolled(column), of: table.metricTable)))"
  }

  /// The increase per second over a group of `steps`, of a counter of whole numbers: float8.
  func rate(_ column: String, of table: String) -> String {
    finiteQuotient(finiteDouble(increase(column, of: table)), "nullif(\(elapsed(column, of: table)), 0)")
  }
}
