// Removes servers with all their rows. A row in `server_removals` requests it, and the next pganalytics server that
// checks the table does it, in steps of one transaction each. So a crash loses one step, and steps and other
// transactions do not wait for each other.
//
//   the collectors are revoked for good ──▶ rows, table after table, until a pass finds none ──▶ collectors, server
//
// Pushes that were in flight at the revocation may be stored during a pass; the next pass finds their rows. The last
// pass begins when none can be in flight any more. The row in `server_removals` stays as a record, and the tables are
// checked again for a day.

import Ground
import Protocol

/// Carries out the removals, as one of possibly several servers.
final class ServerRemovals: Sendable {
  /// How often it checks for due removals, besides on request.
  private static let interval = Duration.seconds(5)
  /// A chunk of a hypertable is cleared in this many steps.
  private static let stepsOfChunk: Int64 = 24
  /// How many blocks of a table without an index one step reads.
  private static let blocksAtOnce: Int64 = 2048

  private enum Stop: DatabaseFailure {
    /// Another server is working on removals.
    case elsewhere
    case failed(DatabaseError)

    init(_ error: DatabaseError) { self = .failed(error) }
  }

  private let database: Database
  private let kind: StorageKind
  private let settings: LiveSettings
  private let log: ServerLog
  private let work = RecurringWork()

  init(database: Database, kind: StorageKind, settings: LiveSettings, log: ServerLog) {
    self.database = database
    self.kind = kind
    self.settings = settings
    self.log = log
  }

  /// Requests a check.
  func ask() { work.ask() }

  /// Checks periodically until the task is cancelled.
  func run() async {
    // A server that was killed may have left unfinished removals.
    ask()
    await work.run(every: Live(constant: Self.interval)) { await self.round() }
  }

  /// Continues all due removals. A removal that fails does not hinder the others.
  func round() async {
    let due: [ServerRemoval]
    do throws(DatabaseError) {
      due = try await database.rows(ServerRemovalStatements.due)
    } catch {
      return log.debug("due removals not read", ["error": "\(error)"])
    }
    for removal in due where !Task.isCancelled {
      do throws(Stop) {
        try await go(on: removal)
      } catch {
        switch error {
        case .elsewhere: return
        case .failed(let error): await note(error, of: removal)
        }
      }
    }
  }

  private func note(_ error: DatabaseError, of removal: ServerRemoval) async {
    // The server is stopping; the next one to start continues.
    if error.kind == .cancelled || error.kind == .shutDown { return }
    log.warning("server not removed yet", ["server_id": "\(removal.serverID)", "error": "\(error)"])
    do throws(DatabaseError) {
      try await database.execute(ServerRemovalStatements.failed, removal.serverID, "\(error)")
    } catch {}  // the next try reports it again
  }

  private func go(on removal: ServerRemoval) async throws(Stop) {
    if removal.finishedAt != nil {
      let removed = try await pass(removal.serverID)
      if removed > 0 { log.info("late rows removed", ["server_id": "\(removal.serverID)", "rows": "\(removed)"]) }
      try await step { session throws(Stop) in
        try await asked(session) { session throws(DatabaseError) in
          try await session.execute(ServerRemovalStatements.swept, removal.serverID)
        }
      }
      return
    }
    while !Task.isCancelled {
      // Checked before the pass, because the pass may miss rows of pushes that are in flight then.
      let isSettled = try await asked { database throws(DatabaseError) in
        try await database.one(ServerRemovalStatements.isSettled, removal.serverID)?.value == true
      }
      if try await pass(removal.serverID) > 0 { continue }
      if isSettled { try await finish(removal) }
      return
    }
  }

  /// Clears every table once. - Returns: the number of removed rows.
  private func pass(_ server: Int32) async throws(Stop) -> Int64 {
    let chunks = try await chunks()
    let hypertables = Set(chunks.map(\.table))
    let tables = try await asked { database throws(DatabaseError) in
      try await database.rows(ServerRemovalStatements.tables)
    }
    var removed: Int64 = 0
    for table in tables where !hypertables.contains(table.name) {
      removed += try await clear(table, of: server)
    }
    for chunk in chunks { removed += try await clear(chunk, of: server) }
    return removed
  }

  private func chunks() async throws(Stop) -> [ServersChunk] {
    switch kind {
    case .plain: return []
    case .timescale:
      return try await asked { database throws(DatabaseError) in
        try await database.rows(ServerRemovalStatements.removalChunks)
      }
    }
  }

