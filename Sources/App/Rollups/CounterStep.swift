import Protocol

/// From one row of a series, with the row before, to the next: SQL over `t`.
///
/// Of rows that were added up only those with the same number of parts are comparable: the list that they come from is cut
/// at a hundred, so a part may be missing from one sample and back in the next. Between others there is a gap.
struct CounterStep {
  private let column: MetricColumn
  private let value: String
  private let before: String
  private let isComparable: String?

  init(_ column: MetricColumn, of table: MetricTable) {
    self.column = column
    value = "t.\(quotedIdentifier(column.name))"
    before = "t.\(quotedIdentifier(column.name + ".before"))"
    isComparable = table.addedUpCount.map { Self.isSame($0.name, as: $0.name + ".before") }
  }

  /// Whether two numbers of parts are the same. Rows from before they were counted have none: they were of one part, or it is
  /// not known.
  static func isSame(_ name: String, as before: String) -> String {
    "coalesce(t.\(quotedIdentifier(name)), 1) = coalesce(t.\(quotedIdentifier(before)), 1)"
  }

  /// A counter that fell was reset, and its new value is the increase. A sum of int8 is a numeric, and so is every step on
  /// the way there: nothing can overflow.
  var increase: String {
    let number = column.kind == .int8 ? "::numeric" : ""
    let step = "CASE WHEN \(value) < \(before) THEN \(value)\(number) ELSE \(value)\(number) - \(before) END"
    return isComparable.map { "CASE WHEN \($0) THEN \(step) END" } ?? step
  }

  /// Whether there is an increase.
  var isKnown: String {
    "\(value) IS NOT NULL AND \(before) IS NOT NULL" + (isComparable.map { " AND \($0)" } ?? "")
  }

  /// Seconds between the rows.
  static let elapsed = "date_part('epoch', t.time - t.time_before)"
}

extension CounterStep {
  /// The known increases of a float8 counter.
  private var finite: FiniteSum {
    let (scaled, scaledBefore) = (FiniteSum.scaled(value), FiniteSum.scaled(before))
    return FiniteSum(
      term: increase, isOrdinary: "\(isKnown) AND \(FiniteSum.isOrdinary([value, before]))",
      scaled: """
        CASE WHEN NOT (\(isKnown)) THEN NULL WHEN \(value) < \(before) THEN \(scaled) \
        ELSE \(scaled) - \(scaledBefore) END
        """)
  }

  /// The sum of the increases: numeric for int8, else float8, and then NULL where no double can hold it.
  var sum: String { column.kind == .float8 ? finite.aggregate : "sum(\(increase))" }

  /// Increase per second of one row: float8.
  var rate: String {
    let increase = column.kind == .float8 ? finite.value : finiteDouble(increase)
    return finiteQuotient(increase, "nullif(\(Self.elapsed), 0)")
  }

  /// Increase per second of a group of rows: float8.
  var meanRate: String {
    let increase = column.kind == .float8 ? sum : finiteDouble(sum)
    return finiteQuotient(increase, "nullif(sum(\(Self.elapsed)) FILTER (WHERE \(isKnown)), 0)")
  }
}
