// The queries over metric tables: one raw statement a table, one a table and aggregate for buckets. All are written from
// the declarations when the program starts, so that a new column or type is queryable without a line of SQL.

import Protocol

/// How the values of a bucket become one.
enum Aggregate: String, CaseIterable, Sendable {
  case avg, min, max, sum, last
}

/// What can be asked of one metric table.
struct MetricQuery: Sendable {
  /// Server, from, to, database, object name, limit, offset.
  typealias Raw = Statement<Int32, Timestamp, Timestamp, String?, String?, Int64, Int64, MetricRow>
  /// Server, from, to, database, object name, bucket in seconds, limit, offset.
  typealias Bucketed = Statement<Int32, Timestamp, Timestamp, String?, String?, Double, Int64, Int64, MetricRow>

  let table: MetricTable
  let raw: Raw
  let bucketed: [Aggregate: Bucketed]

  init(_ table: MetricTable) {
    self.table = table
    raw = Self.raw(table)
    bucketed = Dictionary(uniqueKeysWithValues: Aggregate.allCases.map { ($0, Self.bucketed(table, $0)) })
  }

  /// The columns that an aggregate can be taken of; `last` takes all.
  static func columns(of table: MetricTable, for aggregate: Aggregate) -> [MetricColumn] {
    table.columns.filter { column in
      switch column.kind {
      case .int8, .float8: aggregate == .last || column.meaning != .label
      case .bool, .text, .interned, .timestamp: aggregate == .last
      }
    }
  }

  private static func raw(_ table: MetricTable) -> Raw {
    let values = table.columns.map { "\(value($0)) AS \(quoted($0.name))" }
    return Raw(
      "metrics_raw_\(table.name)",
      """
      SELECT t.time\(names(table))\(list(values))
      FROM metrics.\(quoted(table.name)) t\(joins(table, table.columns))
      WHERE \(condition(table))
      ORDER BY t.time, t.tableoid, t.ctid LIMIT $6 OFFSET $7
      """)
  }

  private static func bucketed(_ table: MetricTable, _ aggregate: Aggregate) -> Bucketed {
    let columns = columns(of: table, for: aggregate)
    let values = columns.map { "\(aggregated($0, aggregate)) AS \(quoted($0.name))" }
    let bucket = "date_bin(make_interval(secs => $6), t.time, timestamptz '2000-01-01 00:00:00+00')"
    let keys = [bucket] + (table.hasDatabase ? ["d.value"] : []) + (table.object.isEmpty ? [] : ["o.name"])
    let order = (1...keys.count).map(String.init).joined(separator: ", ")
    return Bucketed(
      "metrics_\(aggregate.rawValue)_\(table.name)",
      """
      SELECT \(bucket) AS time\(names(table))\(list(values))
      FROM metrics.\(quoted(table.name)) t\(joins(table, aggregate == .last ? table.columns : []))
      WHERE \(condition(table))
      GROUP BY \(order) ORDER BY \(order) LIMIT $7 OFFSET $8
      """)
  }

  private static func condition(_ table: MetricTable) -> String {
    let database = table.hasDatabase ? "d.value = $4" : "false"
    let object = table.object.isEmpty ? "false" : "o.name = $5"
    return "t.server_id = $1 AND t.time >= $2 AND t.time < $3"
      + " AND ($4::text IS NULL OR \(database)) AND ($5::text IS NULL OR \(object))"
  }

  /// A table may have a column `database` of its own; JSON must not name two things alike. As in the named views.
  private static func databaseName(_ table: MetricTable) -> String {
    table.columns.contains { $0.name == "database" } ? "database_name" : "database"
  }

  private static func names(_ table: MetricTable) -> String {
    (table.hasDatabase ? ", d.value AS \(databaseName(table))" : "")
      + (table.object.isEmpty ? "" : ", o.name AS object")
  }

  private static func joins(_ table: MetricTable, _ columns: [MetricColumn]) -> String {
    var joins = ""
    if table.hasDatabase {
      joins += "\nLEFT JOIN pganalytics.texts d ON d.server_id = t.server_id AND d.text_id = t.database_id"
    }
    if !table.object.isEmpty {
      joins += "\nLEFT JOIN pganalytics.objects o ON o.server_id = t.server_id AND o.object_id = t.object_id"
    }
    for column in columns where column.kind == .interned {
      let alias = quoted("x_" + column.name)
      joins +=
        "\nLEFT JOIN pganalytics.texts \(alias) ON \(alias).server_id = t.server_id"
        + " AND \(alias).text_id = t.\(quoted(column.name + "_id"))"
    }
    return joins
  }

  private static func value(_ column: MetricColumn) -> String {
    column.kind == .interned ? "\(quoted("x_" + column.name)).value" : "t.\(quoted(column.name))"
  }

  private static func aggregated(_ column: MetricColumn, _ aggregate: Aggregate) -> String {
    switch aggregate {
    case .avg: "avg(\(value(column)))::float8"
    case .sum: "sum(\(value(column)))::float8"
    case .min: "min(\(value(column)))"
    case .max: "max(\(value(column)))"
    case .last: "(array_agg(\(value(column)) ORDER BY t.time DESC))[1]"
    }
  }

  private static func list(_ values: [String]) -> String { values.map { ", " + $0 }.joined() }
  private static func quoted(_ name: String) -> String { "\"\(name)\"" }
}

/// All of them, by table name.
enum MetricQueries {
  static let byTable = Dictionary(uniqueKeysWithValues: MetricCatalog.tables.map { ($0.name, MetricQuery($0)) })

  static let all: [StatementDescription] = MetricCatalog.tables.flatMap { table in
    let query = MetricQuery(table)
    return [query.raw.description] + Aggregate.allCases.compactMap { query.bucketed[$0]?.description }
  }

  /// A table's own name, or a metric type's, which means its first table.
  static func query(named name: String) -> MetricQuery? {
    if let query = byTable[name] { return query }
    guard let table = MetricCatalog.types.first(where: { $0.name == name })?.tables.first else { return nil }
    return byTable[table.name]
  }
}

/// A row of any metric query: the statement decides the columns.
struct MetricRow: SQLRow {
  enum Value: Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case flag(Bool)
    case text(String)
    case time(Timestamp)
  }

  let values: [(name: String, value: Value)]

  static let columns: [SQLColumn] = []
  static let isOpen = true

  init(from row: inout RowReader) throws(DatabaseError) {
    var values: [(name: String, value: Value)] = []
    for column in row.columns {
      let value: Value
      switch column.type {
      case .int8: value = try row.next(Int64?.self).map { .integer($0) } ?? .null
      case .int4: value = try row.next(Int32?.self).map { .integer(Int64($0)) } ?? .null
      case .float8: value = try row.next(Double?.self).map { .real($0) } ?? .null
      case .bool: value = try row.next(Bool?.self).map { .flag($0) } ?? .null
      case .text: value = try row.next(String?.self).map { .text($0) } ?? .null
      case .timestamptz: value = try row.next(Timestamp?.self).map { .time($0) } ?? .null
      default: throw DatabaseError(.unexpectedResult, "column \(column.name) has \(column.type)")  // an open set
      }
      values.append((column.name, value))
    }
    self.values = values
  }
}
