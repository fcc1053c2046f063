// The declarations of metrics as the API shows them.

import Protocol

struct MetricTypesAnswer: ResponseBody {
  static let schemaName = "MetricTypes"
  let types: [MetricTypeAnswer]

  static let example = MetricTypesAnswer(types: [.example])
  static let all = MetricTypesAnswer(
    types: (MetricCatalog.types + [MetricCatalog.catchAllType]).map(MetricTypeAnswer.init))

  func write(to object: inout ObjectWriter) { object.member("data", types) }
}

struct MetricTypeAnswer: ResponseBody {
  static let schemaName = "MetricType"
  let type: MetricType

  static let example = MetricTypeAnswer(type: .init("weather", "Of one place.", []))

  func write(to object: inout ObjectWriter) {
    object.member(
      "name", type.name, "The `metric_type` of a query. It selects the table with this name, or else the first table.")
    object.member("summary", type.summary)
    object.member("tables", type.tables.map(MetricTableAnswer.init))
  }
}

struct MetricTableAnswer: ResponseBody {
  static let schemaName = "MetricTable"
  let table: MetricTable

  static let example = MetricTableAnswer(
    table: MetricTable(
      "weather", "Of one place.", database: false, object: ["place"], equals: .toldApartByPlace,
      columns: [.real("wind")]))

  func write(to object: inout ObjectWriter) {
    object.member("name", table.name, "The `metric_type` of a query.")
    object.member("summary", table.summary)
    object.member("has_database", table.hasDatabase, "Whether rows belong to a database that `database` can select.")
    object.member(
      "object", table.object, "The parts of an object's name. `object` has them joined with dots; see the query.")
    object.member(
      "series", table.series.map(\.name), "Columns that, besides database and object, identify a series of counters."
    )
    object.member("rollups", table.rolledColumns.isEmpty ? [] : RollupStep.allCases.map(\.rawValue))
    object.member("columns", table.columns.map(MetricColumnAnswer.init))
  }
}

struct MetricColumnAnswer: ResponseBody {
  static let schemaName = "MetricColumn"
  let column: MetricColumn

  static let example = MetricColumnAnswer(column: .count("size_bytes", .bytes))

  enum Kind: String, CaseIterable, Sendable, ResponseValue {
    case integer, identifier, real, flag, text, time, json
  }

  enum Meaning: String, CaseIterable, Sendable, ResponseValue {
    case counter, gauge, label
  }

  func write(to object: inout ObjectWriter) {
    object.member("name", column.name)
    object.member("kind", kind, "An identifier is a 64-bit number, which is a string in JSON.")
    object.member("meaning", meaning, "A counter only grows until it is reset. A label is not aggregated.")
    object.nullable("unit", column.unit == .none ? nil : column.unit.rawValue)
    object.member("aggregates", Aggregate.allCases.filter { $0.isDefined(for: column) })
  }

  private var kind: Kind {
    switch column.kind {
    case .int8 where column.isIdentifier: .identifier
    case .int8, .numeric: .integer
    case .float8: .real
    case .bool: .flag
    case .text, .interned: .text
    case .timestamp: .time
    case .json: .json
    }
  }

  private var meaning: Meaning {
    switch column.meaning {
    case .counter: .counter
    case .gauge: .gauge
    case .label: .label
    }
  }
}
