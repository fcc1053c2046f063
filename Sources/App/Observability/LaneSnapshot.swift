// The state of a lane at one moment, for /metrics and for the log line at the server's end.

import Protocol
import Reactor

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

  /// The number of connections in all states.
  var connectionCount: Int { connections.values.reduce(0, +) }

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

extension LaneSnapshot {
  /// The sum of snapshots; nil if there are none.
  static func sum(of snapshots: [LaneSnapshot]) -> LaneSnapshot? {
    guard var sum = snapshots.first else { return nil }
    for other in snapshots.dropFirst() { sum += other }
    return sum
  }
}

/// The lanes of the process, for /metrics and the readiness check.
protocol WatchedLanes: Sendable {
  /// The sum of the snapshots of all lanes; nil before the first lane has started and after the last one has ended. It
  /// begins a new measurement of the longest turn.
  func snapshot() async -> LaneSnapshot?
  /// The snapshot of each lane, in the order of the loops; without lanes that have ended. It does not begin a new
  /// measurement of the longest turn. It does not return while a loop hangs.
  func snapshots() async -> [LaneSnapshot]
  /// The reasons why any lane cannot take a push. The statistics of the lanes are not reset. It does not return while a
  /// loop hangs.
  func readiness() async -> LaneReadiness
}
