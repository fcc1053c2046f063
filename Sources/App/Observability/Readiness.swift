// Whether to send requests here, and if not, why.

import Protocol
import Reactor

/// A reason not to, or a trouble behind the tables that is no reason to send requests elsewhere (`isBlocking`). The raw value
/// is what programs read; `sentence` is for people.
enum Unreadiness: String, CaseIterable, Sendable {
  case draining
  case databaseUnreachable = "database_unreachable"
  case writersDisconnected = "writers_disconnected"
  case memoryExhausted = "memory_exhausted"
  case storageJobsFailing = "storage_jobs_failing"

  /// Whether requests are better sent elsewhere. What no server of the database can do better is shown and blocks nothing.
  var isBlocking: Bool {
    switch self {
    case .draining, .databaseUnreachable, .writersDisconnected, .memoryExhausted: true
    case .storageJobsFailing: false
    }
  }

  var sentence: String {
    switch self {
    case .draining: "The server was told to stop: it answers what is in work and takes no new connections."
    case .databaseUnreachable: "The database does not answer: nothing can be read, and nobody can log in."
    case .writersDisconnected: "A loop has no connection to the database: pushes that come in there are refused."
    case .memoryExhausted:
      "A loop holds as many bytes as it may (bytes_in_flight): it has just refused pushes for that."
    case .storageJobsFailing:
      "TimescaleDB's jobs fail: chunks are not compressed, or not dropped. `pganalytics db status` says which and why."
    }
  }
}

extension Lane {
  /// How long refusals for want of memory count: those refused are to come back after 5 s at least.
  private static let memoryRefusalMemory = Duration.seconds(5)

  /// What keeps this lane from taking a push.
  var unreadiness: Set<Unreadiness> {
    var reasons: Set<Unreadiness> = []
    if isDraining { reasons.insert(.draining) }
    if !writers.contains(where: \.isConnected) { reasons.insert(.writersDisconnected) }
    // One large push that does not fit is no reason by itself.
    if admission.isNearlyFull, let refusal = memoryRefusedAt, loop.now - refusal < Self.memoryRefusalMemory {
      reasons.insert(.memoryExhausted)
    }
    return reasons
  }
}

extension LaneRoster {
  /// What keeps any of the lanes from taking a push. Asks every lane, and takes nothing from its statistics.
  func unreadiness() async -> Set<Unreadiness> {
    var reasons: Set<Unreadiness> = []
    for lane in all {
      let own: Set<Unreadiness> = await withCheckedContinuation { continuation in
        // A lane that has ended takes nothing.
        if !lane.submit({ continuation.resume(returning: $0.unreadiness) }) {
          continuation.resume(returning: [.draining])
        }
      }
      reasons.formUnion(own)
    }
    return reasons
  }
}

extension Services {
  /// All reasons, in the order of their declaration; none if the server is ready.
  func unreadiness() async -> [Unreadiness] {
    var reasons = await lanes.unreadiness()
    if !(await isDatabaseReachable()) { reasons.insert(.databaseUnreachable) }
    if !storageWatch.snapshot.failedJobs.isEmpty { reasons.insert(.storageJobsFailing) }
    return Unreadiness.allCases.filter(reasons.contains)
  }
}
