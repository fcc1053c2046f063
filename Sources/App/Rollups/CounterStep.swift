import Protocol

/// From one row of a series, with the row before, to the next: SQL over `t`.
struct CounterStep {
  private let column: MetricColumn
  private let value: String
  private let before: String

  init(_ column: MetricColumn) {
    self.column = column
    value = "t.\(quotedIdentifier(column.name))"
    before = "t.\(quotedIdentifier(column.name + ".before"))"
  }

  /// A counter that fell was reset, and its new value is the increase. A sum of int8 is a numeric, and so is every step on
  /// the way there: nothing can overflow.
  var increase: String {
    let number = column.kind == .int8 ? "::numeric" : ""
    return "CASE WHEN \(value) < \(before) THEN \(value)\(number) ELSE \(value)\(number) - \(before) END"
  }

  /// Whether there is an increase.
  var isKnown: String { "\(value) IS NOT NULL AND \(before) IS NOT NULL" }

  /// Seconds between the rows.
  static let elapsed = "date_part('epoch', t.time - t.time_before)"
}
