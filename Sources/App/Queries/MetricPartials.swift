// The parts that a roll-up row holds of a column, and how aggregates are computed from them.

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
    // Both ends of a bucket need the number of parts, which tells whether counters are comparable.
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

/// The parts of the selected columns that an aggregate needs, from roll-up rows and from metric rows.
struct Partials {
  /// Expressions over `t`; both lists have the same order.
  let rolled: [String]
  let raw: [String]
  private let aggregate: Aggregate
  private let selection: MetricSelection

  init(_ aggregate: Aggregate, _ selection: MetricSelection) {
    self.aggregate = aggregate
    self.selection = selection
    var pairs: [(MetricColumn, RollupPart)] = []
    func add(_ columns: [MetricColumn], _ parts: [RollupPart]) {
      for column in columns {
        for part in parts where !pairs.contains(where: { $0 == column && $1 == part }) { pairs.append((column, part)) }
      }
    }
    let columns = selection.columns
    let table = selection.table
    switch aggregate {
    case .avg, .sum: add(columns, [.sum, .count])
    case .min: add(columns, [.min])
    case .max: add(columns, [.max])
    case .last: add(columns, [.last])
    case .rate:
      add(columns, [.first, .last, .increase, .elapsed])
      add(table.addedUpCount.map { [$0] } ?? [], [.first, .last])
    case .p95: preconditionFailure("p95 is not composed")
    }
    let times = aggregate == .rate ? ["first_time", "last_time"] : []
    // Metric rows of one time need an order. Roll-up rows of a series never have the same time.
    let ties = aggregate == .rate || aggregate == .last ? selection.table.rolledColumns : []
    rolled =
      pairs.map { "t.\(quotedIdentifier($1.name(of: $0)))" } + times.map { "t.\($0)" }
      + ties.map { "NULL::\($0.valueType) AS \(quotedIdentifier($0.name + ".tie"))" }
    raw =
      pairs.map { "\($1.ofRow($0)) AS \(quotedIdentifier($1.name(of: $0)))" } + times.map { "t.time AS \($0)" }
      + ties.map { "t.\(quotedIdentifier($0.name))" }
  }

  /// The aggregate of `column` over rows `t` that have these parts.
  func composed(_ column: MetricColumn) -> String {
    func own(_ part: RollupPart) -> String { "t.\(quotedIdentifier(part.name(of: column)))" }
    switch aggregate {
    case .avg:
      let count = "nullif(sum(\(own(.count))), 0)"
      return column.kind == .float8
        ? finiteQuotient(Self.sum(column), "\(count)::float8") : finiteDouble("\(Self.sum(column)) / \(count)")
    case .sum: return column.kind == .float8 ? Self.sum(column) : finiteDouble(Self.sum(column))
    case .min: return "min(\(own(.min)))"
    case .max: return "max(\(own(.max)))"
    case .last:
      let ties = selection.ties(isDescending: true) { $0.name + ".tie" }
      return "(array_agg(\(own(.last)) ORDER BY t.time DESC\(ties)))[1]"
    case .rate:
      let increase = Self.increase(column, of: selection.table)
      return finiteQuotient(
        column.kind == .float8 ? increase : finiteDouble(increase),
        "nullif(sum(\(Self.elapsed(column, of: selection.table))), 0)")
    case .p95: preconditionFailure("p95 is not composed")
    }
  }

  /// The sum of the buckets' sums. A bucket with values but without a sum exceeds a double.
  static func sum(_ column: MetricColumn) -> String {
    let sum = "t.\(quotedIdentifier(RollupPart.sum.name(of: column)))"
    if column.kind != .float8 { return "sum(\(sum))" }
    return FiniteSum(of: sum, isLacking: RollupPart.isSumLacking(column, "t.")).aggregate
  }

  /// The sum of the increases within the buckets and between them.
  static func increase(_ column: MetricColumn, of table: MetricTable) -> String {
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
  static func elapsed(_ column: MetricColumn, of table: MetricTable) -> String {
    let first = "t.\(quotedIdentifier(RollupPart.first.name(of: column)))"
    let before = "t.\(quotedIdentifier(column.name + ".before"))"
    let within = "coalesce(t.\(quotedIdentifier(RollupPart.elapsed.name(of: column))), 0)"
    let crossing = "date_part('epoch', t.first_time - t.time_before)"
    let isKnown = "\(first) IS NOT NULL AND \(before) IS NOT NULL" + (isComparable(table).map { " AND \($0)" } ?? "")
    return "\(within) + CASE WHEN \(isKnown) THEN \(crossing) ELSE 0 END"
  }
}

extension MetricSelection {
  /// The columns that identify a row's series, by ids.
  var identityColumns: [String] { table.identityColumns }

