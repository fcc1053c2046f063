// Sums and quotients of doubles as SQL that never raises 22003, whatever the values are: PostgreSQL raises it where an
// operation overflows, or underflows to zero, and with it ends the whole statement. The functions are in migration 11.

/// A sum of float8. It is NULL where no double can hold it, or where a term is not finite.
struct FiniteSum {
  /// The term of a row; evaluated only where `isOrdinary`.
  let term: String
  /// Whether the term, and all that it is computed from, is far from the limits. NULL: the row has no term.
  let isOrdinary: String
  /// The term · 2^-64.
  let scaled: String
  /// Whether the row has a term that is beyond a double; nil: no row has.
  var isLacking: String?

  /// A sum of values as they are.
  init(of value: String, isLacking: String? = nil) {
    self.init(
      term: value, isOrdinary: Self.isOrdinary([value]), scaled: Self.scaled(value), isLacking: isLacking)
  }

  init(term: String, isOrdinary: String, scaled: String, isLacking: String? = nil) {
    self.term = term
    self.isOrdinary = isOrdinary
    self.scaled = scaled
    self.isLacking = isLacking
  }

  /// An aggregate.
  var aggregate: String {
    guard let isLacking else {
      return total("sum(\(term)) FILTER (WHERE \(isOrdinary))", "sum(\(scaled)) FILTER (WHERE NOT (\(isOrdinary)))")
    }
    return total(
      "sum(\(term)) FILTER (WHERE \(isOrdinary) AND NOT (\(isLacking)))",
      """
      sum(CASE WHEN \(isLacking) THEN 'infinity' ELSE \(scaled) END) FILTER (WHERE NOT (\(isOrdinary)) OR (\(isLacking)))
      """)
  }

  /// Of one row.
  var value: String {
    total("CASE WHEN \(isOrdinary) THEN \(term) END", "CASE WHEN NOT (\(isOrdinary)) THEN \(scaled) END")
  }

  private func total(_ ordinary: String, _ scaled: String) -> String { "pganalytics.total(\(ordinary), \(scaled))" }

  static func isOrdinary(_ values: [String]) -> String {
    values.map { "pganalytics.is_ordinary(\($0))" }.joined(separator: " AND ")
  }

  static func scaled(_ value: String) -> String { "pganalytics.scaled(\(value))" }
}

/// - Parameters:
///   - dividend: float8.
///   - divisor: float8, 0.000001 or more, or NULL.
/// - Returns: float8.
func finiteQuotient(_ dividend: String, _ divisor: String) -> String {
  "pganalytics.quotient(\(dividend), \(divisor))"
}

/// - Parameter value: numeric.
/// - Returns: float8.
func finiteDouble(_ value: String) -> String { "pganalytics.double(\(value))" }
