import Protocol

/// The database work of the ingest desk besides its writers. Such work waits for the database, which a loop must not
/// do. Each completion is called once, on any thread.
protocol IngestErrands: Sendable {
  /// Makes the partitions of `days` that do not exist.
  func ensurePartitions(of days: [Day], _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Stores a push whose rows PostgreSQL refuses as a dead letter.
  func park(_ letter: DeadLetter, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Revokes the collectors that this one replaces. All loops know it when `done` is called.
  func endPredecessors(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Records the time at which these collectors pushed.
  func touch(_ collectors: [UUID])
  /// Records the rejected parts of pushes.
  func record(_ rejects: RejectNotes)
}
