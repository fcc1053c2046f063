// Sums and quotients of doubles as SQL that never raises 22003. PostgreSQL raises it if an operation overflows, or
// underflows to zero, and it ends the whole statement. The SQL functions are in migration 11.

/// A sum of float8. It is NULL if no double can hold it or if a term is not finite.
struct FiniteSum {
  /// The row's term. It is evaluated only if `isOrdinary`.
  let term: String
  /// Whether the term, and every value it is computed from, is far from the limits of a double. NULL: the row has no
  /// term.
  let isOrdinary: String
  /// The term · 2^-64.
  let scaled: String
  /// Whether the row has a term that no double can hold; nil: no row has one.
  var isLacking: String?

  /// A sum of values.
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

  /// The sum as an aggregate over rows.
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

  /// The term of one row.
  var value: String {
    total("CASE WHEN \(isOrdinary) THEN \(term) END", "CASE WHEN NOT (\(isOrdinary)) THEN \(scaled) END")
  }

  private func total(_ ordinary: String, _ scaled: String) -> String { "pganalytics.total(\(ordinary), \(scaled))" }

  static func isOrdinary(_ values: [String]) -> String {
    values.map { "pganalytics.is_ordinary(\($0))" }.joined(separator: " AND ")
  }

  static func scaled(_ value: String) -> String { "pganalytics.scaled(\(value))" }
}

/// The quotient of two numbers as SQL that never fails.
/// - Parameters:
///   - dividend: float8.
///   - divisor: float8, 0.000001 or more, or NULL.
/// - Returns: float8.
func finiteQuotient(_ dividend: String, _ divisor: String) -> String {
  "pganalytics.quotient(\(dividend), \(divisor))"
}

/// A numeric as a double, NULL if no double can hold it.
/// - Parameter value: numeric.
/// - Returns: float8.
func finiteDouble(_ value: String) -> String { "pganalytics.double(\(value))" }
