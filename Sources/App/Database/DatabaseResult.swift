// The server's answers. Rows stay in libpq's memory and are borrowed from there; the reader decodes each value once.

internal import CEpoll.Postgres
internal import Protocol

/// One PGresult. A simple query of several statements gives several; the connection calls `finished` after the last.
enum DatabaseResult: ~Copyable {
  case rows(DatabaseRows)
  /// One row of a statement whose rows arrive one by one. A `.rows` without rows follows the last.
  case row(DatabaseRows)
  /// A statement without rows. `affected` is 0 if the command counts none.
  case command(affected: Int)
  /// The server accepts COPY data from here on.
  case copyIn
  case failed(DatabaseError)
}

/// The rows of one result, and its columns. Owns the PGresult.
struct DatabaseRows: ~Copyable {
  fileprivate let result: OpaquePointer
  let count: Int
  /// The number of rows that the command changed (RETURNING) or selected.
  let affected: Int

  /// Takes ownership of a PGRES_TUPLES_OK or PGRES_SINGLE_TUPLE.
  init(owning result: OpaquePointer) {
    self.result = result
    count = Int(PQntuples(result))
    affected = affectedRows(result)
  }

  deinit { PQclear(result) }

  /// Names and types of the columns. The result does not tell whether a column may be NULL.
  var columns: [SQLColumn] {
    (0..<PQnfields(result)).map { SQLColumn(name: String(cString: PQfname(result, $0)), oid: PQftype(result, $0)) }
  }

  /// Decodes every row. Checks first that the columns are the statement's.
  func decode<Row: SQLRow>(_ statement: StatementDescription) throws(DatabaseError) -> [Row] {
    if let mismatch = statement.mismatch(with: columns) { throw DatabaseError(.unexpectedResult, mismatch) }
    var rows: [Row] = []
    rows.reserveCapacity(count)
    for index in 0..<count {
      var reader = RowReader(result: result, row: CInt(index))
      rows.append(try Row(from: &reader))
    }
    return rows
  }

  /// Calls `body` with the binary value at (`row`, `column`), or nil for NULL. For callers without a row type.
  func withValue<R>(row: Int, column: Int, _ body: (Span<UInt8>?) -> R) -> R {
    precondition(row >= 0 && row < count)
    return withBytes(result, CInt(row), CInt(column), body)
  }
}

/// Reads the columns of one row, left to right. A reader is in one of two modes: *decoding* gives the row's values;
/// *describing* records names and types and gives stand-ins.
struct RowReader: ~Copyable {
  /// The result being decoded; nil while describing.
  private let result: OpaquePointer?
  private let row: CInt
  private var column: CInt = 0
  /// The columns read so far, while describing.
  private(set) var described: [SQLColumn] = []

  // Safety: only `DatabaseRows.decode` makes one with a result, which outlives it: it is lent `inout` and can't be copied.
  fileprivate init(result: OpaquePointer, row: CInt) {
    self.result = result
    self.row = row
  }

  /// A reader without a result. It records the columns that an initializer reads.
  init() {
    result = nil
    row = 0
  }

  /// The columns of the result, for an open row.
  var columns: [SQLColumn] {
    guard let result else { return [] }
    return (0..<PQnfields(result)).map { index in
      SQLColumn(name: String(cString: PQfname(result, index)), oid: PQftype(result, index))
    }
  }

  /// The next column.
  /// - Parameter name: what the statement calls it; empty for a column of any name.
  mutating func read<Value: SQLValue>(
    _ name: String, _: Value.Type = Value.self
  ) throws(DatabaseError) -> Value {
    guard let result else {
      described.append(SQLColumn(name: name, type: Value.type, isNullable: Value.isNullable))
      return Value.standIn
    }
    precondition(column < PQnfields(result), "a row type reads more columns than it describes")
    defer { column += 1 }
    let outcome = withBytes(result, row, column) { bytes in
      Result { () throws(SQLValueError) in try Value.decode(bytes) }
    }
    switch outcome {
    case .success(let value): return value
    case .failure(let error):
      let name = String(cString: PQfname(result, column))
      throw DatabaseError(.unexpectedResult, "\(error) in column \(name) as \(Value.type)")
    }
  }

  /// The next column, a text that is one of a few words.
  mutating func word<Word: RawRepresentable & CaseIterable>(
    _ name: String, _: Word.Type = Word.self
  ) throws(DatabaseError) -> Word where Word.RawValue == String {
    let text = try read(name, String.self)
    if let word = Word(rawValue: text) { return word }
    guard result == nil, let standIn = Word.allCases.first else {
      throw DatabaseError(.unexpectedResult, "\(name) \(text)")
    }
    return standIn
  }
}

/// Calls `body` with one value.
private func withBytes<R>(_ result: OpaquePointer, _ row: CInt, _ column: CInt, _ body: (Span<UInt8>?) -> R) -> R {
  if PQgetisnull(result, row, column) == 1 { return body(nil) }
  // Safety: PQgetvalue points to PQgetlength bytes that live as long as the result, whose owner is borrowed.
  let bytes = UnsafeRawBufferPointer(
    start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
  return bytes.withMemoryRebound(to: UInt8.self) { body($0.span) }
}

private func affectedRows(_ result: OpaquePointer) -> Int {
  Int(String(cString: PQcmdTuples(result))) ?? 0
}

extension SQLColumn {
  /// A column as a result describes it.
  init(name: String, oid: UInt32) {
    self.init(name: name, type: SQLType(oid: oid), isNullable: true)
  }
}

extension DatabaseResult {
  /// Takes ownership of a PGresult of any status but PGRES_PIPELINE_SYNC and PGRES_PIPELINE_ABORTED.
  init(owning result: OpaquePointer) {
    switch PQresultStatus(result) {
    case PGRES_TUPLES_OK:
      self = .rows(DatabaseRows(owning: result))
    case PGRES_SINGLE_TUPLE:
      self = .row(DatabaseRows(owning: result))
    case PGRES_COMMAND_OK:
      self = .command(affected: affectedRows(result))
      PQclear(result)
    case PGRES_COPY_IN:
      self = .copyIn
      PQclear(result)
    case PGRES_EMPTY_QUERY:
      self = .command(affected: 0)
      PQclear(result)
    default:  // PGRES_FATAL_ERROR and PGRES_BAD_RESPONSE; no statement of ours causes another status
      self = .failed(DatabaseError(owning: result))
    }
  }
}

extension DatabaseError {
  /// Takes ownership of a PGRES_FATAL_ERROR.
  init(owning result: OpaquePointer) {
    defer { PQclear(result) }
    func field(_ code: Int) -> String? { PQresultErrorField(result, CInt(code)).map { String(cString: $0) } }
    self.init(
      .statement, field(CPOSTGRES_MESSAGE) ?? firstLine(String(cString: PQresultErrorMessage(result))),
      sqlstate: field(CPOSTGRES_SQLSTATE), detail: field(CPOSTGRES_DETAIL), context: field(CPOSTGRES_CONTEXT),
      constraint: field(CPOSTGRES_CONSTRAINT), table: field(CPOSTGRES_TABLE))
  }
}

/// The first line of a message of libpq, which ends with a line break and may have hints for people on further lines.
func firstLine(_ message: String) -> String {
  message.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? message
}

extension DatabaseRows {
  /// A UUID in the answer to a simple query, which is in text format.
  func uuid(row: Int, column: Int) -> UUID? {
    withValue(row: row, column: column) { bytes in
      guard let bytes else { return nil }
      return UUID(text: bytes)
    }
  }
}
