// The enrolled collectors, as all lanes of the process know them. They are read from the database at the start, and
// again after each NOTIFY and periodically. Each lane holds its own copy, so that a push needs no look-up across
// threads.
//
// Only one read runs at a time; requests that arrive in the meantime are answered together by the next read. So no read
// can overwrite the result of a newer one with the state before a revocation, and ten thousand notifications cause only
// a few statements.

import Ground
import Protocol
import Synchronization

/// A copy of the directory that a lane keeps. It hears of all changes in their order.
protocol CollectorCopy: Sendable {
  /// Replaces the whole copy.
  func replaceCollectors(_ records: [UUID: CollectorRecord])
  /// Changes some collectors. - Parameter changes: nil for a collector that does not exist any more.
  func setCollectors(_ changes: [UUID: CollectorRecord?])
}

/// Holds the snapshot of the process and informs the lanes.
final class CollectorDirectory: Sendable {
  /// What the next read has to include.
  private struct Wanted {
    var everything = false
    var collectors: Set<UUID> = []
    /// The tasks that wait for this read.
    var readers: [CheckedContinuation<Result<Void, DatabaseError>, Never>] = []

    var isEmpty: Bool { !everything && collectors.isEmpty && readers.isEmpty }
  }

  private struct State {
    var records: [UUID: CollectorRecord] = [:]
    var copies: [any CollectorCopy] = []
    var wanted = Wanted()
    var isReading = false
    var fleet = FleetStatus()
  }

  /// Everything is read again at this interval, because notifications can be lost with their connection, and because
  /// the clocks of other servers may differ.
  private static let rereadInterval = Duration.seconds(60)
  private static let retryInterval = Duration.seconds(1)
  /// Above this number it is cheaper to read all collectors.
  private static let readTogether = 10_000

  private let state = Mutex(State())
  private let database: Database
  private let log: ServerLog
  /// For how many seconds after its end a certificate is still remembered.
  private let grace: Live<Double>
  /// After how many seconds of silence a collector is offline.
  private let silence: Live<Double>

  init(database: Database, settings: LiveSettings, log: ServerLog) {
    self.database = database
    self.log = log
    grace = settings.live { Double($0.certificateGrace.wholeSeconds) }
    silence = settings.live { Double($0.offlineAfter.wholeSeconds) }
  }

  /// Reads all collectors again.
  func reload() async throws(DatabaseError) { try await read { $0.everything = true } }

  /// Reads one collector again: it was changed, or a lane does not know it. The result is at least as new as the call,
  /// and the lanes have it when this returns.
  func refresh(_ id: UUID) async throws(DatabaseError) { try await read { $0.collectors.insert(id) } }

  /// The same after a committed change. A failure is not the caller's concern: the collector is read again later.
  func changed(_ id: UUID) async {
    do throws(DatabaseError) { try await refresh(id) } catch {}
  }

  /// Tells `copy` all that is known now, and from now on every change.
  func follow(_ copy: any CollectorCopy) {
    state.withLock { state in
      state.copies.append(copy)
      copy.replaceCollectors(state.records)
    }
  }

