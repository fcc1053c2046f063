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
