// What a check would have found in stored history. A backtest runs the check's statement for one time after another and
// gives the rows to the machine that the evaluation uses, so it finds what an evaluation at the same times would have
// found.

import Ground
import Protocol

/// One backtest of one check.
struct Backtest: Sendable {
  /// A finding that would have opened.
  struct Finding: Sendable {
    let key: FindingKey
    let message: String
    let openedAt: Timestamp
    /// The value that opened it, and the last one.
    let value: Double?
    var lastValue: Double?
    let threshold: Double?
    var endedAt: Timestamp?
    var endReason: EndReason?
  }

  struct Outcome: Sendable {
    /// In the order of their openings; at most `mostFindings`.
    var findings: [Finding] = []
    /// The number of findings, those beyond `mostFindings` included.
    var opened = 0
    /// Evaluations of a server at a time: all, and those without data.
    var evaluations = 0
    var withoutData = 0
  }

  /// The largest number of findings in an answer.
  static let mostFindings = 1000
  /// The number of times after which the connection is given back, so that other queries and pushes get their turn.
  private static let timesAtOnce = 20

  let check: Check
  let thresholds: [Double]
  /// In ascending order.
  let times: [Timestamp]
  let servers: [Int32]
  let settings: Settings

  /// - Parameters:
  ///   - queries: the connections for metrics queries.
  ///   - isOver: whether the client went away.
  func run(on queries: Database, isOver: @Sendable () -> Bool) async throws(Problem) -> Outcome {
    let clock = ContinuousClock()
    let deadline = clock.now + settings.backtestTimeout
    var outcome = Outcome()
    for first in stride(from: 0, to: servers.count, by: settings.findingServers) {
      let batch = Array(servers[first..<min(first + settings.findingServers, servers.count)])
      var machine = FindingMachine(absence: check.absence)
      var open: [FindingKey: Finding] = [:]
      for start in stride(from: 0, to: times.count, by: Self.timesAtOnce) {
        if clock.now > deadline {
          throw Problem(.overloaded, "the backtest took too long (backtest_timeout): narrow its range or its servers")
        }
        if isOver() { throw Problem(.shuttingDown) }
        let part = times[start..<min(start + Self.timesAtOnce, times.count)]
        for (time, rows) in try await rows(of: batch, at: part, queries) {
          let evaluation = machine.evaluate(rows, of: batch)
          outcome.evaluations += batch.count
          outcome.withoutData += evaluation.withoutData.count
          apply(evaluation, at: time, &open, &outcome)
        }
      }
      for finding in open.values { outcome.add(finding) }
    }
    outcome.findings.sort { ($0.openedAt, $0.key) < ($1.openedAt, $1.key) }
    return outcome
  }

  private func rows(
    of servers: [Int32], at times: ArraySlice<Timestamp>, _ queries: Database
  ) async throws(Problem) -> [(Timestamp, [CheckRow])] {
    try await queries.lease { session throws(Problem) in
      try await session.query { _ throws(DatabaseError) in
        try await session.transaction("BEGIN READ ONLY") { session throws(DatabaseError) in
          session.allow(settings.queryTimeout + .seconds(5))
          try await session.execute(FindingStatements.limits, settings.queryTimeout.settingText)
          var found: [(Timestamp, [CheckRow])] = []
          for time in times { found.append((time, try await session.rows(check.statement, servers, time, thresholds))) }
          return found
        }
      }
    }
  }

  private func apply(
    _ evaluation: FindingMachine.Evaluation, at time: Timestamp, _ open: inout [FindingKey: Finding],
    _ outcome: inout Outcome
  ) {
    for row in evaluation.kept { open[row.key]?.lastValue = row.value }
    for end in evaluation.ended {
      guard var finding = open.removeValue(forKey: end.key) else { continue }
      finding.endedAt = time
      finding.endReason = end.reason
      outcome.add(finding)
    }
    for row in evaluation.opened {
      open[row.key] = Finding(
        key: row.key, message: row.message ?? check.title, openedAt: time, value: row.value, lastValue: row.value,
        threshold: row.threshold)
    }
  }
}

extension Backtest.Outcome {
  fileprivate mutating func add(_ finding: Backtest.Finding) {
    opened += 1
    if findings.count < Backtest.mostFindings { findings.append(finding) }
  }
}

extension CheckRow {
  /// The finding that the row is about. A marker names the server itself.
  var key: FindingKey { FindingKey(serverID: serverID, subject: subject ?? "") }
}
