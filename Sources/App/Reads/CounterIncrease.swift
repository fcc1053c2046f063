// The increase of a counter over the pieces of a series, as SQL that sums over rows `t` of `ReadScope.linked`.

import Protocol

/// The increase of one counter: what grew within the pieces, and from each piece to the next.
///
/// A counter that falls was reset, and its new value is the increase. Pieces of rows that were added up are comparable
/// only if they have the same number of parts. Every expression is NULL if there is no known step.
struct CounterIncrease {
  private let column: MetricColumn
  private let first: String
  private let before: String
  /// Whether a step within the piece is known.
  private let isWithin: String
  private let increase: String
  private let within: String
  private let elapsedWithin: String
  /// Whether the piece has an increase that no double can hold.
  private let isStepLacking: String

  /// - Parameter name: a counter of `table`. Another name ends the process.
  init(_ name: String, of table: String) { self.init(table.metricTable.rolled(name)) }

  init(_ column: MetricColumn) {
    func part(_ part: RollupPart) -> String { "t.\(quotedIdentifier(part.name(of: column)))" }
    self.column = column
    first = part(.first)
    before = "t.\(quotedIdentifier(column.name + ".before"))"
    elapsedWithin = part(.elapsed)
    increase = part(.increase)
    // An hour's roll-up has zeros where no step is known. A step between two rows of one time takes no seconds.
    isWithin = "(\(elapsedWithin) > 0 OR \(increase) <> 0)"
    within = "CASE WHEN \(isWithin) THEN \(increase) END"
    isStepLacking = RollupPart.isIncreaseLacking(column, "t.")
  }

  /// The sum as an aggregate: numeric, or float8 for a counter of that type. A float8 is also NULL if no double can hold
  /// it.
  var sum: String { column.kind == .float8 ? finiteSum : exactSum }

  /// The seconds over which the increase was counted: float8; 0 if there is no known step.
  var elapsed: String {
    let crossing = "date_part('epoch', t.first_time - t.time_before)"
    let isKnown = "\(first) IS NOT NULL AND \(before) IS NOT NULL AND t.is_comparable"
    return "sum(coalesce(\(elapsedWithin), 0) + CASE WHEN \(isKnown) THEN \(crossing) ELSE 0 END)"
  }

  /// For a float8: whether the sum is NULL because no double can hold it.
  var isLacking: String { "coalesce(bool_or(\(isStepLacking)) OR \(isKnown) AND \(sum) IS NULL, false)" }

  // MARK: Whole numbers

  /// From one piece to the next the counter grows by the first value, less the value before if it did not fall. The two
  /// are added up by themselves, because a difference of int8 may overflow and a sum of them cannot.
  private var exactSum: String {
    let grown = "sum(\(increase)) FILTER (WHERE \(isWithin))"
    let firsts = "sum(\(first)) FILTER (WHERE t.is_comparable AND \(before) IS NOT NULL)"
    let befores = "sum(\(before)) FILTER (WHERE t.is_comparable AND \(first) >= \(before))"
    return """
      CASE WHEN coalesce(\(grown), \(firsts)) IS NOT NULL \
      THEN coalesce(\(grown), 0) + coalesce(\(firsts), 0) - coalesce(\(befores), 0) END
      """
  }

  /// The sum of terms of which some are NULL; NULL if all are.
  private static func added(_ terms: [String]) -> String {
    let zeros = terms.map { "coalesce(\($0), 0)" }.joined(separator: " + ")
    return "CASE WHEN coalesce(\(terms.joined(separator: ", "))) IS NOT NULL THEN \(zeros) END"
  }

  // MARK: Doubles

  private var finiteSum: String {
    let isOrdinary = FiniteSum.isOrdinary([first, before])
    let (scaled, scaledBefore) = (FiniteSum.scaled(first), FiniteSum.scaled(before))
    let ordinary = [
      "sum(\(within)) FILTER (WHERE \(FiniteSum.isOrdinary([within])))",
      "sum(CASE WHEN \(first) < \(before) THEN \(first) ELSE \(first) - \(before) END) FILTER (WHERE \(isOrdinary) AND t.is_comparable)",
    ]
    let others = [
      "sum(\(FiniteSum.scaled(within))) FILTER (WHERE NOT (\(FiniteSum.isOrdinary([within]))))",
      "sum(CASE WHEN \(first) < \(before) THEN \(scaled) ELSE \(scaled) - \(scaledBefore) END) FILTER (WHERE NOT (\(isOrdinary)) AND t.is_comparable)",
      "max('infinity'::float8) FILTER (WHERE \(isStepLacking))",
    ]
    return "pganalytics.total(\(Self.added(ordinary)), \(Self.added(others)))"
  }

  private var isKnown: String {
    "bool_or(\(isWithin) OR \(first) IS NOT NULL AND \(before) IS NOT NULL AND t.is_comparable)"
  }
}
