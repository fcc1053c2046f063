// What a lane is doing at a moment, for who watches it.

import Protocol
import Reactor

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

/// The lanes of the process, for those who watch them.
protocol WatchedLanes: Sendable {
  /// All lanes together; nil before the first has begun and after the last has ended.
  func snapshot() async -> LaneSnapshot?
  /// What keeps any of the lanes from taking a push. Takes nothing from the lanes' statistics. A loop that hangs keeps the
  /// caller waiting.
  func readiness() async -> LaneReadiness
}
