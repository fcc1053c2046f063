// What a writer needs of a database session, and nothing more: DatabaseConnection has it of libpq, the simulation of the tests
// of a model. Answers come through DatabaseConnectionDelegate, never from within a call.

/// One session for batches: a simple query whose COPYs take data.
protocol CopySession: AnyObject {
  /// - Parameter delegate: held until the session is closed or lost.
  func connect(_ delegate: any DatabaseConnectionDelegate)
  /// One or more statements, one implicit transaction.
  func send(_ sql: String)
  /// Offers COPY data, at most `DatabaseConnection.maximumCopyChunkBytes`. Taken bytes are copied.
  func putCopy(_ bytes: Span<UInt8>) -> DatabaseConnection.CopyAcceptance
  func endCopy()
  /// From here on `delegate` hears, in the place of who heard until now.
  func handOver(to delegate: any DatabaseConnectionDelegate)
  /// The delegate hears no more.
  func close()
}

extension DatabaseConnection: CopySession {}
