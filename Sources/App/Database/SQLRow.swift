// Rows as values, by the same idea as request bodies (see ObjectReader): one initializer both reads a row and says which
// columns the row has. The description is checked against every result before the first row is read, and against the
// migrated schema by a test.
//
// What makes it sound: the initializer is a straight line. It reads each column once, in the order of the statement, and
// never branches on a value that it read.

/// One column that a row type expects.
struct SQLColumn: Hashable, Sendable {
  let name: String
  let type: SQLType
  let isNullable: Bool
}

/// A type whose values are rows of a result.
protocol SQLRow: Sendable {
  /// True: the statement decides the columns, and the row asks `RowReader` what they are.
  static var isOpen: Bool { get }
  /// Reads the columns in order, one `read` each.
  init(from row: inout RowReader) throws(DatabaseError)
}

extension SQLRow {
  static var isOpen: Bool { false }

  /// The columns that the initializer reads, in order; none of an open row. Runs the initializer once on stand-ins, so a
  /// statement keeps the answer.
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
  /// - Parameter table: the alias before each; nil for none.
  static func list(of table: String? = nil) -> String {
    describe().map { column in table.map { "\($0).\(column.name)" } ?? column.name }.joined(separator: ", ")
  }
}

/// The row of a statement that returns none.
enum NoRow: SQLRow {
  init(from row: inout RowReader) throws(DatabaseError) {
    throw DatabaseError(.unexpectedResult, "a row from a statement that returns none")
  }
}

/// A row of one column, whatever its name.
struct SingleValue<Value: SQLValue>: SQLRow {
  let value: Value

  init(from row: inout RowReader) throws(DatabaseError) { value = try row.read("") }
}
