// What a writer says to the ingest desk.

/// Who hears what became of pushes.
protocol CopyWriterOwner: AnyObject {
  /// The outcome is in `push.outcome`.
  func settled(_ push: Push)
  /// The deadline of `push` has passed while its batch is in flight: its client is told that the outcome is unknown.
  /// `settled` follows, whenever that may be.
  func unanswered(_ push: Push)
  /// Rows are for days that have no partition (yet): make them, then call `writer.partitionsAreReady()`.
  func needsPartitions(for days: [Int32], _ writer: CopyWriter)
  /// PostgreSQL refuses the rows of `push` for `push.suspicion`: park it, set its outcome, settle it.
  func park(_ push: Push)
  /// Something that an operator should know.
  func report(_ event: CopyWriter.Event)
}

extension CopyWriter {
  enum Event {
    case connected
    case disconnected(DatabaseError, retryIn: Duration)
    case batchBegun(Batch)
    /// Its pushes are not settled yet. - `copying`: from its begin to the end of its last COPY; `committing`: from there to
    /// the commit's answer.
    case batchCommitted(Batch, copying: Duration, committing: Duration)
    /// The database has not answered a batch within `commit_deadline`; its session is left to itself, and replaced.
    case batchUnanswered(pushes: Int)
    /// It has answered such a batch since, or that session is gone.
    case unansweredEnded(after: Duration)
    /// - `isTrial`: the batch was made to find out who is at fault.
    case batchFailed(DatabaseError, Refusal, pushes: Int, isTrial: Bool)
    /// PostgreSQL refuses everybody's rows for a table: pushes with such rows get 503 from now on.
    case refusing(Refusal)
    /// It takes rows for that table again.
    case accepting(Refusal)
    /// The connection broke when the batch may have been committed: its pushes are sent again, and the ledger decides.
    case batchUnknown(pushes: Int)
  }
}
