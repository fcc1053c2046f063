/// Something to do on one session of the pool, and who waits for it.
struct DatabaseRequest: Sendable {
  enum Work: Sendable {
    /// A prepared statement; it is prepared first where the session does not know it yet.
    case statement(StatementDescription, EncodedParameters)
    /// A simple query: several statements, one implicit transaction, no parameters, results in text and not looked at.
    case script(String)
    /// A statement that is planned for these parameters, and whose rows go to the sink as they arrive.
    case stream(StatementDescription, EncodedParameters, any RowSink)
    /// A `COPY ... FROM STDIN (FORMAT binary)` and its tuples, without header and trailer.
    case copy(String, tuples: [UInt8])
    /// Ends a transaction that must not have failed.
    case commit

    /// Whether it changes what is stored, or may: whatever is no query, and does not begin or give up a transaction.
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

/// Names a session that was lent, and one of the times it was.
struct LeaseID: Hashable, Sendable {
  let session: Int
  let generation: UInt64
}

/// Takes rows as they arrive, on the pool's loop.
protocol RowSink: AnyObject, Sendable {
  /// - Parameter rows: one row, lent.
  /// - Returns: whether to go on at once.
  func receive(_ rows: borrowing DatabaseRows) -> RowDemand
}

enum RowDemand: Sendable {
  case more
  /// No more until `DatabaseLease.resumeRows`.
  case pause
}
