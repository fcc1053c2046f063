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

  private let state = Mutex(State())
  private let database: Database

  init(database: Database) { self.database = database }

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
}
