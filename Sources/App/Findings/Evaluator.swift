// The evaluation of checks. One server at a time does it, in short rounds:
//
//   checks by the clock, for every server ──▶ checks by push, for the servers that pushed since their last evaluation
//
// `server_states` and `check_runs` hold how far the evaluation is, so any server continues where another one stopped. Each
// check runs in a transaction of its own, so a check that fails does not hinder the others. The changes of a batch of
// servers, with the events of openings and endings, are one transaction.

import Ground
import Protocol

/// Evaluates the checks, as one of possibly several servers.
struct Evaluator: Sendable {
  struct Round: Hashable, Sendable {
    /// Evaluations of a server after a push.
    var servers = 0
    var opened = 0
    var ended = 0
    /// Findings that did not open because their server has too many of the check.
    var suppressed = 0
    /// Statements of checks, and the rows that they gave.
    var statements = 0
    var rows = 0
    /// Statements of checks that failed.
    var failures = 0
    /// Another server is evaluating, so this one did nothing.
    var isElsewhere = false
  }

  enum Event: Sendable {
    case finished(Round, Duration)
    /// A check failed for a batch of servers. It runs again after their next push.
    case checkFailed(String, DatabaseError)
    /// A round failed. The next one continues where it stopped.
    case failed(DatabaseError)
  }

  /// After this many batches a round ends, so that the checks by the clock get their turn.
  private static let batches = 50

  /// If no server evaluated for this long, servers were down, and that no collector pushed says nothing about it.
  private static let pause = Duration.seconds(60)

  private let database: Database
  private let checks: [Check]
  private let live: Live<FindingSettings>
  private var settings: FindingSettings { live.now }

  init(database: Database, checks: [Check] = Checks.all, settings: Live<FindingSettings>) {
    self.database = database
    self.checks = checks
    live = settings
  }

  /// Runs rounds until the task is cancelled.
  /// - Parameter look: called after each round.
  func run(_ report: @Sendable (Event) -> Void, look: @Sendable () async -> Void) async {
    let clock = ContinuousClock()
    while !Task.isCancelled {
      let begin = clock.now
      do throws(DatabaseError) {
        report(.finished(try await round(report), begin.duration(to: clock.now)))
      } catch {
        report(.failed(error))
      }
      await look()
      do { try await Live { [live] in live.now.interval }.sleep() } catch { return }
    }
  }

  /// Evaluates the checks that are due, for the servers that are due.
  /// - Parameter at: the time to look at; nil: the database's clock.
  func round(
    at: Timestamp? = nil, _ report: (Event) -> Void = { _ in }
  ) async throws(DatabaseError) -> Round {
    // One session holds the lock during the round. If this process dies, PostgreSQL releases the lock with the session.
    try await database.lease { session throws(DatabaseError) in
      guard try await session.one(PartitionStatements.tryLock, SchemaStatements.findingLock)?.value == true else {
        return Round(isElsewhere: true)
      }
      var round = Round()
      do throws(DatabaseError) {
        try await work(session, at, &round, report)
      } catch {
        if !error.isConnectionLoss {
          try await session.execute(PartitionStatements.unlock, SchemaStatements.findingLock)
        }
        throw error
      }
      try await session.execute(PartitionStatements.unlock, SchemaStatements.findingLock)
      return round
    }
  }

  private func work(
    _ session: DatabaseLease, _ given: Timestamp?, _ round: inout Round, _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    // Tests name the time, and may leave out any stretch of it.
    if given == nil {
      try await session.execute(FindingStatements.resume, Checks.silence, Double(Self.pause.wholeSeconds))
    }
    let setup = CheckSetup(checks, try await session.rows(FindingStatements.settings))
    try await endWhatIsOver(setup, try await time(given, session), session, &round)
    let now = try await time(given, session)
    try await evaluateByClock(setup, now, session, &round, report)
    for _ in 0..<Self.batches where !Task.isCancelled {
      let due = try await session.rows(FindingStatements.due, Int64(settings.servers))
      if due.isEmpty { return }
      try await evaluate(due, setup, try await time(given, session), session, &round, report)
      if due.count < settings.servers { return }
    }
  }

  private func time(_ given: Timestamp?, _ session: DatabaseLease) async throws(DatabaseError) -> Timestamp {
    if let given { return given }
    guard let now = try await session.one(FindingStatements.now)?.value else {
      throw DatabaseError(.unexpectedResult, "no row")
    }
    return now
  }

  /// Ends the findings of removed servers and of checks that are off.
  private func endWhatIsOver(
    _ setup: CheckSetup, _ at: Timestamp, _ session: DatabaseLease, _ round: inout Round
  ) async throws(DatabaseError) {
    let removed = try await session.rows(FindingStatements.endRemoved, at)
    let off = try await session.rows(FindingStatements.endOff, at, setup.active.map(\.check.name)).map(\.value)
    round.ended += removed.count + off.count
    if !off.isEmpty { try await session.execute(FindingStatements.states, Array(Set(off))) }
  }

  // MARK: One batch

