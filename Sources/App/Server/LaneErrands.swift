// What the parts of a lane have others do for them at the database, beside the writers: work that waits, which a loop must not.

import Protocol

/// All errands of a lane, in one object. Answers come on any thread, once each.
protocol LaneErrands: IngestErrands, IdentityErrands, SessionErrands {}

/// Runs them as tasks on the database client of the endpoints.
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
