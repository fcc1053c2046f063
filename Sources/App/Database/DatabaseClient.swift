// The async face of the database. What waits is a continuation on Swift's cooperative pool; what works is a loop.

/// Answers statements: the pool as a whole, or one leased session of it.
protocol DatabaseClient: Sendable {
  /// Runs `work` and reads its result, on the database's loop.
  func answer<Value: Sendable>(
    _ work: DatabaseRequest.Work,
    _ read: @escaping @Sendable (consuming DatabaseResult) -> Result<Value, DatabaseError>
  ) async throws(DatabaseError) -> Value
}

extension DatabaseClient {
  /// Every row of the statement's result.
  func rows<each Parameter: SQLValue, Row: SQLRow>(
    _ statement: Statement<repeat each Parameter, Row>, _ parameter: repeat each Parameter
  ) async throws(DatabaseError) -> [Row] {
    try await rows(as: Row.self, statement.description, statement.encode(repeat each parameter))
  }

  /// Every row of the result of a statement whose parameters are encoded.
  func rows<Row: SQLRow>(
    as _: Row.Type, _ statement: StatementDescription, _ parameters: EncodedParameters
  ) async throws(DatabaseError) -> [Row] {
    try await answer(.statement(statement, parameters)) { result in
      switch consume result {
      case .rows(let rows): return Result { () throws(DatabaseError) in try rows.decode(statement) }
      case .command: return .success([])
      case .failed(let error): return .failure(error)
      case .row: return .failure(DatabaseError(.unexpectedResult, "a single row"))
      case .copyIn: return .failure(DatabaseError(.unexpectedResult, "COPY"))
      }
    }
  }

  /// The first row, or nil if there is none.
  func one<each Parameter: SQLValue, Row: SQLRow>(
    _ statement: Statement<repeat each Parameter, Row>, _ parameter: repeat each Parameter
  ) async throws(DatabaseError) -> Row? {
    try await rows(statement, repeat each parameter).first
  }

  /// Rows inserted, updated, deleted or selected.
  @discardableResult
  func execute<each Parameter: SQLValue, Row: SQLRow>(
    _ statement: Statement<repeat each Parameter, Row>, _ parameter: repeat each Parameter
  ) async throws(DatabaseError) -> Int {
    let parameters = statement.encode(repeat each parameter)
    return try await answer(.statement(statement.description, parameters), affected)
  }

  /// A simple query, for DDL: several statements in one implicit transaction unless they say otherwise.
  /// - Returns: rows that the last of them inserted, updated, deleted or selected.
  @discardableResult
  func script(_ sql: String) async throws(DatabaseError) -> Int {
    try await answer(.script(sql), affected)
  }
}

/// How many rows a result speaks of.
@Sendable private func affected(_ result: consuming DatabaseResult) -> Result<Int, DatabaseError> {
  switch consume result {
  case .rows(let rows): .success(rows.affected)
  case .command(let affected): .success(affected)
  case .failed(let error): .failure(error)
  case .row: .failure(DatabaseError(.unexpectedResult, "a single row"))
  case .copyIn: .failure(DatabaseError(.unexpectedResult, "COPY"))
  }
}
