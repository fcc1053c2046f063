// Who is enrolled, as all lanes of the process know it. Read from the database at start, kept fresh by NOTIFY and by
// re-reading; each lane holds a copy of its own, so that a push looks nothing up across threads.

import Protocol
import Synchronization

/// The process-wide snapshot and the lanes that follow it.
final class CollectorDirectory: Sendable {
  private struct State {
    var records: [UUID: CollectorRecord] = [:]
    var lanes: [LaneHandle] = []
  }

  /// Notifications can be lost with their connection, and clocks of other servers are none of ours: read again now and
  /// then whatever was heard.
  private static let rereadInterval = Duration.seconds(60)

  private let state = Mutex(State())
  private let database: Database
  private let log: ServerLog

  init(database: Database, log: ServerLog) {
    self.database = database
    self.log = log
  }

  /// Reads all collectors. Called at start, whenever notifications may have been missed, and now and then.
  func reload() async throws(DatabaseError) {
    let rows = try await database.rows(CollectorStatements.records)
    let records = Dictionary(rows.map { ($0.id, $0) }, uniquingKeysWith: { _, latest in latest })
    let lanes = state.withLock {
      $0.records = records
      return $0.lanes
    }
    for lane in lanes { lane.submit { $0.replaceCollectors(records) } }
  }

  /// Reads one collector: it was changed, or a lane does not know it. - Returns: nil if there is none of that id.
  @discardableResult
  func refresh(_ id: UUID) async throws(DatabaseError) -> CollectorRecord? {
    let record = try await database.one(CollectorStatements.record, id)
    publish(id, record)
    return record
  }

  /// Tells all lanes what is known of `id` now; nil: there is no such collector.
  func publish(_ id: UUID, _ record: CollectorRecord?) {
    let lanes = state.withLock {
      $0.records[id] = record
      return $0.lanes
    }
    for lane in lanes { lane.submit { $0.setCollector(id, record) } }
  }

  /// From now on `lane` hears of every change, beginning with all that is known.
  func follow(_ lane: LaneHandle) {
    let records = state.withLock {
      $0.lanes.append(lane)
      return $0.records
    }
    lane.submit { $0.replaceCollectors(records) }
  }

  /// Hears of changes that any server on this database made.
  func received(_ event: NotificationListener.Event) {
    switch event {
    case .subscribed: spawn { () async throws(DatabaseError) in try await self.reload() }
    case .interrupted(let error): log.warning("notifications interrupted", ["error": "\(error)"])
    case .notified(let payload):
      let parts = payload.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0] == "collectors" || parts[0] == "collector_certificates",
        let id = UUID(String(parts[1]))
      else { return }
      spawn { () async throws(DatabaseError) in try await self.refresh(id) }
    }
  }

  /// Re-reads everything each minute until it is cancelled.
  func keepFresh() async {
    while !Task.isCancelled {
      do { try await Task.sleep(for: Self.rereadInterval) } catch { return }
      await attempt { () async throws(DatabaseError) in try await self.reload() }
    }
  }

  /// Remembers that these servers pushed.
  func touch(_ servers: [Int32]) {
    spawn { () async throws(DatabaseError) in
      try await self.database.execute(CollectorStatements.touch, servers)
    }
  }

  private func spawn(_ work: @escaping @Sendable () async throws(DatabaseError) -> Void) {
    Task { await attempt(work) }
  }

  /// What fails here is read again later: it is for the log.
  private func attempt(_ work: () async throws(DatabaseError) -> Void) async {
    do throws(DatabaseError) { try await work() } catch { log.warning("collectors not read", ["error": "\(error)"]) }
  }
}
