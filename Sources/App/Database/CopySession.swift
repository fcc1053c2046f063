// The part of a database session that a writer needs. `DatabaseConnection` provides it by libpq; the simulation in the
// tests provides a model. Answers arrive through `DatabaseConnectionDelegate`, never during a call.

/// A session for batches: it sends simple queries whose COPYs take data.
protocol CopySession: AnyObject {
  /// Starts to connect.
  /// - Parameter delegate: retained until the session is closed or lost.
  func connect(_ delegate: any DatabaseConnectionDelegate)
  /// Sends one or more statements, which form one implicit transaction.
  func send(_ sql: String)
  /// Offers COPY data, at most `DatabaseConnection.maximumCopyChunkBytes`. The session copies the bytes it accepts.
  func putCopy(_ bytes: Span<UInt8>) -> DatabaseConnection.CopyAcceptance
  /// Ends the current COPY.
  func endCopy()
  /// Replaces the delegate: all later events go to `delegate`.
  func handOver(to delegate: any DatabaseConnectionDelegate)
  /// Closes the session. Its delegate gets no further events.
  func close()
}

extension DatabaseConnection: CopySession {}
