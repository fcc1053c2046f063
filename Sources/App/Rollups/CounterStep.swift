import Protocol

/// The step of a counter from the previous row of its series to this row, as SQL expressions over `t`.
///
/// If a list's rows were added up, two rows are comparable only if they consist of the same number of parts. The
/// collector cuts the list at a hundred entries, so a part may be missing from one sample and be back in the next.
/// Between other rows there is no known increase.
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

  /// Whether two numbers of parts are equal. Old rows have no number: they had one part, or the number is unknown.
  static func isSame(_ name: String, as before: String) -> String {
    "coalesce(t.\(quotedIdentifier(name)), 1) = coalesce(t.\(quotedIdentifier(before)), 1)"
  }

  /// The increase between two rows. A counter that fell was reset, and its new value is the increase. For int8 every
  /// step is computed as numeric, like the sum, so nothing can overflow.
  var increase: String {
    let number = column.kind == .int8 ? "::numeric" : ""
    let step = "CASE WHEN \(value) < \(before) THEN \(value)\(number) ELSE \(value)\(number) - \(before) END"
    return isComparable.map { "CASE WHEN \($0) THEN \(step) END" } ?? step
  }

  /// Whether the increase is known.
  var isKnown: String {
    "\(value) IS NOT NULL AND \(before) IS NOT NULL" + (isComparable.map { " AND \($0)" } ?? "")
  }

  /// The seconds between the two rows.
  static let elapsed = "date_part('epoch', t.time - t.time_before)"
}

extension CounterStep {
  /// The sum of the known increases of a float8 counter.
  private var finite: FiniteSum {
    let (scaled, scaledBefore) = (FiniteSum.scaled(value), FiniteSum.scaled(before))
    return FiniteSum(
      term: increase, isOrdinary: "\(isKnown) AND \(FiniteSum.isOrdinary([value, before]))",
      scaled: """
        CASE WHEN NOT (\(isKnown)) THEN NULL WHEN \(value) < \(before) THEN \(scaled) \
        ELSE \(scaled) - \(scaledBefore) END
        """)
  }

  /// The sum of the increases: numeric for int8, else float8. NULL if no double can hold it.
  var sum: String { column.kind == .float8 ? finite.aggregate : "sum(\(increase))" }

  /// The increase per second of one row: float8.
  var rate: String {
    let increase = column.kind == .float8 ? finite.value : finiteDouble(increase)
    return finiteQuotient(increase, "nullif(\(Self.elapsed), 0)")
  }

  /// The increase per second of a group of rows: float8.
  var meanRate: String {
    let increase = column.kind == .float8 ? sum : finiteDouble(sum)
    return finiteQuotient(increase, "nullif(sum(\(Self.elapsed)) FILTER (WHERE \(isKnown)), 0)")
  }
}
