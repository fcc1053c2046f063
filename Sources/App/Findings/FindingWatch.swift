// The state of findings and of their evaluation, for /metrics. It is read after each round, so that the page needs no
// database.

import Synchronization

/// Counters of this process, and the database's state when it was last read.
struct FindingSnapshot: Hashable, Sendable {
  /// Open findings by severity.
  var open: [Check.Severity: Int] = [:]
  /// How long the push that has waited longest for its evaluation has waited, in seconds.
  var lag = 0.0
  var rounds = 0
  var roundFailures = 0
  /// Evaluations of a server after a push.
  var servers = 0
  var statements = 0
  var rows = 0
  var failures = 0
  var opened = 0
  var ended = 0
  var suppressed = 0
  /// The time that rounds took.
  var busy = Duration.zero
}

/// Holds the latest snapshot. Any thread may call it.
final class FindingWatch: Sendable {
  private let state = Mutex(FindingSnapshot())

  var snapshot: FindingSnapshot { state.withLock { $0 } }

  func count(_ round: Evaluator.Round, _ time: Duration) {
    if round.isElsewhere { return }
    state.withLock {
      $0.rounds += 1
      $0.servers += round.servers
      $0.statements += round.statements
      $0.rows += round.rows
      $0.failures += round.failures
      $0.opened += round.opened
      $0.ended += round.ended
      $0.suppressed += round.suppressed
      $0.busy += time
    }
  }

  func countFailedRound() { state.withLock { $0.roundFailures += 1 } }

  func look(_ database: Database) async throws(DatabaseError) {
    let counts = try await database.rows(FindingStatements.counts)
    let lag = try await database.one(FindingStatements.lag)
    state.withLock {
      $0.open = Dictionary(counts.map { ($0.severity, Int($0.count)) }, uniquingKeysWith: +)
      $0.lag = max(0, lag?.value ?? 0)
    }
  }
}
