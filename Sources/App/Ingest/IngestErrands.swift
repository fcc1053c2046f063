import Protocol

/// What the ingest desk has others do at the database, beside its writers: work that waits, which a loop must not. Answers
/// come on any thread, once each.
protocol IngestErrands: Sendable {
  /// Makes sure that `days` have partitions.
  func ensurePartitions(of days: [Day], _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Keeps a push aside whose rows PostgreSQL refuses.
  func park(_ letter: DeadLetter, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Ends the collectors whose place this one takes; the loops know of it when it is done.
  func endPredecessors(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Writes down that these collectors pushed.
  func touch(_ collectors: [UUID])
  /// Writes down what was rejected of pushes.
  func record(_ rejects: RejectNotes)
}
