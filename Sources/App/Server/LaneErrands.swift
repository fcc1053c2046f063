// What a lane has others do for it at the database, beside its writers: work that waits, which a lane must not.

import Protocol

/// Answers come on any thread, once each.
protocol LaneErrands: Sendable {
  /// Makes sure that `days` have partitions.
  func ensurePartitions(of days: [Day], _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Keeps a push aside whose rows PostgreSQL refuses.
  func park(_ letter: DeadLetter, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Reads one collector; the lanes have been told when it is done.
  func refresh(_ collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Remembers that these collectors pushed.
  func touch(_ collectors: [UUID])
  /// Remembers what was rejected of pushes.
  func note(_ rejects: RejectNotes)
  /// Remembers that somebody came with the identity of this collector; the lanes have been told when it is done.
  func use(_ collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Ends the collectors whose place this one takes; the lanes have been told when it is done.
  func endPredecessors(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void)
  /// Who may be served: see `EndpointCall.principal`.
  func principal(of call: EndpointCall) async throws(Problem) -> Principal
}

/// Runs them as tasks on the admin lane's database client.
struct DatabaseErrands: LaneErrands {
  let database: Database
  let partitions: Partitions
  let directory: CollectorDirectory

  func ensurePartitions(of days: [Day], _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    run(done) { () throws(DatabaseError) in _ = try await partitions.ensure(days: days) }
  }

  func park(_ letter: DeadLetter, _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    run(done) { () throws(DatabaseError) in try await letter.park(in: database) }
  }

  func refresh(_ collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    run(done) { () throws(DatabaseError) in try await directory.refresh(collector) }
  }

  func touch(_ collectors: [UUID]) { directory.touch(collectors) }
  func note(_ rejects: RejectNotes) { directory.note(rejects) }

  func use(_ collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    run(done) { () throws(DatabaseError) in try await directory.use(collector) }
  }

  func endPredecessors(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    run(done) { () throws(DatabaseError) in try await directory.endPredecessors(of: collector) }
  }

  func principal(of call: EndpointCall) async throws(Problem) -> Principal { try await call.principal(database) }

  private func run(
    _ done: @escaping @Sendable (DatabaseError?) -> Void,
    _ work: @escaping @Sendable () async throws(DatabaseError) -> Void
  ) {
    Task { () async -> Void in
      do throws(DatabaseError) {
        try await work()
      } catch {
        return done(error)
      }
      done(nil)
    }
  }
}
