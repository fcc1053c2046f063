// Who is enrolled, as all lanes of the process know it. Read from the database at start, kept fresh by NOTIFY and by
// re-reading; each lane holds a copy of its own, so that a push looks nothing up across threads.
//
// One read at a time: what is asked for meanwhile is read together, next. So no read can overwrite a newer one with
// what was true before a revocation, and ten thousand notifications are a few statements.

import Protocol
import Synchronization

/// The process-wide snapshot and the lanes that follow it.
final class CollectorDirectory: Sendable {
  /// What the next read has to bring.
  private struct Wanted {
    var everything = false
    var collectors: Set<UUID> = []
    /// Who waits for it.
    var readers: [CheckedContinuation<Result<Void, DatabaseError>, Never>] = []

    var isEmpty: Bool { !everything && collectors.isEmpty && readers.isEmpty }
  }

  private struct State {
    var records: [UUID: CollectorRecord] = [:]
    var lanes: [LaneHandle] = []
    var wanted = Wanted()
    var isReading = false
    var fleet = FleetStatus()
  }

  /// Notifications can be lost with their connection, and clocks of other servers are none of ours: read again now and
  /// then whatever was heard.
  private static let rereadInterval = Duration.seconds(60)
  private static let retryInterval = Duration.seconds(1)
  /// More at once, and reading all of them is cheaper.
  private static let readTogether = 10_000

  private let state = Mutex(State())
  private let database: Database
  private let log: ServerLog
  /// Seconds after its end for which a certificate is still kept in mind.
  private let grace: Live<Double>
  /// Seconds of silence after which a collector is offline.
  private let silence: Live<Double>

  init(database: Database, settings: LiveSettings, log: ServerLog) {
    self.database = database
    self.log = log
    grace = settings.live { Double($0.certificateGrace.wholeSeconds) }
    silence = settings.live { Double($0.offlineAfter.wholeSeconds) }
  }

  /// Reads all collectors.
  func reload() async throws(DatabaseError) { try await read { $0.everything = true } }

  /// Reads one collector, as it is now or later: it was changed, or a lane does not know it. When this returns, the
  /// lanes have been told.
  func refresh(_ id: UUID) async throws(DatabaseError) { try await read { $0.collectors.insert(id) } }

  /// The same for a change that is committed already: what fails is read again later, and not the caller's concern.
  func changed(_ id: UUID) async {
    do throws(DatabaseError) { try await refresh(id) } catch {}
  }

  /// From now on `lane` hears of every change, beginning with all that is known.
  func follow(_ lane: LaneHandle) {
    state.withLock { state in
      state.lanes.append(lane)
      let records = state.records
      lane.submit { $0.gatekeeper.replaceCollectors(records) }
    }
  }

  /// Hears of changes that any server on this database made.
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

  /// Re-reads everything each minute until it is cancelled.
  func keepFresh() async {
    while !Task.isCancelled {
      await countFleet()
      do { try await Task.sleep(for: Self.rereadInterval) } catch { return }
      want { $0.everything = true }
    }
  }

  /// How the collectors were a minute ago at most, or when the database could last be asked.
  var fleet: FleetStatus { state.withLock { $0.fleet } }

  private func countFleet() async {
    do throws(DatabaseError) {
      guard let fleet = try await database.one(CollectorAdminStatements.fleet, silence.now) else { return }
      state.withLock { $0.fleet = fleet }
    } catch {
      log.debug("collectors not counted", ["error": "\(error)"])
    }
  }

  /// Remembers that these collectors pushed.
  func touch(_ collectors: [UUID]) {
    change("collectors not touched") { database throws(DatabaseError) in
      try await database.execute(CollectorStatements.touch, collectors)
    }
  }

  /// A change that nobody waits for. - Parameter failure: what the log calls it if it fails.
  func change(_ failure: StaticString, _ work: @escaping @Sendable (Database) async throws(DatabaseError) -> Void) {
    Task { () async -> Void in
      do throws(DatabaseError) { try await work(database) } catch { log.warning(failure, ["error": "\(error)"]) }
    }
  }

  /// Remembers that somebody came with the identity of this collector.
  func use(_ id: UUID) async throws(DatabaseError) {
    try await database.execute(EnrolmentStatements.used, id)
    try await refresh(id)
  }

  /// Ends the collectors whose place this one takes. When this returns, the lanes have been told.
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
    // A revocation may wait for it, but not by a higher priority: Dispatch asks the kernel for it, which only root may have,
    // and complains to syslog for each thread.
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
        // Somebody could have been revoked: what is not read now is read as soon as the database lets us.
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
        $0.gatekeeper.replaceCollectors(records)
      } afterwards: {
        $0 = records
      }
    } else {
      let ids = Array(wanted.collectors)
      let rows = try await database.rows(CollectorStatements.recordsOf, grace.now, ids)
      // An id without a row is of a collector that is no more.
      var changes: [UUID: CollectorRecord?] = Dictionary(uniqueKeysWithValues: ids.map { ($0, nil) })
      for row in rows { changes[row.id] = .some(row) }
      let complete = changes
      publish {
        $0.gatekeeper.setCollectors(complete)
      } afterwards: { records in
        for (id, record) in complete { records[id] = record }
      }
    }
  }

  /// Tells the lanes, and what lanes begin with `afterwards`: both under the lock, so that one that begins to follow
  /// meanwhile misses nothing, and hears it in order.
  private func publish(
    _ tell: @escaping @Sendable (Lane) -> Void, afterwards change: (inout [UUID: CollectorRecord]) -> Void
  ) {
    state.withLock { state in
      for lane in state.lanes { lane.submit(tell) }
      change(&state.records)
    }
  }
}