  private func evaluateByClock(
    _ setup: CheckSetup, _ at: Timestamp, _ session: DatabaseLease, _ round: inout Round, _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    let due = setup.active.filter { $0.check.trigger == .clock && $0.isDue(at) }
    if due.isEmpty { return }
    let servers = try await session.rows(FindingStatements.everyServer).map(\.value)
    if servers.isEmpty { return }
    var batch = EvaluationBatch(at: at)
    try await load(&batch, servers, due.map(\.check.name), session)
    for one in due { try await run(one, servers, &batch, session, &round, report) }
    try await write(batch, [], session, &round)
  }

  private func evaluate(
    _ due: [DueServer], _ setup: CheckSetup, _ at: Timestamp, _ session: DatabaseLease, _ round: inout Round,
    _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    let pushed = setup.active.filter { $0.check.trigger == .push }
    var batch = EvaluationBatch(at: at)
    try await load(&batch, due.map(\.id), pushed.map(\.check.name), session)
    for server in due { batch.withoutData[server.id] = Set(server.withoutData) }
    for one in pushed {
      let servers = due.filter { one.isDue(at, server: $0.id, after: $0.evaluatedAt) }.map(\.id)
      if !servers.isEmpty { try await run(one, servers, &batch, session, &round, report) }
    }
    let names = Set(pushed.map(\.check.name))
    for server in due { batch.withoutData[server.id]?.formIntersection(names) }
    try await write(batch, due, session, &round)
    round.servers += due.count
    try await keepFigures(due.map(\.id), at, session, &round, report)
  }

  private func load(
    _ batch: inout EvaluationBatch, _ servers: [Int32], _ checks: [String], _ session: DatabaseLease
  ) async throws(DatabaseError) {
    for finding in try await session.rows(FindingStatements.openOf, servers, checks) {
      batch.open[finding.checkName, default: []].insert(finding.key)
    }
  }

  /// Runs one check. Its failure is reported and recorded, and changes no finding.
  private func run(
    _ one: CheckSetup.Active, _ servers: [Int32], _ batch: inout EvaluationBatch, _ session: DatabaseLease,
    _ round: inout Round, _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    let clock = ContinuousClock()
    let begin = clock.now
    let rows: [CheckRow]
    round.statements += 1
    do throws(DatabaseError) {
      rows = try await limited(session) { session throws(DatabaseError) in
        try await session.rows(one.check.statement, servers, batch.at, one.thresholds)
      }
    } catch {
      if error.endsEvaluation { throw error }
      round.failures += 1
      batch.runs[one.check.name] = .failed("\(error)")
      report(.checkFailed(one.check.name, error))
      return
    }
    round.rows += rows.count
    var machine = FindingMachine(absence: one.check.absence, open: batch.open[one.check.name] ?? [])
    let evaluation = machine.evaluate(rows, of: servers)
    round.suppressed += evaluation.suppressed
    batch.evaluations.append((one.check, evaluation))
    batch.runs[one.check.name] = .succeeded(seconds: begin.duration(to: clock.now) / .seconds(1))
    for server in servers { batch.withoutData[server]?.remove(one.check.name) }
    for server in evaluation.withoutData { batch.withoutData[server]?.insert(one.check.name) }
  }

  /// Keeps the figures of the fleet overview. They fail as a check does.
  private func keepFigures(
    _ servers: [Int32], _ at: Timestamp, _ session: DatabaseLease, _ round: inout Round, _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    round.statements += 1
    do throws(DatabaseError) {
      try await limited(session, "BEGIN") { session throws(DatabaseError) in
        _ = try await session.execute(ServerFigures.keep, servers, at)
      }
    } catch {
      if error.endsEvaluation { throw error }
      round.failures += 1
      report(.checkFailed("server_figures", error))
    }
  }

  private func limited<Value>(
    _ session: DatabaseLease, _ begin: StaticString = "BEGIN READ ONLY",
    _ body: (DatabaseLease) async throws(DatabaseError) -> Value
  ) async throws(DatabaseError) -> Value {
    try await session.transaction(begin) { session throws(DatabaseError) in
      session.allow(settings.timeout + .seconds(5))
      try await session.execute(FindingStatements.limits, settings.timeout.settingText)
      return try await body(session)
    }
  }

  private func write(
    _ batch: EvaluationBatch, _ due: [DueServer], _ session: DatabaseLease, _ round: inout Round
  ) async throws(DatabaseError) {
    var changes = FindingChanges()
    for (check, evaluation) in batch.evaluations { changes.add(evaluation, of: check) }
    let (opened, ended, isEmpty) = (changes.opened, changes.ended, changes.isEmpty)
    let changed = changes.servers.union(due.map(\.id))
    let document = changes.finish()
    try await session.transaction { session throws(DatabaseError) in
      if !isEmpty { try await session.execute(FindingStatements.change, batch.at, document) }
      if !due.isEmpty {
        try await session.execute(
          FindingStatements.evaluated, batch.at, due.map(\.id), due.map(\.pushedAt), batch.withoutDataDocument)
      }
      if !changed.isEmpty { try await session.execute(FindingStatements.states, changed.sorted()) }
      try await session.execute(FindingStatements.ran, batch.at, batch.runsDocument)
    }
    round.opened += opened
    round.ended += ended
  }
}

extension DatabaseError {
  /// Whether the rest of a round would fail, too.
  fileprivate var endsEvaluation: Bool { isConnectionLoss || kind == .cancelled || kind == .shutDown }
}
