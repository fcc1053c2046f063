// The state of the background work on tables: rolling up, and TimescaleDB's jobs. It is read after each round of
// rolling up, so that metrics and readiness need no database.

import Protocol
import Synchronization

/// Counters of this process, and the database's state when it was last read.
struct StorageSnapshot: Hashable, Sendable {
  var rollups: [RollupState] = []
  var failedJobs: [FailedJob] = []
  /// Failed transactions of rolling up on this server.
  var rollupFailures = 0
  /// Rounds of this server that ended early.
  var rollupRoundFailures = 0
  var rollupOverflows = 0

  /// - Returns: seconds since the earliest of `times`, 0 if there is none.
  static func age(_ times: [Timestamp?], _ now: Int64) -> Int {
    guard let oldest = times.compactMap({ $0 }).min() else { return 0 }
    return max(0, Int(now - oldest.unixMicroseconds / 1_000_000))
  }
}

/// Holds the latest snapshot. Any thread may call it.
final class StorageWatch: Sendable {
  private let state = Mutex(StorageSnapshot())

  var snapshot: StorageSnapshot { state.withLock { $0 } }

  func count(_ round: Rollups.Round) {
    state.withLock {
      $0.rollupFailures += round.failures
      $0.rollupOverflows += round.overflows
    }
  }

  func countFailedRound() { state.withLock { $0.rollupRoundFailures += 1 } }

  /// Reads the state. Parts that cannot be read keep their value.
  func look(_ database: Database, _ kind: StorageKind, _ settings: StorageSettings) async throws(DatabaseError) {
    let rollups = try await database.rows(
      RollupStateStatements.state, settings.rollupDelay / .seconds(1))
    state.withLock { $0.rollups = rollups }
    switch kind {
    case .plain: break
    case .timescale:
      let jobs = try await database.rows(TimescaleStatements.failedJobs)
      state.withLock { $0.failedJobs = jobs }
    }
  }
}
