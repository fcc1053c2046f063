// Rolling up. Writers record the times for which roll-ups are missing; these become roll-ups of 5 minutes, and those
// become roll-ups of an hour.
//
//   rows ──5 minutes──▶ rollups.*_5m ──1 hour──▶ rollups.*_1h
//
// A transaction takes the pending time spans of some servers, computes their buckets anew and marks the same spans as
// pending for the next step. A query that sees the roll-ups also sees what is pending, so it knows exactly what they
// hold. Rolling up takes no lock that a writer needs: it reads rows, and it writes tables that no other server writes
// at the same time.
//
// If a table fails in such a transaction, the transaction is repeated without it. The table's part is recorded as units
// of one table and one server (`RollupUnits`), which get transactions of their own. So a failing table does not stop
// the others.

import Ground
import Protocol

/// Keeps the roll-up tables up to date. One server at a time does so.
struct Rollups: Sendable {
  struct Round: Hashable, Sendable {
    /// The number of time spans that were computed anew, over all steps. Each unit counts as one.
    var stretches = 0
    /// The number of failed transactions.
    var failures = 0
    /// The number of units whose rows passed their retention before they could be computed.
    var givenUp = 0
    /// The number of buckets with a sum that no double can hold; it is NULL.
    var overflows = 0
    /// Another server is rolling up, so this one did nothing.
    var isElsewhere = false
  }

  enum Event: Sendable {
    case finished(Round)
    /// A table failed in a transaction of many tables. It is rolled up by units.
    case takenOut(table: String, DatabaseError)
    /// Partitions could not be made.
    case partitionsMissing(DatabaseError)
    /// Units of a table failed. They are tried again later.
    case setAside(table: String, units: Int, first: RollupUnit, DatabaseError)
    /// A round failed. The next one continues where it stopped.
    case failed(DatabaseError)
  }

  private let database: Database
  private let kind: StorageKind
  private let storage: Live<StorageSettings>
  var settings: StorageSettings { storage.now }

  init(database: Database, kind: StorageKind, storage: Live<StorageSettings>) {
    self.database = database
    self.kind = kind
    self.storage = storage
  }

  /// Runs rounds until the task is cancelled.
  /// - Parameter look: called after each round.
  func run(_ report: @Sendable (Event) -> Void, look: @Sendable () async -> Void) async {
    while !Task.isCancelled {
      do throws(DatabaseError) {
        report(.finished(try await round(report)))
      } catch {
        report(.failed(error))
      }
      await look()
      do { try await Live { [storage] in storage.now.rollupInterval }.sleep() } catch { return }
    }
  }

  /// Rolls up all complete buckets.
  /// - Parameter now: the time to use; nil: the database's clock.
  func round(
    now given: Timestamp? = nil, _ report: (Event) -> Void = { _ in }
  ) async throws(DatabaseError) -> Round {
    // One session holds the lock during the round. If this process dies, PostgreSQL releases the lock with the session.
    try await database.lease { session throws(DatabaseError) in
      guard try await session.one(PartitionStatements.tryLock, SchemaStatements.rollupLock)?.value == true else {
        return Round(isElsewhere: true)
      }
      var round = Round()
      do throws(DatabaseError) {
        var now = given
        if now == nil { now = try await session.one(RollupStatements.now)?.value }
        guard let now else { throw DatabaseError(.unexpectedResult, "no row") }
        for step in RollupStep.allCases { try await roll(step, now, session, &round, report) }
        // Units have a deadline, so that the next round can roll up new rows first.
        let deadline = ContinuousClock.now + settings.rollupInterval
        for step in RollupStep.allCases {
          try await rollUnits(step, now, until: deadline, session, &round, report)
          // Units of 5 minutes make new hours pending.
          if step == .fiveMinutes, round.stretches > 0 { try await roll(.hour, now, session, &round, report) }
        }
      } catch {
        if !error.isConnectionLoss {
          try await session.execute(PartitionStatements.unlock, SchemaStatements.rollupLock)
        }
        throw error
      }
      try await session.execute(PartitionStatements.unlock, SchemaStatements.rollupLock)
      return round
    }
  }

  private func roll(
    _ step: RollupStep, _ now: Timestamp, _ session: DatabaseLease, _ round: inout Round, _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    let closed = step.floor(
      Timestamp(unixMicroseconds: now.unixMicroseconds - settings.rollupDelay.wholeNanoseconds / 1000))
    let oldest = firstKept(settings.retentionDays, now)
    var apart = Set(try await session.rows(RollupUnitStatements.failedTables, Int32(step.seconds)).map(\.value))
    while !Task.isCancelled,
      let earliest = try await session.one(RollupStatements.earliest, Int32(step.seconds), closed)?.value
    {
      let first = max(earliest, oldest)
      let end = min(closed, nextBorder(after: first, step))
      if end <= first {
        // All of it is older than the retention.
        _ = try await session.rows(RollupStatements.take, Int32(step.seconds), min(closed, oldest), Int64(Int32.max))
        continue
      }
      var whole = RollupWork()
      whole.append(0, first, end)
      do throws(DatabaseError) {
        try await ensurePartitions(step, of: whole)
      } catch {
        // A table without its partition fails below, by itself.
        if error.endsRollupRound { throw error }
        report(.partitionsMissing(error))
      }
      var current: RollupTable?
      do throws(DatabaseError) {
        let (stretches, overflows) = try await session.transaction { session throws(DatabaseError) in
          try await limit(session, decompressedRows: settings.rollupDecompressedRows)
          let work = try await take(step, from: oldest, to: end, session)
          var (overflows, changed) = (0, work)
          for table in RollupTable.all(step) where !apart.contains(table.source.name) && !work.isEmpty {
            current = table
            overflows += try await remake(table, work, now, session, &changed)
          }
          current = nil
          try await note(work, RollupTable.all(step).filter { apart.contains($0.source.name) }, session)
          try await passOn(changed, from: step, session)
          return (work.servers.count, overflows)
        }
        round.stretches += stretches
        round.overflows += overflows
      } catch {
        // The transaction is repeated without the table.
        guard let current, !error.endsRollupRound else { throw error }
        round.failures += 1
        apart.insert(current.source.name)
        report(.takenOut(table: current.name, error))
      }
    }
  }

