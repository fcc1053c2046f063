// How the parts of several roll-up rows become those of a longer bucket: SQL over `t`.

import Protocol

extension RollupPart {
  /// The sum of the buckets' sums. A bucket with values but without a sum exceeds a double.
  static func composedSum(_ column: MetricColumn) -> String {
    let sum = "t.\(quotedIdentifier(RollupPart.sum.name(of: column)))"
    if column.kind != .float8 { return "sum(\(sum))" }
    return FiniteSum(of: sum, isLacking: RollupPart.isSumLacking(column, "t.")).aggregate
  }

  /// The sum of the increases within the buckets and between them.
  static func composedIncrease(_ column: MetricColumn, of table: MetricTable) -> String {
    let increase = "coalesce(t.\(quotedIdentifier(RollupPart.increase.name(of: column))), 0)"
    let sum = "\(increase) + coalesce(\(crossing(column, of: table)), 0)"
    if column.kind != .float8 { return "sum(\(sum))" }
    let first = "t.\(quotedIdentifier(RollupPart.first.name(of: column)))"
    let before = "t.\(quotedIdentifier(column.name + ".before"))"
    let (scaled, scaledBefore) = (FiniteSum.scaled(first), FiniteSum.scaled(before))
    let isReset = "\(first) < \(before)"
    let isCounted = isComparable(table).map { "NOT (\($0)) THEN NULL WHEN " } ?? ""
    return FiniteSum(
      term: sum,
      isOrdinary: FiniteSum.isOrdinary([increase, "coalesce(\(first), 0)", "coalesce(\(before), 0)"]),
      scaled: """
        \(FiniteSum.scaled(increase)) \
        + coalesce(CASE WHEN \(isCounted)\(isReset) THEN \(scaled) ELSE \(scaled) - \(scaledBefore) END, 0)
        """,
      isLacking: RollupPart.isIncreaseLacking(column, "t.")
    ).aggregate
  }

  /// The increase from the last row of the previous bucket to the first row of this one.
  private static func crossing(_ column: MetricColumn, of table: MetricTable) -> String {
    let number = column.kind == .int8 ? "::numeric" : ""
    let first = "t.\(quotedIdentifier(RollupPart.first.name(of: column)))"
    let before = "t.\(quotedIdentifier(column.name + ".before"))"
    let step = "CASE WHEN \(first) < \(before) THEN \(first)\(number) ELSE \(first)\(number) - \(before) END"
    return isComparable(table).map { "CASE WHEN \($0) THEN \(step) END" } ?? step
  }

  /// Whether the last row of the previous bucket and the first row of this one have the same number of parts.
  private static func isComparable(_ table: MetricTable) -> String? {
    table.addedUpCount.map { CounterStep.isSame(RollupPart.first.name(of: $0), as: $0.name + ".before") }
  }

  /// The seconds over which increases were counted: within the bucket, and from the previous bucket.
  static func composedElapsed(_ column: MetricColumn, of table: MetricTable) -> String {
    let first = "t.\(quotedIdentifier(RollupPart.first.name(of: column)))"
    let before = "t.\(quotedIdentifier(column.name + ".before"))"
    let within = "coalesce(t.\(quotedIdentifier(RollupPart.elapsed.name(of: column))), 0)"
    let crossing = "date_part('epoch', t.first_time - t.time_before)"
    let isKnown = "\(first) IS NOT NULL AND \(before) IS NOT NULL" + (isComparable(table).map { " AND \($0)" } ?? "")
    return "\(within) + CASE WHEN \(isKnown) THEN \(crossing) ELSE 0 END"
  }
}
