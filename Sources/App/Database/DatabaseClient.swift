// The async interface of the database. A waiting request is a suspended task; a loop does the work.

/// Answers statements. It is either the pool or one session leased from it.
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

  /// The number of rows that the statement inserted, updated, deleted or selected.
  @discardableResult
  func execute<each Parameter: SQLValue, Row: SQLRow>(
    _ statement: Statement<repeat each Parameter, Row>, _ parameter: repeat each Parameter
  ) async throws(DatabaseError) -> Int {
    let parameters = statement.encode(repeat each parameter)
    return try await answer(.statement(statement.description, parameters), affected)
  }

  /// Sends a simple query, for DDL. Several statements form one implicit transaction unless they contain BEGIN or
  /// COMMIT.
  /// - Returns: the number of rows that the last statement inserted, updated, deleted or selected.
  @discardableResult
  func script(_ sql: String) async throws(DatabaseError) -> Int {
    try await answer(.script(sql), affected)
  }
}

/// The number of affected rows in a result.
@Sendable private func affected(_ result: consuming DatabaseResult) -> Result<Int, DatabaseError> {
  switch consume result {
  case .rows(let rows): .success(rows.affected)
  case .command(let affected): .success(affected)
  case .failed(let error): .failure(error)
  case .row: .failure(DatabaseError(.unexpectedResult, "a single row"))
  case .copyIn: .failure(DatabaseError(.unexpectedResult, "COPY"))
  }
}
