// How aggregates of a column are computed from the parts that roll-up rows hold of it.

import Protocol

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
        ? finiteQuotient(RollupPart.composedSum(column), "\(count)::float8")
        : finiteDouble("\(RollupPart.composedSum(column)) / \(count)")
    case .sum:
      return column.kind == .float8 ? RollupPart.composedSum(column) : finiteDouble(RollupPart.composedSum(column))
    case .min: return "min(\(own(.min)))"
    case .max: return "max(\(own(.max)))"
    case .last:
      let ties = selection.ties(isDescending: true) { $0.name + ".tie" }
      return "(array_agg(\(own(.last)) ORDER BY t.time DESC\(ties)))[1]"
    case .rate:
      let increase = RollupPart.composedIncrease(column, of: selection.table)
      return finiteQuotient(
        column.kind == .float8 ? increase : finiteDouble(increase),
        "nullif(sum(\(RollupPart.composedElapsed(column, of: selection.table))), 0)")
    case .p95: preconditionFailure("p95 is not composed")
    }
  }
}

extension MetricSelection {
  /// The columns that identify a row's series, by ids.
  var identityColumns: [String] { table.identityColumns }

  /// The ids as a cursor's keys: int8, never NULL, in the order of rows.
  func keyTerms(_ alias: String) -> [String] {
    // A NULL id becomes the lowest key, so its rows come first.
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

  /// The rows that aggregates are computed from: those of `readable`, without gaps.
  var measured: String {
    if !zeroIsGap { return readable }
    let zeros = rolledColumns.map { "coalesce(m.\(quotedIdentifier($0.storedName)), 0) = 0" }
    return "(SELECT m.* FROM \(readable) m WHERE NOT (\(zeros.joined(separator: " AND "))))"
  }

  /// The same for a roll-up.
  func readableRollup(_ step: RollupStep) -> String {
    let name = rollupName(step)
    if !columns.contains(where: { $0.kind == .numeric }) { return name }
    let names = ["time", "server_id"] + identityColumns + ["first_time", "last_time"]
    let keys = (names + (tellsBreaks ? [RollupTable.unbroken] : [])).map { "r.\(quotedIdentifier($0))" }
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
