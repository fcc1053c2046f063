// Rolls up by units. Each unit is computed in a transaction of its own, or together with others of its table as long as
// that succeeds. `RollupQueue` decides the order; migration 11 has the table.

import Protocol

extension Rollups {
  /// How many units are read at a time. More are read when these are done.
  private static let unitsRead: Int64 = 1000

  /// Tries the units of a step that are due, until `deadline`.
  func rollUnits(
    _ step: RollupStep, _ now: Timestamp, until deadline: ContinuousClock.Instant, _ session: DatabaseLease,
    _ round: inout Round, _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    let seconds = Int32(step.seconds)
    round.givenUp += try await session.execute(
      RollupUnitStatements.expire, seconds, firstKept(settings.retentionDays, now))
    let known = Dictionary(uniqueKeysWithValues: RollupTable.all(step).map { ($0.source.name, $0) })
    for name in try await session.rows(RollupUnitStatements.tables, seconds).map(\.value).sorted() {
      // A table that this program does not know belongs to another version.
      guard let table = known[name] else { continue }
      var isMore = true
      while isMore, !Task.isCancelled, ContinuousClock.now < deadline {
        let units = try await session.rows(RollupUnitStatements.due, seconds, name, Self.unitsRead)
        try await roll(units, of: table, now, until: deadline, session, &round, report)
        isMore = units.count == Self.unitsRead
      }
    }
  }

  private func roll(
    _ units: [RollupUnit], of table: RollupTable, _ now: Timestamp, until deadline: ContinuousClock.Instant,
    _ session: DatabaseLease, _ round: inout Round, _ report: (Event) -> Void
  ) async throws(DatabaseError) {
    var queue = RollupQueue(
      units, table.step, servers: settings.rollupServers, span: settings.rollupSpan,
      failureLimit: settings.rollupFailures)
    while !Task.isCancelled, ContinuousClock.now < deadline, let group = queue.next() {
      do throws(DatabaseError) {
        round.overflows += try await make(group, of: table, now, session)
        round.stretches += group.count
        queue.succeeded()
      } catch {
        if error.endsRollupRound { throw error }
        round.failures += 1
        switch queue.failed(group) {
        case .halved: break
        case .cut(let time):
          var (earlier, later) = (group[0], group[0])
          guard let id = try await session.one(RollupUnitStatements.split, earlier.id, time)?.value else { continue }
          earlier.end = time
          later = RollupUnit(id: id, server: later.server, start: time, end: later.end, attempts: later.attempts)
          queue.add(earlier)
          queue.add(later)
        case .setAside:
          var aside = group
          if queue.isHopeless { aside += queue.takeRest() }
          try await setAside(aside, error, session)
          report(.setAside(table: table.name, units: aside.count, first: aside[0], error))
        }
      }
    }
  }

  /// Computes the buckets of a group of units. - Returns: the number of buckets in which a sum overflowed.
  private func make(
    _ units: [RollupUnit], of table: RollupTable, _ now: Timestamp, _ session: DatabaseLease
  ) async throws(DatabaseError) -> Int {
    var work = RollupWork()
    for unit in units { work.append(unit.server, unit.start, unit.end) }
    try await ensurePartitions(table.step, of: work)
    // A single unit may decompress as many rows as it needs, since it cannot be divided by server or table.
    let decompression = units.count == 1 ? 0 : settings.rollupDecompressedRows
    return try await session.transaction { session throws(DatabaseError) in
      try await limit(session, decompressedRows: decompression)
      try await session.execute(RollupUnitStatements.remove, units.map(\.id))
      var changed = work
      let overflows = try await remake(table, work, now, session, &changed)
      try await passOn(changed, from: table.step, session)
      return overflows
    }
  }

  private func setAside(
    _ units: [RollupUnit], _ error: DatabaseError, _ session: DatabaseLease
  ) async throws(DatabaseError) {
    try await session.execute(
      RollupUnitStatements.setAside, units.map(\.id), error.sqlstate ?? "", error.description,
      settings.rollupRetry / .seconds(1), settings.rollupRetryMaximum / .seconds(1))
  }
}

extension DatabaseError {
  /// Whether the error concerns the database as a whole and not what was to be rolled up. Then nothing is set aside,
  /// and the next round continues where this one stopped.
  var endsRollupRound: Bool {
    switch kind {
    case .statement:
      guard let sqlstate else { return true }
      // Connection errors; an operator's interventions except a cancelled query; a read-only database; a full disk; too
      // many connections.
      return ["08", "57P0", SQLState.readOnlyTransaction, "53100", "53300"].contains { sqlstate.hasPrefix($0) }
    case .connectFailed, .connectionLost, .unanswered, .overloaded, .waitedTooLong, .cancelled, .shutDown,
      .unexpectedResult:
      return true
    }
  }
}
