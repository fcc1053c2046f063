// What a writer tells its lane.

/// Who hears what became of pushes.
protocol CopyWriterOwner: AnyObject {
  /// The outcome is in `push.outcome`.
  func settled(_ push: Push)
  /// Rows are for days that have no partition (yet): make them, then call `writer.partitionsAreReady()`.
  func needsPartitions(for days: [Int32], _ writer: CopyWriter)
  /// PostgreSQL refuses the rows of `push` for `error`: park it, set its outcome, settle it.
  func park(_ push: Push, _ error: DatabaseError)
  /// Something that an operator should know.
  func report(_ event: CopyWriter.Event)
}

extension CopyWriter {
  enum Event {
    case connected
    case disconnected(DatabaseError, retryIn: Duration)
    case batchBegun(Batch)
    /// Its pushes are not settled yet. - `copying`: from its begin to the end of its last COPY; `committing`: from there to the commit's answer.
    case batchCommitted(Batch, copying: Duration, committing: Duration)
    case batchFailed(DatabaseError, pushes: Int)
    /// The connection broke when the batch may have been committed: its pushes are sent again, and the ledger decides.
    case batchUnknown(pushes: Int)
  }
}
