// The snapshot of a lane, and its readiness to take pushes.

import Protocol
import Reactor

extension Lane {
  var counters: LaneCounters {
    LaneCounters(
      connections: requests.records.counters, identities: gatekeeper.counters, pushes: ingest.records.counters)
  }

  /// The state of the lane.
  /// - Parameter takesLongestTurn: whether the measurement of the longest turn begins anew.
  func snapshot(takesLongestTurn: Bool = true) -> LaneSnapshot {
    var states: [LaneSnapshot.ConnectionState: Int] = [:]
    for connection in requests.connections.all { states[connection.machine.phase.observed, default: 0] += 1 }
    var waits: [CopyWriter.Activity: Int] = [:]
    for writer in ingest.writers { waits[writer.activity, default: 0] += 1 }
    let (admission, pressure) = (ingest.intake.admission, requests.pressure)
    return LaneSnapshot(
      counters: counters, loop: takesLongestTurn ? loop.takeStatistics() : loop.statistics, connections: states,
      writers: waits,
      heldBytes: admission.heldBytes, gatheredBytes: pressure.gatheredBytes, untakenBytes: pressure.untakenBytes,
      collectorBytes: admission.largestHeldBytes, backlogBytes: ingest.writers.reduce(0) { $0 + $1.backlogBytes },
      backlogPushes: ingest.writers.reduce(0) { $0 + $1.backlogPushes }, pausedConnections: pressure.pausedCount,
      silentWriters: readiness.silentWriters)
  }
}

extension Lane {
  /// How long a refusal for lack of memory counts. Clients that are refused for it return after 5 s at the earliest.
  private static let memoryRefusalMemory = Duration.seconds(5)

  /// The reasons why this lane cannot take a push.
  var unreadiness: Set<Unreadiness> {
    var reasons: Set<Unreadiness> = []
    if requests.isDraining { reasons.insert(.draining) }
    if !ingest.isDatabaseReachable { reasons.insert(.writersDisconnected) }
    // A single large push that does not fit is not a reason.
    if ingest.intake.admission.isNearlyFull, let refusal = memoryRefusedAt,
      loop.now - refusal < Self.memoryRefusalMemory
    {
      reasons.insert(.memoryExhausted)
    }
    return reasons
  }
}

extension Lane {
  var readiness: LaneReadiness {
    let latest = loop.now - requests.settings.commitsStalledAfter
    let silent = ingest.writers.count { writer in writer.waitingSince.map { $0 <= latest } ?? false }
    return LaneReadiness(reasons: unreadiness, silentWriters: silent, committedAt: ingest.records.committedAt)
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
