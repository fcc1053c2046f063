// What a writer reports to the ingest desk.

/// Receives the outcomes of pushes and the events of a writer.
protocol CopyWriterOwner: AnyObject {
  /// The push has its outcome, in `push.outcome`.
  func settled(_ push: Push)
  /// The deadline of `push` has passed while its batch is in flight. The owner answers the client that the outcome is
  /// unknown. `settled` follows later, at no fixed time.
  func unanswered(_ push: Push)
  /// A batch has rows for days without partitions. The owner makes them and then calls `writer.partitionsAreReady()`.
  func needsPartitions(for days: [Int32], _ writer: CopyWriter)
  /// PostgreSQL refuses the rows of `push`, see `push.suspicion`. The owner parks the push, sets its outcome and
  /// settles it.
  func park(_ push: Push)
  /// Something that an operator should know.
  func report(_ event: CopyWriter.Event)
}

extension CopyWriter {
  enum Event {
    case connected
    case disconnected(DatabaseError, retryIn: Duration)
    case batchBegun(Batch)
    /// The batch is committed; its pushes are not settled yet. `copying` lasts from the batch's begin to the end of its
    /// last COPY, `committing` from there to the answer to the commit.
    case batchCommitted(Batch, copying: Duration, committing: Duration)
    /// The database has not answered a batch within `commit_deadline`. The session is set aside and replaced.
    case batchUnanswered(pushes: Int)
    /// The session that was set aside has answered, or its connection is gone.
    case unansweredEnded(after: Duration)
    /// PostgreSQL refused a batch. `isTrial`: the batch was made to find out which push or table is at fault.
    case batchFailed(DatabaseError, Refusal, pushes: Int, isTrial: Bool)
    /// PostgreSQL refuses every collector's rows for a table: pushes with such rows get 503 from now on.
    case refusing(Refusal)
    /// PostgreSQL takes rows for that table again.
    case accepting(Refusal)
    /// The connection broke when the batch may have been committed. Its pushes are sent again, and the ledger decides.
    case batchUnknown(pushes: Int)
  }
}
