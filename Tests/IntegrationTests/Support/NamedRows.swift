// Stored and expected rows as texts. Stored rows come from the `named` views. Expected rows come from a push's JSON: a
// general JSON parser follows the declarations, without a line of the decoder or the encoder.

import Glibc
import Protocol
import Testing

@testable import App

/// A row as texts by column name; "NULL" for NULL.
struct NamedRow: SQLRow, Comparable, CustomStringConvertible {
  var values: [String: String]

  init(_ values: [String: String]) { self.values = values }

  static let isOpen = true

  init(from row: inout RowReader) throws(DatabaseError) {
    values = [:]
    for column in row.columns {
      let text: String?
      switch column.type {
      case .int8: text = try row.read("", Int64?.self).map { "\($0)" }
      case .int4: text = try row.read("", Int32?.self).map { "\($0)" }
      case .float8: text = try row.read("", Double?.self).map { "\($0)" }
      case .bool: text = try row.read("", Bool?.self).map { "\($0)" }
      case .text: text = try row.read("", String?.self)
      case .timestamptz: text = try row.read("", Timestamp?.self).map { "\($0.unixMicroseconds)" }
      case .numeric: text = try row.read("", NumericText?.self)?.text
      case .jsonb: text = try row.read("", JSONText?.self)?.text
      default: throw DatabaseError(.unexpectedResult, "column \(column.name) has \(column.type)")  // an open set
      }
      values[column.name] = text ?? "NULL"
    }
  }

  var description: String { values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " | ") }
  static func < (left: NamedRow, right: NamedRow) -> Bool { left.description < right.description }

  /// All rows of `table` from one server, as the view shows them, without the values that no push contains: ids and the
  /// server's name.
  static func stored(_ table: MetricTable, server: Int64, in database: Database) async throws -> [NamedRow] {
    let statement = Statement<Int32, NamedRow>(
      "named_\(table.name)", "SELECT * FROM named.\"\(table.name)\" WHERE server_id = $1")
    let own = Set(table.columns.map(\.name) + table.object)
    return try await database.rows(statement, Int32(server)).map { row in
      var row = row
      for name in ["server_id", "object_id", own.contains("server") ? "server_hostname" : "server"] {
        row.values[name] = nil
      }
      return row
    }
  }
}

/// The rows that a push must produce, by table.
struct ExpectedRows {
  private(set) var rows: [String: [NamedRow]] = [:]

  init(_ body: [UInt8]) throws {
    let metrics = try JSONValue.parse(body.span, limits: JSONValueLimits(bytes: 64 << 20))["metrics"]?.elements ?? []
    for metric in metrics {
      let type = try #require(MetricCatalog.types.first { $0.name == metric["type"]?.text })
      let time = try #require(metric["timestamp"]?.text)
      collect(metric, type.fields, ["time": Self.microseconds(time)], database: metric["database"]?.text)
    }
  }

  private mutating func collect(
    _ object: JSONValue, _ fields: [MetricType.Field], _ base: [String: String], database: String?
  ) {
    var header: (table: MetricTable, row: [String: String])?
    visit(object, fields, base, database, &header)
    if let header { rows[header.table.name, default: []].append(NamedRow(header.row)) }
  }

  private mutating func visit(
    _ object: JSONValue, _ fields: [MetricType.Field], _ base: [String: String], _ database: String?,
    _ header: inout (table: MetricTable, row: [String: String])?
  ) {
    for field in fields {
      guard let value = object[field.key] else { continue }
      switch field.rule {
      case .database, .ignored: continue
      case .column(let table, let column):
        if header == nil { header = (table, Self.empty(table, base, database)) }
        header?.row[column.name] = Self.readable(value, column)
      case .nested(let inner): visit(value, inner, base, database, &header)
      case .rows(let table):
        for element in value.elements {
          var row = Self.empty(table, base, database)
          let own = Set(table.columns.map(\.name))
          for key in table.object { row[own.contains(key) ? "object_\(key)" : key] = element[key]?.text }
          for column in table.columns where !column.isMade {
            row[column.name] = element[column.key].map { Self.readable($0, column) } ?? "NULL"
          }
          rows[table.name, default: []].append(NamedRow(row))
        }
      case .texts(let table):
        for element in value.elements {
          var row = Self.empty(table, base, database)
          row[table.columns[0].name] = element.text
          rows[table.name, default: []].append(NamedRow(row))
        }
      case .databases(let inner):
        guard case .object(let databases) = value else { continue }
        for member in databases.members { collect(member.value, inner, base, database: member.name) }
      }
    }
  }

  private static func empty(_ table: MetricTable, _ base: [String: String], _ database: String?) -> [String: String] {
    var row = base
    for column in table.columns { row[column.name] = column.isMade ? "1" : "NULL" }
    row["extra"] = "NULL"
    if table.hasDatabase { row["database"] = database ?? "NULL" }
    return row
  }

  private static func readable(_ value: JSONValue, _ column: MetricColumn) -> String {
    switch (column.kind, value) {
    case (.float8, .integer(let number)): "\(Double(number))"
    case (_, .integer(let number)): "\(number)"
    case (_, .double(let number)): "\(number)"
    case (_, .bool(let flag)): "\(flag)"
    case (.timestamp, .string("")): "NULL"
    case (.timestamp, .string(let text)): microseconds(text)
    case (_, .string(let text)): text
    case (_, .null), (_, .array), (_, .object): "NULL"
    }
  }

  /// Unix microseconds of texts such as `2026-11-22T19:33:04Z` and `2026-11-22 19:14:37.155390+00`, by the C library.
  private static func microseconds(_ text: String) -> String {
    var time = tm()
    let parts = text.split(whereSeparator: { "-: T.Z+".contains($0) }).compactMap { Int32($0) }
    (time.tm_year, time.tm_mon, time.tm_mday) = (parts[0] - 1900, parts[1] - 1, parts[2])
    (time.tm_hour, time.tm_min, time.tm_sec) = (parts[3], parts[4], parts[5])
    return "\(timegm(&time) * 1_000_000 + (text.contains(".") ? Int(parts[6]) : 0))"
  }
}

/// A `numeric` as its digits.
struct NumericText: SQLValue {
  let text: String

  static var type: SQLType { .numeric }
  static var standIn: NumericText { NumericText(text: "0") }
  func append(to bytes: inout [UInt8]) { preconditionFailure("not a parameter") }
  static func decode(_ bytes: Span<UInt8>?) throws(SQLValueError) -> NumericText {
    guard let bytes else { throw .null }
    return NumericText(text: SQLNumeric.text(bytes))
  }
}
