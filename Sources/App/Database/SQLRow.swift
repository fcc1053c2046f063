// Rows as values. A row type lists its columns once; the list is checked against every result before the first row is
// read, and against the migrated schema by a test.

/// One column that a row type expects.
struct SQLColumn: Hashable, Sendable {
  let name: String
  let type: SQLType
  let isNullable: Bool

  init(name: String, type: SQLType, isNullable: Bool) {
    self.name = name
    self.type = type
    self.isNullable = isNullable
  }

  init<Value: SQLValue>(_ name: String, _ value: Value.Type) {
    self.name = name
    type = value.type
    isNullable = value.isNullable
  }
}

/// A type whose values are rows of a result.
protocol SQLRow: Sendable {
  /// The result's columns, in order.
  static var columns: [SQLColumn] { get }
  /// True: the statement decides the columns, and the row asks `RowReader` what they are. `columns` is empty then.
  static var isOpen: Bool { get }
  /// Reads the columns in order, one `next` each.
  init(from row: inout RowReader) throws(DatabaseError)
}

extension SQLRow {
  static var isOpen: Bool { false }
}

/// The row of a statement that returns none.
enum NoRow: SQLRow {
  static let columns: [SQLColumn] = []
  init(from row: inout RowReader) throws(DatabaseError) {
    throw DatabaseError(.unexpectedResult, "a row from a statement that returns none")
  }
}

/// A row of one column, whatever its name.
struct SingleValue<Value: SQLValue>: SQLRow {
  let value: Value

  static var columns: [SQLColumn] { [SQLColumn("", Value.self)] }
  init(from row: inout RowReader) throws(DatabaseError) { value = try row.next() }
}

extension SQLRow {
  /// Whether a result has the declared columns. - Returns: what is different, or nil.
  static func mismatch(with found: [SQLColumn]) -> String? {
    if isOpen { return nil }
    guard found.count == columns.count else { return "\(found.count) columns instead of \(columns.count)" }
    for (declared, found) in zip(columns, found) {
      guard declared.name.isEmpty || declared.name == found.name, declared.type == found.type else {
        return "column \(found.name) \(found.type) instead of \(declared.name) \(declared.type)"
      }
    }
    return nil
  }
}
