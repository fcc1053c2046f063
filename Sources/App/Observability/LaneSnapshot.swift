// The state of a lane at one moment, for /metrics and for the log line at the server's end.

import Protocol
import Reactor
import Synchronization

/// The state of one lane, or the sum of several lanes.
struct LaneSnapshot: Sendable {
  /// The state of a connection.
  enum ConnectionState: String, CaseIterable, Sendable {
    case arriving, handshaking, idle, receiving, waiting, closing
  }

  var counters: LaneCounters
  var loop: LoopStatistics
  var connections: [ConnectionState: Int]
  var writers: [CopyWriter.Activity: Int]
  /// Bytes that pushes hold.
  var heldBytes: Int
  /// Bytes of bodies for endpoints other than the push.
  var gatheredBytes: Int
  /// Bytes of answers that blocked clients have not taken.
  var untakenBytes: Int
  /// Bytes of the collector that holds most in one loop.
  var collectorBytes: Int
  /// Encoded bytes of pushes that wait for a writer or are being stored.
  var backlogBytes: Int
  /// Pushes that wait for a writer or are being stored.
  var backlogPushes: Int
  /// Connections that are not read because of memory.
  var pausedConnections: Int
  /// Writers whose database has not answered for `commits_stalled_after`.
  var silentWriters = 0

  /// Adds the state of another lane. `longestTurn` and `collectorBytes` are the larger of the two values.
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

  /// Takes a snapshot, and resets the statistics of the loop.
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

/// The lanes of the process. Any thread may call it.
final class LaneRoster: Sendable {
  private let lanes = Mutex<[LaneHandle]>([])

  var all: [LaneHandle] { lanes.withLock { $0 } }

  func add(_ lane: LaneHandle) { lanes.withLock { $0.append(lane) } }

  /// The sum of the snapshots of all lanes; nil before the first lane has started and after the last one has ended.
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
