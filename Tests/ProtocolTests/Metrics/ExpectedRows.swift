// Computes the rows of a body from the declarations with a general JSON parser. It is slow and simple, and shares no
// code with the decoder.

import Protocol

#if canImport(Glibc)
  import Glibc
#endif

/// A row as texts by column name. Ids are replaced by the texts and names that they stand for.
typealias ReadableRow = [String: String]

func expectedRows(_ body: [UInt8]) throws -> [String: [ReadableRow]] {
  var rows: [String: [ReadableRow]] = [:]
  guard case .object(let envelope) = try JSONValue.parse(body.span), case .array(let metrics)? = envelope["metrics"]
  else {
    return [:]
  }
  for metric in metrics {
    guard case .object(let metric) = metric, case .string(let name)? = metric["type"],
      case .string(let time)? = metric["timestamp"], let type = MetricCatalog.types.first(where: { $0.name == name })
    else { continue }
    let base: ReadableRow = ["time": micros(time), "server_id": "7"]
    collect(metric, type.fields, base, database: metric["database"].flatMap(text), &rows)
  }
  return rows
}

private func text(_ value: JSONValue) -> String? {
  if case .string(let text) = value { text } else { nil }
}

private func collect(
  _ object: JSONObject, _ fields: [MetricType.Field], _ base: ReadableRow, database: String?,
  _ rows: inout [String: [ReadableRow]]
) {
  var header: (table: MetricTable, row: ReadableRow)?
  func visit(_ object: JSONObject, _ fields: [MetricType.Field]) {
    for field in fields {
      guard let value = object[field.key] else { continue }
      switch (field.rule, value) {
      case (.column(let table, let column), _):
        if header == nil { header = (table, start(table, base, database)) }
        header?.row[columnName(column)] = readable(value, column)
      case (.nested(let inner), .object(let nested)): visit(nested, inner)
      case (.rows(let table), .array(let elements)):
        for case .object(let element) in elements {
          var row = start(table, base, database)
          if !table.object.isEmpty {
            row["object_id"] = table.object.map { element[$0].flatMap(text) ?? "?" }.joined(separator: "|")
          }
          for column in table.columns where !column.isMade {
            row[columnName(column)] = element[column.key].map { readable($0, column) } ?? "NULL"
          }
          rows[table.name, default: []].append(row)
        }
      case (.texts(let table), .array(let elements)):
        for element in elements {
          var row = start(table, base, database)
          row[columnName(table.columns[0])] = readable(element, table.columns[0])
          rows[table.name, default: []].append(row)
        }
      case (.databases(let inner), .object(let databases)):
        for member in databases.members {
          guard case .object(let object) = member.value else { continue }
          collect(object, inner, base, database: member.name, &rows)
        }
      default: break
      }
    }
  }
  visit(object, fields)
  if let header { rows[header.table.name, default: []].append(header.row) }
}

private func start(_ table: MetricTable, _ base: ReadableRow, _ database: String?) -> ReadableRow {
  var row = base
  for column in table.columns {
    row[columnName(column)] = column.isMade ? "1" : "NULL"
    if column.kind == .numeric { row[column.wideName] = "NULL" }
  }
  if table.hasDatabase { row["database_id"] = database ?? "NULL" }
  row["extra"] = "NULL"
  return row
}

private func columnName(_ column: MetricColumn) -> String { column.storedName }

private func readable(_ value: JSONValue, _ column: MetricColumn) -> String {
  switch (column.kind, value) {
  case (.int8, .integer(let number)), (.numeric, .integer(let number)): "\(number)"
  case (.float8, .integer(let number)): "\(Double(number))"
  case (.float8, .double(let number)): "\(number)"
  case (.bool, .bool(let flag)): "\(flag)"
  case (.text, .string(let text)), (.interned, .string(let text)): text
  case (.timestamp, .string("")): "NULL"
  case (.timestamp, .string(let text)): micros(text)
  default: "NULL"
  }
}

/// Converts a time with the C library. It reads `2026-11-22T19:33:04Z` and `2026-11-22 19:14:37.155390+00`.
private func micros(_ text: String) -> String {
  var time = tm()
  let parts = text.split(whereSeparator: { "-: T.Z+".contains($0) }).compactMap { Int32($0) }
  (time.tm_year, time.tm_mon, time.tm_mday) = (parts[0] - 1900, parts[1] - 1, parts[2])
  (time.tm_hour, time.tm_min, time.tm_sec) = (parts[3], parts[4], parts[5])
  let seconds = timegm(&time) - 946_684_800
  return "\(seconds * 1_000_000 + (text.contains(".") ? Int(parts[6]) : 0))"
}

extension DecodedPush {
  /// The rows of a metric table, with each id replaced from `texts` and `objects`.
  func readableRows(_ table: MetricTable) -> [ReadableRow] {
    var texts: [Int64: String] = [:]
    for row in rows("texts") { texts[id(row["text_id"])] = (row["value"] ?? nil)?.asText }
    var objects: [Int64: String] = [:]
    for row in rows("objects") where (row["kind"] ?? nil)?.asText == table.name {
      let parts = textArray((row["key"] ?? nil) ?? [])
      objects[id(row["object_id"])] = parts.joined(separator: "|")
      if parts.joined(separator: ".") != (row["name"] ?? nil)?.asText { objects[id(row["object_id"])] = "wrong name" }
    }
    return rows(table.name).map { row in
      row.reduce(into: ReadableRow()) { readable, field in
        guard let bytes = field.value else {
          readable[field.key] = "NULL"
          return
        }
        let column = table.columns.first { columnName($0) == field.key }
        readable[field.key] =
          switch (field.key, column?.kind) {
          case ("object_id", _): objects[bytes.asInteger] ?? "unknown object"
          case ("database_id", nil), (_, .interned): texts[bytes.asInteger] ?? "unknown text"
          case (_, .float8): "\(Double(bitPattern: UInt64(bitPattern: bytes.asInteger)))"
          case (_, .bool): bytes == [1] ? "true" : "false"
          case (_, .text), ("extra", nil): bytes.asText
          case (_, .int8), (_, .numeric), (_, .timestamp), (_, .json), (_, nil): "\(bytes.asInteger)"
          }
      }
    }
  }

  private func id(_ field: CopyField?) -> Int64 { (field ?? nil)?.asInteger ?? 0 }

  private func textArray(_ bytes: [UInt8]) -> [String] {
    guard bytes.count >= 20, Array(bytes[0..<12]).elementsEqual([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25]) else {
      return ["?"]
    }
    let count = Int(Array(bytes[12..<16]).asInteger)
    guard Array(bytes[16..<20]).asInteger == 1 else { return ["?"] }
    var index = 20
    return (0..<count).map { _ in
      let length = Int(Array(bytes[index..<index + 4]).asInteger)
      defer { index += 4 + length }
      return String(decoding: bytes[index + 4..<index + 4 + length], as: UTF8.self)
    }
  }
}