  /// The latest end of a transaction's time span: a multiple of `rollup_span` and of the step.
  private func nextBorder(after time: Timestamp, _ step: RollupStep) -> Timestamp {
    let span = max(settings.rollupSpan.wholeNanoseconds / 1000 / step.microseconds, 1) * step.microseconds
    let (quotient, remainder) = time.unixMicroseconds.quotientAndRemainder(dividingBy: span)
    return Timestamp(unixMicroseconds: (remainder < 0 ? quotient : quotient + 1) * span)
  }

  /// The first time whose rows are kept. Older rows are dropped or about to be dropped, and their roll-ups do not
  /// change any more.
  func firstKept(_ retentionDays: Int32, _ now: Timestamp) -> Timestamp {
    RollupStep.hour.ceiling(
      Timestamp(unixMicroseconds: now.unixMicroseconds - Int64(retentionDays) * 86_400_000_000))
  }

  /// Takes what is pending before `end`, in whole buckets.
  private func take(
    _ step: RollupStep, from oldest: Timestamp, to end: Timestamp, _ session: DatabaseLease
  ) async throws(DatabaseError) -> RollupWork {
    let due = try await session.rows(
      RollupStatements.take, Int32(step.seconds), end, Int64(settings.rollupServers))
    var work = RollupWork()
    for one in due {
      let start = step.floor(max(one.first, oldest))
      let after = step.floor(min(one.last, end)).unixMicroseconds + step.microseconds
      let stop = min(Timestamp(unixMicroseconds: after), end)
      if start < stop { work.append(one.server, start, stop) }
    }
    return work
  }

  /// Records units for `work` in tables of one step.
  private func note(
    _ work: RollupWork, _ tables: [RollupTable], _ session: DatabaseLease
  ) async throws(DatabaseError) {
    guard let step = tables.first?.step, !work.isEmpty else { return }
    try await session.execute(
      RollupUnitStatements.note, Int32(step.seconds), tables.map(\.source.name), work.servers, work.starts, work.ends)
  }

  /// Computes `work` anew in one table. - Parameter changed: gets the buckets that were computed besides `work`.
  /// - Returns: the number of buckets in which a sum overflowed.
  func remake(
    _ table: RollupTable, _ work: RollupWork, _ now: Timestamp, _ session: DatabaseLease, _ changed: inout RollupWork
  ) async throws(DatabaseError) -> Int {
    var own = work.merged
    switch table.step {
    case .fiveMinutes:
      own = own.from(firstKept(settings.retentionDays(ofTable: table.source.name), now))
      if table.source.tellsBreaks, !own.isEmpty {
        let following = try await following(own, in: table, session)
        changed.append(following)
        own.append(following)
        own = own.merged
      }
    case .hour: break  // computed from those of 5 minutes, which are kept longer
    }
    return own.isEmpty ? 0 : try await session.script(table.remaking(of: own))
  }

  /// The bucket after each time span, which tells whether its series have a break since the bucket before it.
  private func following(
    _ work: RollupWork, in table: RollupTable, _ session: DatabaseLease
  ) async throws(DatabaseError) -> RollupWork {
    var following = RollupWork()
    for next in try await session.rows(table.following, work.servers, work.ends) {
      let end = Timestamp(unixMicroseconds: next.start.unixMicroseconds + table.step.microseconds)
      following.append(next.server, next.start, end)
    }
    return following
  }

  /// Marks `work` as pending for the next step.
  func passOn(_ work: RollupWork, from step: RollupStep, _ session: DatabaseLease) async throws(DatabaseError) {
    switch step {
    case .fiveMinutes:
      try await session.execute(
        RollupStatements.add, Int32(RollupStep.hour.seconds), work.servers, work.starts, work.ends)
    case .hour: break
    }
  }

  /// Sets the limits of a transaction that rolls up.
  func limit(_ session: DatabaseLease, decompressedRows: Int) async throws(DatabaseError) {
    session.allow(settings.rollupTimeout)
    try await session.execute(SchemaStatements.limitWork, settings.rollupTimeout.settingText, "0")
    if kind == .timescale {
      try await session.execute(RollupStatements.limitDecompression, String(decompressedRows))
    }
  }

  /// Makes the partitions that `work` needs.
  func ensurePartitions(_ step: RollupStep, of work: RollupWork) async throws(DatabaseError) {
    guard kind == .plain, let start = work.starts.min(), let end = work.ends.max() else { return }
    let partitions = Partitions(database: database, storage: storage)
    try await partitions.ensureRollups(step, from: Day(of: step.floor(start)), to: Day(of: end))
  }
}
