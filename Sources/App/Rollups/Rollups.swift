// Rolling up: what writers left as pending becomes roll-ups of 5 minutes, those become roll-ups of an hour.
//
//   rows ──5 minutes──▶ rollups.*_5m ──1 hour──▶ rollups.*_1h
//
// A transaction takes away what is pending of some servers within a while, makes the stretches anew and says so to the next
// width. Whoever sees the roll-ups sees the pending, too, so a query knows exactly what they hold. Nothing here locks what a
// writer needs: it reads rows, and writes tables that only this program's one roller writes.
//
// A table that fails in such a transaction is taken out of it: its share is noted as units of one table and one server
// (RollupUnits), which are made in transactions of their own. So what fails stops nothing beside it.

import Ground
import Protocol

struct Rollups: Sendable {
  struct Round: Hashable, Sendable {
    /// Stretches of time of a server that were made anew, of all widths; of units each counts.
    var stretches = 0
    /// Transactions that failed.
    var failures = 0
    /// Units whose rows ended their retention before they could be made.
    var givenUp = 0
    /// Buckets that were made with a sum that no double can hold, NULL now.
    var overflows = 0
    /// Another server is at it.
    var isElsewhere = false
  }

  enum Event: Sendable {
    case finished(Round)
    /// A table that failed in a transaction of many; it goes by units.
    case takenOut(table: String, DatabaseError)
    /// Partitions that could not be made.
    case partitionsMissing(DatabaseError)
    /// Units of a table that failed, and are tried again later.
    case setAside(table: String, units: Int, first: RollupUnit, DatabaseError)
    /// A round that failed; the next one goes on where it stopped.
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

  /// Rounds until the task is cancelled.
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

  /// Rolls up all that is closed.
  /// - Parameter now: nil: the database's own clock.
  func round(
    now given: Timestamp? = nil, _ report: (Event) -> Void = { _ in }
  ) async throws(DatabaseError) -> Round {
    // One session holds the lock meanwhile; it goes with the session should we vanish.
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
        // Not for ever: new rows are rolled up first.
        let deadline = ContinuousClock.now + settings.rollupInterval
        for step in RollupStep.allCases {
          try await rollUnits(step, now, until: deadline, session, &round, report)
          // Units of 5 minutes leave hours behind.
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
        // All of it is too old.
        _ = try await session.rows(RollupStatements.take, Int32(step.seconds), min(closed, oldest), Int64(Int32.max))
        continue
      }
      var whole = RollupWork()
      whole.append(0, first, end)
      do throws(DatabaseError) {
        try await ensurePartitions(step, of: whole)
      } catch {
        // A table that lacks its partition fails below, by itself.
        if error.endsRollupRound { throw error }
        report(.partitionsMissing(error))
      }
      var current: RollupTable?
      do throws(DatabaseError) {
        let (stretches, overflows) = try await session.transaction { session throws(DatabaseError) in
          try await limit(session, decompressedRows: settings.rollupDecompressedRows)
          let work = try await take(step, from: oldest, to: end, session)
          var overflows = 0
          for table in RollupTable.all(step) where !apart.contains(table.source.name) && !work.isEmpty {
            current = table
            overflows += try await remake(table, work, now, session)
          }
          current = nil
          try await note(work, RollupTable.all(step).filter { apart.contains($0.source.name) }, session)
          try await passOn(work, from: step, session)
          return (work.servers.count, overflows)
        }
        round.stretches += stretches
        round.overflows += overflows
      } catch {
        // The same again, without the table.
        guard let current, !error.endsRollupRound else { throw error }
        round.failures += 1
        apart.insert(current.source.name)
        report(.takenOut(table: current.name, error))
      }
    }
  }

  /// Where the stretch of a transaction ends at the latest: a multiple of `rollup_span`, and of the width.
  private func nextBorder(after time: Timestamp, _ step: RollupStep) -> Timestamp {
    let span = max(settings.rollupSpan.wholeNanoseconds / 1000 / step.microseconds, 1) * step.microseconds
    let (quotient, remainder) = time.unixMicroseconds.quotientAndRemainder(dividingBy: span)
    return Timestamp(unixMicroseconds: (remainder < 0 ? quotient : quotient + 1) * span)
  }

  /// Rows from before are dropped, or about to be: what was made of them stays as it is.
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

  /// Notes units of `work` in tables of one width.
  private func note(
    _ work: RollupWork, _ tables: [RollupTable], _ session: DatabaseLease
  ) async throws(DatabaseError) {
    guard let step = tables.first?.step, !work.isEmpty else { return }
    try await session.execute(
      RollupUnitStatements.note, Int32(step.seconds), tables.map(\.source.name), work.servers, work.starts, work.ends)
  }

  /// Makes `work` anew in one table. - Returns: buckets in which a sum overflowed.
  func remake(
    _ table: RollupTable, _ work: RollupWork, _ now: Timestamp, _ session: DatabaseLease
  ) async throws(DatabaseError) -> Int {
    var own = work
    switch table.step {
    case .fiveMinutes: own = work.from(firstKept(settings.retentionDays(ofTable: table.source.name), now))
    case .hour: break  // made of those of 5 minutes, which last longer
    }
    return own.isEmpty ? 0 : try await session.script(table.remaking(of: own))
  }

  /// Says to the next width what was made for it.
  func passOn(_ work: RollupWork, from step: RollupStep, _ session: DatabaseLease) async throws(DatabaseError) {
    switch step {
    case .fiveMinutes:
      try await session.execute(
        RollupStatements.add, Int32(RollupStep.hour.seconds), work.servers, work.starts, work.ends)
    case .hour: break
    }
  }

  /// The limits of a transaction that rolls up.
  func limit(_ session: DatabaseLease, decompressedRows: Int) async throws(DatabaseError) {
    session.allow(settings.rollupTimeout)
    try await session.execute(MetricStatements.limit, settings.rollupTimeout.settingText, "0")
    if kind == .timescale {
      try await session.execute(RollupStatements.limitDecompression, String(decompressedRows))
    }
  }

  /// Makes the partitions that `work` is put into.
  func ensurePartitions(_ step: RollupStep, of work: RollupWork) async throws(DatabaseError) {
    guard kind == .plain, let start = work.starts.min(), let end = work.ends.max() else { return }
    let partitions = Partitions(database: database, storage: storage)
    try await partitions.ensureRollups(step, from: Day(of: step.floor(start)), to: Day(of: end))
  }
}

extension Rollups {
  /// What of a range roll-ups of a metric table give exactly, as of the transaction of `session`; nil: nothing of it.
  static func coverage(
    _ step: RollupStep, of range: MetricRange, server: Int32, table: String, _ session: DatabaseLease
  ) async throws(DatabaseError) -> MetricRange? {
    let lacking = try await session.one(RollupStatements.lacking, server, Int32(step.seconds), table)?.value
    let from = step.ceiling(range.start)
    let to = step.floor(min(range.end, lacking ?? range.end))
    if from >= to { return nil }
    var covered = range
    covered.rolled = (step, from, to)
    return covered
  }
}