  /// The ids as a cursor's keys: int8, never NULL, in the order of rows.
  func keyTerms(_ alias: String) -> [String] {
    // A row whose id is NULL comes first.
    let flags = Set(table.series.filter { $0.kind == .bool }.map(\.name))
    return identityColumns.map { name in
      "coalesce(\(alias).\(quotedIdentifier(name))\(flags.contains(name) ? "::int4::int8" : ""), \(Int64.min + 1))"
    }
  }

  /// How many keys a cursor of this query has.
  var keyCount: Int {
    switch shape {
    case .samples, .rates: 1
    case .buckets: identityColumns.count
    }
  }

  /// The order of rows with the same time and series: by all numbers of the row. So every column, and every part of it
  /// in a roll-up, comes from the same row.
  func ties(isDescending: Bool = false, _ name: (MetricColumn) -> String) -> String {
    table.rolledColumns.map { ", t.\(quotedIdentifier(name($0)))\(isDescending ? " DESC" : "")" }.joined()
  }
}

extension MetricSelection.Shape {
  var looksBack: Bool {
    switch self {
    case .samples: false
    case .rates: true
    case .buckets(let aggregate, _): aggregate == .rate
    }
  }

  var name: String {
    switch self {
    case .samples: "samples"
    case .rates: "rates"
    case .buckets(let aggregate, _): aggregate.rawValue
    }
  }
}

extension MetricTable {
  var qualifiedName: String { "metrics.\(quotedIdentifier(name))" }

  /// The rows as queries and roll-ups read them. A numeric value is one column, whichever of its two stored columns
  /// holds it.
  var readable: String {
    if !columns.contains(where: { $0.kind == .numeric }) { return qualifiedName }
    var names = ["time", "server_id"] + (hasDatabase ? ["database_id"] : []) + (object.isEmpty ? [] : ["object_id"])
    names = names.map { "r.\(quotedIdentifier($0))" }
    names += columns.map { column in
      let name = quotedIdentifier(column.storedName)
      return column.kind == .numeric
        ? "coalesce(r.\(quotedIdentifier(column.wideName)), r.\(name)) AS \(name)" : "r.\(name)"
    }
    return "(SELECT \((names + ["r.extra"]).joined(separator: ", ")) FROM \(qualifiedName) r)"
  }

  /// The same for a roll-up.
  func readableRollup(_ step: RollupStep) -> String {
    let name = rollupName(step)
    if !columns.contains(where: { $0.kind == .numeric }) { return name }
    let keys = (["time", "server_id"] + identityColumns + ["first_time", "last_time"]).map {
      "r.\(quotedIdentifier($0))"
    }
    let parts = rolledColumns.flatMap { column in
      RollupPart.all(of: column).map { part in
        let stored = part.storedColumns(of: column).map { "r.\(quotedIdentifier($0.name))" }
        return stored.count == 1
          ? stored[0]
          : "coalesce(\(stored.reversed().joined(separator: ", "))) AS \(quotedIdentifier(part.name(of: column)))"
      }
    }
    return "(SELECT \((keys + parts).joined(separator: ", ")) FROM \(name) r)"
  }

  func rollupName(_ step: RollupStep) -> String { "rollups.\(quotedIdentifier("\(name)_\(step.rawValue)"))" }

  /// The columns that identify a row's series, by ids.
  var identityColumns: [String] {
    (hasDatabase ? ["database_id"] : []) + (object.isEmpty ? [] : ["object_id"]) + series.map(\.name)
  }

  var counters: [MetricColumn] { columns.filter { $0.meaning == .counter } }

  /// The columns that the step between two rows needs.
  var steppedColumns: [MetricColumn] { counters + (addedUpCount.map { [$0] } ?? []) }

  /// The columns that are rolled up.
  var rolledColumns: [MetricColumn] { columns.filter { $0.meaning != .label } }
}

extension MetricColumn {
  /// The type of a value when rows are read.
  var valueType: SQLType {
    switch kind {
    case .int8, .interned: .int8
    case .numeric: .numeric
    case .float8: .float8
    case .bool: .bool
    case .text: .text
    case .timestamp: .timestamptz
    case .json: .jsonb
    }
  }
}
