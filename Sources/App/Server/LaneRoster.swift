import Protocol
import Reactor
import Synchronization

/// The lanes of the process. Any thread may call it.
final class LaneRoster: WatchedLanes {
  private let lanes = Mutex<[LaneHandle]>([])

  var all: [LaneHandle] { lanes.withLock { $0 } }

  func add(_ lane: LaneHandle) { lanes.withLock { $0.append(lane) } }

  /// The sum of the snapshots of all lanes; nil before the first lane has started and after the last one has ended.
  func snapshot() async -> LaneSnapshot? { LaneSnapshot.sum(of: await snapshots(takingLongestTurn: true)) }

  /// The snapshot of each lane, in the order of the loops; without lanes that have ended.
  func snapshots() async -> [LaneSnapshot] { await snapshots(takingLongestTurn: false) }

  private func snapshots(takingLongestTurn takes: Bool) async -> [LaneSnapshot] {
    var snapshots: [LaneSnapshot] = []
    for lane in all {
      let one: LaneSnapshot? = await withCheckedContinuation { continuation in
        let isAsked = lane.submit { continuation.resume(returning: $0.snapshot(takesLongestTurn: takes)) }
        if !isAsked { continuation.resume(returning: nil) }
      }
      if let one { snapshots.append(one) }
    }
    return snapshots
  }
}

extension LaneRoster {
  /// The reasons why any of the lanes cannot take a push. Asks every lane without resetting its statistics. Does not
  /// return while a loop hangs.
  func readiness() async -> LaneReadiness {
    var sum = LaneReadiness()
    for lane in all {
      let own: LaneReadiness = await withCheckedContinuation { continuation in
        // A lane that has ended takes no pushes.
        if !lane.submit({ continuation.resume(returning: $0.readiness) }) {
          continuation.resume(returning: LaneReadiness(reasons: [.draining]))
        }
      }
      sum += own
    }
    return sum
  }
}
