// The database work of a lane besides its writers. Such work waits for the database, which a loop must not do.

import Protocol

/// All errands of a lane. Each completion is called once, on any thread.
protocol LaneErrands: IngestErrands, IdentityErrands, SessionErrands {}

/// Runs the errands as tasks, with the database client that the endpoints use.
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
  func record(_ rejects: RejectNotes) { directory.note(rejects) }

  func confirmUse(of collector: UUID, _ done: @escaping @Sendable (DatabaseError?) -> Void) {
    run(done) { () throws(DatabaseError) in try await directory.recordUse(of: collector) }
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
