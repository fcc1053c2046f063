// An answer of the API as what people and programs want of it: rows, further tables, and single values.

import Protocol

/// Rows with the same columns.
struct AnswerTable: Equatable, Sendable {
  /// Empty for the main rows.
  var title = ""
  var columns: [AnswerColumn]
  var rows: [JSONValue]

  /// The columns that the rows and their schema name.
  init(title: String = "", rows: [JSONValue], schema: Schema?) {
    self.title = title
    self.rows = rows
    columns = schema?.properties.map { AnswerColumn(name: $0.name, schema: $0.schema) } ?? []
    var known = Set(columns.map(\.name))
    if columns.isEmpty {
      for row in rows {
        guard case .object(let object) = row else { continue }
        for member in object.members where known.insert(member.name).inserted {
          columns.append(AnswerColumn(name: member.name))
        }
      }
    }
    if columns.isEmpty, !rows.isEmpty { columns = [AnswerColumn(name: "value", schema: schema)] }
  }

  func value(_ row: JSONValue, _ column: AnswerColumn) -> JSONValue {
    if case .object(let object) = row { return object[column.name] ?? .null }
    return row
  }

  /// Keeps only some columns, in the given order.
  /// - Throws: `.usage` for an unknown column.
  mutating func select(_ names: String) throws(ClientFailure) {
    if names == "all" || columns.isEmpty { return }
    columns = try names.split(separator: ",").map { name throws(ClientFailure) in
      try column(name.trimmed, "--columns")
    }
  }

  /// Sorts by a column; `-` before its name: descending. Rows without a value come last.
  mutating func sort(by text: String) throws(ClientFailure) {
    if columns.isEmpty { return }
    let isDescending = text.hasPrefix("-")
    sort(by: try column(isDescending ? String(text.dropFirst()) : text, "--sort"), isDescending: isDescending)
  }

  /// Sorts by a column. Rows without a value come last.
  mutating func sort(by column: AnswerColumn, isDescending: Bool) {
    let keyed = rows.enumerated().map { (index: $0.offset, row: $0.element, key: value($0.element, column)) }
    rows = keyed.sorted { left, right in
      if left.key == .null || right.key == .null {
        return left.key == .null ? right.key == .null && left.index < right.index : true
      }
      if Self.isLess(left.key, right.key) { return !isDescending }
      if Self.isLess(right.key, left.key) { return isDescending }
      return left.index < right.index
    }.map(\.row)
  }

  private func column(_ name: String, _ option: String) throws(ClientFailure) -> AnswerColumn {
    if let column = columns.first(where: { $0.name == name }) { return column }
    throw ClientFailure(
      .usage, "\(option): there is no column \(name). There are \(columns.map(\.name).joined(separator: ", ")).")
  }

  private static func isLess(_ left: JSONValue, _ right: JSONValue) -> Bool {
    if let left = number(left), let right = number(right) { return left < right }
    return (CommandValue.text(left) ?? "") < (CommandValue.text(right) ?? "")
  }

  private static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .double(let number): number
    case .null, .bool, .string, .array, .object: nil
    }
  }
}

/// A JSON answer with its schema.
struct AnswerDocument: Sendable {
  /// The members that describe a page and not its rows.
  private static let paging: Set<String> = [
    "total", "page", "page_size", "total_pages", "count", "next_cursor", "data_truncated",
  ]

  var value: JSONValue
  let schema: Schema?

  init(_ value: JSONValue, _ schema: Schema?) {
    self.value = value
    self.schema = schema
  }

  private var object: JSONObject? { if case .object(let object) = value { object } else { nil } }

  /// The rows of a list; nil for an answer about one thing.
  var rows: [JSONValue]? {
    switch value {
    case .array(let rows): rows
    case .object(let object): if case .array(let rows)? = object["data"] { rows } else { nil }
    case .null, .bool, .integer, .double, .string: nil
    }
  }

  /// Adds the rows of the next page to those of this one.
  mutating func append(_ next: AnswerDocument) {
    guard var object, let rows, let more = next.rows else { return }
    object["data"] = .array(rows + more)
    for name in ["next_cursor", "data_until", "data_truncated"] { object[name] = next.object?[name] ?? object[name] }
    if object["count"] != nil { object["count"] = .integer(Int64(rows.count + more.count)) }
    if object["page_size"] != nil { object["page_size"] = .integer(Int64(rows.count + more.count)) }
    if object["total_pages"] != nil { object["total_pages"] = .integer(1) }
    value = .object(object)
  }

  /// The main rows. Of an answer about one thing, this thing is the row.
  var main: AnswerTable {
    guard let rows else { return AnswerTable(rows: [value], schema: schema) }
    let inner = schema?.kind == .array ? schema : property("data")
    return AnswerTable(rows: rows, schema: inner?.element.first)
  }

  /// Lists of objects beside the main rows.
  var others: [AnswerTable] {
    (object?.members ?? []).compactMap { member in
      guard isTable(member) else { return nil }
      guard case .array(let rows) = member.value else { return nil }
      return AnswerTable(title: member.name, rows: rows, schema: property(member.name)?.element.first)
    }
  }

  private func isTable(_ member: JSONObject.Member) -> Bool {
    guard member.name != "data", case .array(let rows) = member.value else { return false }
    if case .object? = rows.first { return true }
    return rows.isEmpty && property(member.name)?.element.first?.kind == .object
  }

  /// The values beside the tables.
  var facts: [(column: AnswerColumn, value: JSONValue)] {
    (object?.members ?? []).flatMap { member -> [(column: AnswerColumn, value: JSONValue)] in
      if isTable(member) || rows != nil && Self.paging.contains(member.name) || member.name == "data" && rows != nil {
        return []
      }
      if member.name.hasSuffix("_truncated"), member.value == .bool(false) { return [] }
      return Self.flat(member.name, member.value, property(member.name))
    }
  }

  private static func flat(
    _ name: String, _ value: JSONValue, _ schema: Schema?
  ) -> [(column: AnswerColumn, value: JSONValue)] {
    guard case .object(let object) = value, schema?.members.isEmpty ?? true, !object.members.isEmpty else {
      return [(AnswerColumn(name: name, schema: schema), value)]
    }
    return object.members.flatMap { member in
      flat("\(name).\(member.name)", member.value, schema?.properties.first { $0.name == member.name }?.schema)
    }
  }

  /// What the page leaves out; nil if it has everything.
  var rest: String? {
    guard let object, let shown = rows?.count else { return nil }
    if let total = object["total"]?.integer, let pages = object["total_pages"]?.integer, pages > 1 {
      let page = object["page"]?.integer ?? 1
      return "Page \(page) of \(pages), \(shown) of \(total) rows. --page N shows another page, --all all."
    }
    if let cursor = object["next_cursor"]?.string {
      return "\(shown) rows; there are more. --cursor \(cursor) shows the next page, --all all."
    }
    return nil
  }

  private func property(_ name: String) -> Schema? { schema?.properties.first { $0.name == name }?.schema }
}

extension Substring {
  /// The text without blanks around it.
  var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
