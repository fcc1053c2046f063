// Rows as values. As with request bodies (see ObjectReader), one initializer both reads a row and describes its columns.
// The program compares the description with every result before it reads the first row, and a test compares it with the
// migrated schema.
//
// For this the initializer must be a straight line: it reads each column once, in the order of the statement, and never
// branches on a value that it has read.

/// One column that a row type expects.
struct SQLColumn: Hashable, Sendable {
  let name: String
  let type: SQLType
  let isNullable: Bool
}

/// A type whose values are rows of a result.
protocol SQLRow: Sendable {
  /// If true, the statement decides the columns, and the row asks `RowReader` for their names and types.
  static var isOpen: Bool { get }
  /// Reads the columns in their order, with one `read` for each.
  init(from row: inout RowReader) throws(DatabaseError)
}

extension SQLRow {
  static var isOpen: Bool { false }

  /// The columns that the initializer reads, in their order; empty for an open row. The call runs the initializer on
  /// stand-in values, so a statement calls it once and keeps the result.
  static func describe() -> [SQLColumn] {
    var reader = RowReader()
    do throws(DatabaseError) {
      _ = try Self(from: &reader)
    } catch {
      precondition(reader.described.isEmpty, "\(Self.self) does not take the stand-ins of its columns: \(error)")
    }
    return reader.described
  }

  /// The columns as a statement lists them: `u.id, u.username`.
  /// - Parameter table: the alias before each column; nil for no alias.
  static func list(of table: String? = nil) -> String {
    describe().map { column in table.map { "\($0).\(column.name)" } ?? column.name }.joined(separator: ", ")
  }
}

/// The row type of a statement that returns no rows.
enum NoRow: SQLRow {
  init(from row: inout RowReader) throws(DatabaseError) {
    throw DatabaseError(.unexpectedResult, "a row from a statement that returns none")
  }
}

/// A row of one column. The column may have any name.
struct SingleValue<Value: SQLValue>: SQLRow {
  let value: Value

  init(from row: inout RowReader) throws(DatabaseError) { value = try row.read("") }
}
