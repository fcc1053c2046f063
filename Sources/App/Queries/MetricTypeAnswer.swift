// What there is to be asked for: the declarations of metrics as the API shows them.

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
      "name", type.name, "`metric_type` of a query; it stands for the table of its name, else for the first.")
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
    object.member("name", table.name, "`metric_type` of a query.")
    object.member("summary", table.summary)
    object.member("has_database", table.hasDatabase, "Whether rows belong to a database, and `database` finds them.")
    object.member(
      "object", table.object, "What names the object of a row: `object` has these, joined with dots; see the query.")
    object.member(
      "series", table.series.map(\.name), "Columns that, beside database and object, tell the series of counters apart."
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
    object.member("kind", kind, "An identifier is 64 bits that name something, and a text in JSON.")
    object.member("meaning", meaning, "A counter only grows, until it is reset; a label is not aggregated.")
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
