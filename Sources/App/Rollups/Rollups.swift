// Rolling up: what writers left as pending becomes roll-ups of 5 minutes, those become roll-ups of an hour.
//
//   rows ──5 minutes──▶ rollups.*_5m ──1 hour──▶ rollups.*_1h
//
// A transaction takes away what is pending of some servers within a day, makes the stretches anew and says so to the next
// width. Whoever sees the roll-ups sees the pending, too, so a query knows exactly what they hold. Nothing here locks what a
// writer needs: it reads rows, and writes tables that only this program's one roller writes.

import Protocol

struct Rollups: Sendable {
  struct Round: Hashable, Sendable {
    /// Stretches of time of a server that were made anew, of all widths.
    var stretches = 0
    /// Another server is at it.
    var isElsewhere = false
  }

  enum Event: Sendable {
    case finished(Round)
    /// A round that failed; the next one goes on where it stopped.
    case failed(DatabaseError)
  }

  private let database: Database
  private let kind: StorageKind
  private let storage: Live<StorageSettings>
  private var settings: StorageSettings { storage.now }

  init(database: Database, kind: StorageKind, storage: Live<StorageSettings>) {
    self.database = database
    self.kind = kind
    self.storage = storage
  }

  /// Rounds until the task is cancelled.
  func run(_ report: @Sendable (Event) -> Void) async {
    while !Task.isCancelled {
      do throws(DatabaseError) {
        report(.finished(try await round()))
      } catch {
        report(.failed(error))
      }
      do { try await Live { [storage] in storage.now.rollupInterval }.sleep() } catch { return }
    }
  }

  /// Rolls up all that is closed.
  /// - Parameter now: nil: the database's own clock.
  func round(now given: Timestamp? = nil) async throws(DatabaseError) -> Round {
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
        for step in RollupStep.allCases { round.stretches += try await roll(step, now, session) }
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
    _ step: RollupStep, _ now: Timestamp, _ session: DatabaseLease
  ) async throws(DatabaseError) -> Int {
    let closed = step.floor(
      Timestamp(unixMicroseconds: now.unixMicroseconds - settings.rollupDelay.wholeNanoseconds / 1000))
    let day: Int64 = 86_400_000_000
    let oldest = firstKept(settings.retentionDays, now)
    var stretches = 0
    while !Task.isCancelled,
      let earliest = try await session.one(RollupStatements.earliest, Int32(step.seconds), closed)?.value
    {
      let first = max(earliest, oldest)
      let nextDay = Timestamp(unixMicroseconds: (first.unixMicroseconds / day + 1) * day)
      let end = min(closed, nextDay)
      if end <= first {
        // All of it is too old.
        _ = try await session.rows(RollupStatements.take, Int32(step.seconds), min(closed, oldest), Int64(Int32.max))
        continue
      }
      if kind == .plain {
        let partitions = Partitions(database: database, storage: storage)
        try await partitions.ensureRollups(step, from: Day(of: step.floor(first)), to: Day(of: end))
      }
      stretches += try await session.transaction { session throws(DatabaseError) in
        try await session.execute(MetricStatements.limit, settings.rollupTimeout.settingText, "0")
        return try await make(step, from: oldest, to: end, now, session)
      }
    }
    return stretches
  }

  /// Rows from before are dropped, or about to be: what was made of them stays as it is.
  private func firstKept(_ retentionDays: Int32, _ now: Timestamp) -> Timestamp {
    RollupStep.hour.ceiling(
      Timestamp(unixMicroseconds: now.unixMicroseconds - Int64(retentionDays) * 86_400_000_000))
  }

  /// Takes what is pending before `end` and makes it.
  private func make(
    _ step: RollupStep, from oldest: Timestamp, to end: Timestamp, _ now: Timestamp, _ session: DatabaseLease
  ) async throws(DatabaseError) -> Int {
    let due = try await session.rows(
      RollupStatements.take, Int32(step.seconds), end, Int64(settings.rollupServers))
    var work = RollupWork()
    for one in due {
      let start = max(step.floor(one.first), oldest)
      let after = step.floor(one.last).unixMicroseconds + step.microseconds
      let stop = min(Timestamp(unixMicroseconds: after), end)
      if start >= stop { continue }
      work.servers.append(one.server)
      work.starts.append(start)
      work.ends.append(stop)
    }
    if work.servers.isEmpty { return 0 }
    for table in RollupTable.all(step) {
      var own = work
      switch step {
      case .fiveMinutes: own = work.from(firstKept(settings.retentionDays(ofTable: table.source.name), now))
      case .hour: break  // made of those of 5 minutes, which last longer
      }
      guard let start = own.start, let stop = own.end else { continue }
      for statement in [table.removal, table.making] {
        try await session.execute(statement, own.servers, own.starts, own.ends, start, stop)
      }
    }
    switch step {
    case .fiveMinutes:
      try await session.execute(
        RollupStatements.add, Int32(RollupStep.hour.seconds), work.servers, work.starts, work.ends)
    case .hour: break
    }
    return work.servers.count
  }
}

extension Rollups {
  /// What of a range roll-ups give exactly, as of the transaction of `session`; nil: nothing of it.
  static func coverage(
    _ step: RollupStep, of range: MetricRange, server: Int32, _ session: DatabaseLease
  ) async throws(DatabaseError) -> MetricRange? {
    let lacking = try await session.one(RollupStatements.lacking, server, Int32(step.seconds))?.value
    let from = step.ceiling(range.start)
    let to = step.floor(min(range.end, lacking ?? range.end))
    if from >= to { return nil }
    var covered = range
    covered.rolled = (step, from, to)
    return covered
  }
}