  /// Handles a notification about a change that a server on this database has made.
  func received(_ event: NotificationListener.Event) {
    switch event {
    case .subscribed: want { $0.everything = true }
    case .interrupted(let error): log.warning("notifications interrupted", ["error": "\(error)"])
    case .notified(let payload):
      let parts = payload.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0] == "collectors" || parts[0] == "collector_certificates",
        let id = UUID(String(parts[1]))
      else { return }
      want { $0.collectors.insert(id) }
    }
  }

  /// Reads everything again each minute until the task is cancelled.
  func keepFresh() async {
    while !Task.isCancelled {
      await countFleet()
      do { try await Task.sleep(for: Self.rereadInterval) } catch { return }
      want { $0.everything = true }
    }
  }

  /// The numbers of collectors by status, at most a minute old while the database is reachable.
  var fleet: FleetStatus { state.withLock { $0.fleet } }

  private func countFleet() async {
    do throws(DatabaseError) {
      guard let fleet = try await database.one(CollectorAdminStatements.fleet, silence.now) else { return }
      state.withLock { $0.fleet = fleet }
    } catch {
      log.debug("collectors not counted", ["error": "\(error)"])
    }
  }

  /// Records in the database that these collectors have pushed.
  func touch(_ collectors: [UUID]) {
    change("last_seen_at of collectors not stored") { database throws(DatabaseError) in
      try await database.execute(CollectorStatements.touch, collectors)
    }
  }

  /// Makes a change in the background. - Parameter failure: the log line if it fails.
  func change(_ failure: StaticString, _ work: @escaping @Sendable (Database) async throws(DatabaseError) -> Void) {
    Task { () async -> Void in
      do throws(DatabaseError) { try await work(database) } catch { log.warning(failure, ["error": "\(error)"]) }
    }
  }

  /// Records in the database that the collector's latest identity has been used.
  func recordUse(of id: UUID) async throws(DatabaseError) {
    try await database.execute(EnrolmentStatements.used, id)
    try await refresh(id)
  }

  /// Revokes the collectors that this one replaces. The lanes know it when this returns.
  func endPredecessors(of id: UUID) async throws(DatabaseError) {
    let ended = try await database.transaction { session throws(DatabaseError) -> [UUID] in
      let ended = try await session.rows(EnrolmentStatements.endPredecessors, id).map(\.value)
      for old in ended {
        try await session.execute(CertificateStatements.revokeAll, old)
        try await session.audit(
          AuditEvent(.replaceCollector, by: AuditEvent.collector(id), on: AuditEvent.collector(old)))
      }
      return ended
    }
    for changed in ended + [id] { try await refresh(changed) }
  }

  // MARK: Reading

  private func read(_ add: (inout Wanted) -> Void) async throws(DatabaseError) {
    try await withCheckedContinuation { reader in
      want { wanted in
        add(&wanted)
        wanted.readers.append(reader)
      }
    }.get()
  }

  private func want(_ add: (inout Wanted) -> Void) {
    let isFirst = state.withLock { state in
      add(&state.wanted)
      defer { state.isReading = true }
      return !state.isReading
    }
    // A revocation may wait for this task. It still gets no higher priority: Dispatch would ask the kernel for one,
    // which only root may have, and would log a complaint for each thread.
    if isFirst { Task { await readWhatIsWanted() } }
  }

  private func next() -> Wanted? {
    state.withLock { state in
      if state.wanted.isEmpty {
        state.isReading = false
        return nil
      }
      defer { state.wanted = Wanted() }
      return state.wanted
    }
  }

  private func readWhatIsWanted() async {
    while let wanted = next() {
      do throws(DatabaseError) {
        try await bring(wanted)
        for reader in wanted.readers { reader.resume(returning: .success(())) }
      } catch {
        for reader in wanted.readers { reader.resume(returning: .failure(error)) }
        if error.kind == .shutDown { continue }
        log.warning("collectors not read", ["error": "\(error)"])
        // A collector may have been revoked, so everything is read as soon as the database is reachable.
        state.withLock { $0.wanted.everything = true }
        do { try await Task.sleep(for: Self.retryInterval) } catch { continue }
      }
    }
  }

  private func bring(_ wanted: Wanted) async throws(DatabaseError) {
    if wanted.everything || wanted.collectors.count > Self.readTogether {
      let rows = try await database.rows(CollectorStatements.records, grace.now)
      let records = Dictionary(rows.map { ($0.id, $0) }, uniquingKeysWith: { _, latest in latest })
      publish {
        $0.replaceCollectors(records)
      } afterwards: {
        $0 = records
      }
    } else {
      let ids = Array(wanted.collectors)
      let rows = try await database.rows(CollectorStatements.recordsOf, grace.now, ids)
      // An id without a row belongs to a collector that no longer exists.
      var changes: [UUID: CollectorRecord?] = Dictionary(uniqueKeysWithValues: ids.map { ($0, nil) })
      for row in rows { changes[row.id] = .some(row) }
      let complete = changes
      publish {
        $0.setCollectors(complete)
      } afterwards: { records in
        for (id, record) in complete { records[id] = record }
      }
    }
  }

  /// Informs the lanes and updates the records for new lanes. Both happen under the lock, so that a lane that is added
  /// at the same time misses nothing and gets the changes in order.
  private func publish(
    _ inform: (any CollectorCopy) -> Void, afterwards change: (inout [UUID: CollectorRecord]) -> Void
  ) {
    state.withLock { state in
      for copy in state.copies { inform(copy) }
      change(&state.records)
    }
  }
}