  private func clear(_ table: ServersTable, of server: Int32) async throws(Stop) -> Int64 {
    var removed: Int64 = 0
    if table.isIndexed {
      let most = Int64(settings.now.removalRows)
      while true {
        let count = try await remove(server, table.name) { session throws(DatabaseError) in
          try await session.one(ServerRemovalStatements.removeRows, table.name, server, most)?.value ?? 0
        }
        removed += count
        if count < most { return removed }
        try await pause()
      }
    }
    var block: Int64 = 0
    while block < table.blocks {
      let first = block
      removed += try await remove(server, table.name) { session throws(DatabaseError) in
        try await session.one(
          ServerRemovalStatements.removeBlocks, table.name, server, first, Self.blocksAtOnce)?.value ?? 0
      }
      block += Self.blocksAtOnce
      if block < table.blocks { try await pause() }
    }
    return removed
  }

  private func clear(_ chunk: ServersChunk, of server: Int32) async throws(Stop) -> Int64 {
    var removed: Int64 = 0
    let width = max(1, (chunk.end.unixMicroseconds - chunk.start.unixMicroseconds) / Self.stepsOfChunk)
    var start = chunk.start.unixMicroseconds
    while start < chunk.end.unixMicroseconds {
      let (first, last) = (start, min(start + width, chunk.end.unixMicroseconds))
      let count = try await remove(server, chunk.table) { session throws(DatabaseError) in
        try await session.one(
          ServerRemovalStatements.removeStretch, chunk.table, server, Timestamp(unixMicroseconds: first),
          Timestamp(unixMicroseconds: last))?.value ?? 0
      }
      removed += count
      if count > 0 { try await pause() }
      start = last
    }
    return removed
  }

  /// One step together with the record of its progress. A table that was dropped in the meantime has no rows.
  private func remove(
    _ server: Int32, _ table: String, _ work: (DatabaseLease) async throws(DatabaseError) -> Int64
  ) async throws(Stop) -> Int64 {
    do throws(Stop) {
      return try await step { session throws(Stop) -> Int64 in
        try await asked(session) { session throws(DatabaseError) in
          let count = try await work(session)
          try await session.execute(ServerRemovalStatements.progress, server, table, count)
          return count
        }
      }
    } catch {
      if case .failed(let cause) = error, cause.sqlstate == SQLState.undefinedTable { return 0 }
      throw error
    }
  }

  private func finish(_ removal: ServerRemoval) async throws(Stop) {
    let id = removal.serverID
    try await step { session throws(Stop) in
      try await asked(session) { session throws(DatabaseError) in
        let now = try await session.one(ServerRemovalStatements.one, id)
        // Another server may have finished between two steps.
        guard let now, now.finishedAt == nil else { return }
        try await session.execute(ServerRemovalStatements.keepRevocations, id)
        try await session.execute(ServerRemovalStatements.removeCollectors, id)
        try await session.execute(ServerRemovalStatements.removeServer, id)
        try await session.execute(ServerRemovalStatements.finish, id)
        var event = AuditEvent(.finishRemoval, by: AuditEvent.system, on: AuditEvent.server(id)).naming(removal.name)
        event.details["rows"] = .integer(now.rowsRemoved)
        try await session.audit(event)
      }
    }
    log.info("server removed", ["server_id": "\(id)", "name": removal.name])
  }

  /// Runs one step as a transaction that holds the lock of removals.
  @discardableResult
  private func step<Value: Sendable>(
    _ work: (DatabaseLease) async throws(Stop) -> Value
  ) async throws(Stop) -> Value {
    try await database.transaction { session throws(Stop) -> Value in
      let isOurs = try await asked(session) { session throws(DatabaseError) in
        try await session.one(ServerRemovalStatements.tryLock, SchemaStatements.removalLock)?.value == true
      }
      if !isOurs { throw .elsewhere }
      return try await work(session)
    }
  }

  private func asked<Value>(
    _ work: (Database) async throws(DatabaseError) -> Value
  ) async throws(Stop) -> Value {
    try await asked(database, work)
  }

  private func asked<Client: DatabaseClient, Value>(
    _ client: Client, _ work: (Client) async throws(DatabaseError) -> Value
  ) async throws(Stop) -> Value {
    do throws(DatabaseError) { return try await work(client) } catch { throw .failed(error) }
  }

  private func pause() async throws(Stop) {
    do { try await Task.sleep(for: settings.now.removalPause) } catch {
      throw .failed(DatabaseError(.cancelled, "cancelled between two steps"))
    }
  }
}

extension AuditEvent {
  /// The name of a monitored server in the audit trail.
  static func server(_ id: Int32) -> String { "server:\(id)" }
}
