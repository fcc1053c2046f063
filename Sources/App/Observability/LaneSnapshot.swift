// What a lane is doing at a moment, for who watches it.

import Protocol
import Reactor
import Synchronization

struct LaneSnapshot: Sendable {
  /// What a connection is at.
  enum ConnectionState: String, CaseIterable, Sendable {
    case arriving, handshaking, idle, receiving, waiting, closing
  }

  var counters: LaneCounters
  var loop: LoopStatistics
  var connections: [ConnectionState: Int]
  var writers: [CopyWriter.Activity: Int]
  var heldBytes: Int
  var gatheredBytes: Int
  var untakenBytes: Int
  /// Of the collector that has most of them in one loop.
  var collectorBytes: Int
  var backlogBytes: Int
  var backlogPushes: Int
  var pausedConnections: Int
  /// Writers whose database has been silent for `commits_stalled_after`.
  var silentWriters = 0

  /// Of several lanes together; `longestTurn` is that of the slowest.
  static func += (left: inout LaneSnapshot, right: LaneSnapshot) {
    left.counters += right.counters
    left.loop.turns += right.loop.turns
    left.loop.events += right.loop.events
    left.loop.busy += right.loop.busy
    left.loop.longestTurn = max(left.loop.longestTurn, right.loop.longestTurn)
    left.connections.merge(right.connections, uniquingKeysWith: +)
    left.writers.merge(right.writers, uniquingKeysWith: +)
    left.heldBytes += right.heldBytes
    left.gatheredBytes += right.gatheredBytes
    left.untakenBytes += right.untakenBytes
    left.collectorBytes = max(left.collectorBytes, right.collectorBytes)
    left.backlogBytes += right.backlogBytes
    left.backlogPushes += right.backlogPushes
    left.pausedConnections += right.pausedConnections
    left.silentWriters += right.silentWriters
  }
}

extension Lane {
  var counters: LaneCounters {
    LaneCounters(
      connections: requests.records.counters, identities: gatekeeper.counters, pushes: ingest.records.counters)
  }

  func snapshot() -> LaneSnapshot {
    var states: [LaneSnapshot.ConnectionState: Int] = [:]
    for connection in requests.connections.all { states[connection.machine.phase.observed, default: 0] += 1 }
    var waits: [CopyWriter.Activity: Int] = [:]
    for writer in ingest.writers { waits[writer.activity, default: 0] += 1 }
    let (admission, pressure) = (ingest.intake.admission, requests.pressure)
    return LaneSnapshot(
      counters: counters, loop: loop.takeStatistics(), connections: states, writers: waits,
      heldBytes: admission.heldBytes, gatheredBytes: pressure.gatheredBytes, untakenBytes: pressure.untakenBytes,
      collectorBytes: admission.largestHeldBytes, backlogBytes: ingest.writers.reduce(0) { $0 + $1.backlogBytes },
      backlogPushes: ingest.writers.reduce(0) { $0 + $1.backlogPushes }, pausedConnections: pressure.pausedCount,
      silentWriters: readiness.silentWriters)
  }
}

extension ConnectionMachine.Phase {
  fileprivate var observed: LaneSnapshot.ConnectionState {
    switch self {
    case .proxied, .arriving: .arriving
    case .handshaking: .handshaking
    case .idle: .idle
    case .reading, .gathering, .discarding: .receiving
    case .lookingUp, .answering, .streaming, .refusing: .waiting
    case .closing, .lingering, .gone: .closing
    }
  }
}

/// The lanes of the process, for who asks all of them.
final class LaneRoster: Sendable {
  private let lanes = Mutex<[LaneHandle]>([])

  var all: [LaneHandle] { lanes.withLock { $0 } }

  func add(_ lane: LaneHandle) { lanes.withLock { $0.append(lane) } }

  /// All lanes together; nil before the first has begun and after the last has ended.
  func snapshot() async -> LaneSnapshot? {
    var sum: LaneSnapshot?
    for lane in all {
      let one: LaneSnapshot? = await withCheckedContinuation { continuation in
        if !lane.submit({ continuation.resume(returning: $0.snapshot()) }) { continuation.resume(returning: nil) }
      }
      guard let one else { continue }
      if sum == nil { sum = one } else { sum! += one }
    }
    return sum
  }
}
