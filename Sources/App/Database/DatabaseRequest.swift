/// Work for one session of the pool, with the callback for its result.
struct DatabaseRequest: Sendable {
  enum Work: Sendable {
    /// A prepared statement. The session prepares it before its first use.
    case statement(StatementDescription, EncodedParameters)
    /// A simple query: several statements, one implicit transaction, no parameters. Results are in text and are
    /// ignored.
    case script(String)
    /// A statement that is planned for these parameters. Its rows go to the sink as they arrive.
    case stream(StatementDescription, EncodedParameters, any RowSink)
    /// A `COPY ... FROM STDIN (FORMAT binary)` and its tuples, without header and trailer.
    case copy(String, tuples: [UInt8])
    /// Ends a transaction. It fails if a statement of the transaction has failed.
    case commit

    /// Whether the work changes stored data, or may do so: everything except a query and the beginning or rollback of a
    /// transaction.
    var isChange: Bool {
      switch self {
      case .statement(let statement, _): !statement.sql.hasPrefix("SELECT")
      case .script(let sql): !["BEGIN", "ROLLBACK", "SET ", "RESET "].contains { sql.hasPrefix($0) }
      case .copy: true
      case .stream, .commit: false
      }
    }
  }

  let id: UInt64
  let work: Work
  /// Called once, on the pool's loop, with the last result or the first failure.
  let complete: @Sendable (consuming DatabaseResult) -> Void
}

/// Identifies one lending of one session.
struct LeaseID: Hashable, Sendable {
  let session: Int
  let generation: UInt64
}

/// Receives rows as they arrive, on the pool's loop.
protocol RowSink: AnyObject, Sendable {
  /// - Parameter rows: one row, borrowed for the call.
  /// - Returns: whether the next row may follow at once.
  func receive(_ rows: borrowing DatabaseRows) -> RowDemand
}

enum RowDemand: Sendable {
  case more
  /// No more rows until `DatabaseLease.resumeRows`.
  case pause
}
