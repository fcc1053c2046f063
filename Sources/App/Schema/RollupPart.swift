// The parts that a roll-up row holds of a column.

import Protocol

/// One aggregate of a column's values in a bucket. The roll-up's column is `<column>.<part>`.
enum RollupPart: String, CaseIterable, Sendable {
  /// The number of values that are not NULL.
  case count
  case sum, min, max
  /// The value in the first and in the last row of the bucket, possibly NULL.
  case first, last
  /// The sum of the increases between rows of the bucket, and the seconds between those rows.
  case increase, elapsed

  /// The parts that are kept of a column; none of a label.
  static func all(of column: MetricColumn) -> [RollupPart] {
    switch column.meaning {
    case .counter: allCases
    // The number of parts of a row is needed at both ends of a bucket, because it tells whether counters are
    // comparable.
    case .gauge where column.isMade: [.count, .sum, .min, .max, .first, .last]
    case .gauge: [.count, .sum, .min, .max, .last]
    case .label: []
    }
  }

  /// - Returns: the column's type in a roll-up. The sum of int8 is numeric, as in PostgreSQL. The sum of float8 is NULL
  ///   if no double can hold it.
  func type(of column: MetricColumn) -> SQLType {
    return switch self {
    case .count: .int4
    case .sum, .increase: column.kind == .float8 ? .float8 : .numeric
    case .min, .max, .first, .last: column.valueType
    case .elapsed: .float8
    }
  }

  func name(of column: MetricColumn) -> String { "\(column.name).\(rawValue)" }

  /// Whether a bucket has values whose sum no double can hold.
  static func isSumLacking(_ column: MetricColumn, _ alias: String) -> String {
    "\(alias)\(quotedIdentifier(count.name(of: column))) > 0 AND \(alias)\(quotedIdentifier(sum.name(of: column))) IS NULL"
  }

  /// Whether a bucket has increases whose sum no double can hold.
  static func isIncreaseLacking(_ column: MetricColumn, _ alias: String) -> String {
    """
    \(alias)\(quotedIdentifier(elapsed.name(of: column))) IS NOT NULL \
    AND \(alias)\(quotedIdentifier(increase.name(of: column))) IS NULL
    """
  }

  /// The columns that the roll-up has for the part. A numeric value has two: a column of type numeric, which new rows
  /// fill, and an older int8 column, which is only read.
  func storedColumns(of column: MetricColumn) -> [(name: String, type: SQLType)] {
    let name = name(of: column)
    switch self {
    case .min, .max, .first, .last:
      if column.kind == .numeric { return [(name, .int8), (name + ".numeric", .numeric)] }
      return [(name, type(of: column))]
    case .count, .sum, .increase, .elapsed: return [(name, type(of: column))]
    }
  }

  /// The part of a bucket that consists of the one row `t`.
  func ofRow(_ column: MetricColumn) -> String {
    let value = "t.\(quotedIdentifier(column.name))"
    return switch self {
    case .count: "(\(value) IS NOT NULL)::int4"
    case .sum: column.kind == .int8 ? "\(value)::numeric" : value
    case .min, .max, .first, .last: value
    case .increase: column.kind == .float8 ? "NULL::float8" : "NULL::numeric"
    case .elapsed: "NULL::float8"
    }
  }
}
