// The schema from the server's view: checked or migrated at the start, maintained while the server runs.

import Ground
import Protocol

/// A database whose schema is the one that this program expects.
struct Storage: Sendable {
  /// A schema that the program cannot work with, as a sentence.
  struct Unusable: Error, CustomStringConvertible {
    let description: String
  }

  let partitions: Partitions
  let kind: StorageKind
  let watch = StorageWatch()
  let legacyLedger = LegacyLedger()
  private let database: Database
  private let settings: Live<StorageSettings>
  private let maintenance: Maintenance
  private let rollups: Rollups

  private init(_ database: Database, _ kind: StorageKind, _ storage: Live<StorageSettings>) {
    self.kind = kind
    self.database = database
    settings = storage
    partitions = Partitions(database: database, storage: storage)
    maintenance = Maintenance(database: database, kind: kind, storage: storage, legacyLedger: legacyLedger)
    rollups = Rollups(database: database, kind: kind, storage: storage)
  }

  /// Migrates the schema to the current version.
  /// - Parameter report: called before each step.
  static func migrate(
    _ database: Database, settings: Settings, report: (MigrationStep) -> Void = { _ in }
  ) async throws -> MigrationReport {
    try await Migrator(database: database, storage: settings.storage).migrate(report: report)
  }

  /// Checks that the schema is up to date, and makes the partitions of the next days.
  static func open(_ database: Database, settings: LiveSettings) async throws -> Storage {
    let pending = try await Migrator(database: database, storage: settings.now.storage).status()
      .filter { $0.appliedAt == nil }
    if let first = pending.first {
      throw Unusable(
        description: "The database lacks migration \(first.version) (\(first.name)): run `pganalytics migrate` first.")
    }
    guard let kind = try await database.one(SchemaStatements.storage).flatMap({ StorageKind(rawValue: $0.value) })
    else {
      throw Unusable(description: "The database has no metric tables: run `pganalytics migrate` first.")
    }
    let storage = Storage(database, kind, settings.live(\.storage))
    _ = try await storage.maintenance.round { _ in }
    return storage
  }

  /// Makes and drops partitions until the task is cancelled.
  func maintain(log: ServerLog) async {
    await maintenance.run { event in
      switch event {
      case .finished(let round):
        if !round.isEmpty {
          log.info(
            "maintenance",
            [
              "partitions_made": round.created.count, "partitions_dropped": round.dropped.count,
              "dropped_names": Self.listed(round.dropped), "policies": round.policies.count,
              "dead_letters_pruned": round.pruned.deadLetters, "sessions_pruned": round.pruned.sessions,
              "audit_pruned": round.pruned.audit, "login_failures_pruned": round.pruned.loginFailures,
            ])
        }
      case .kept(let partition, let error):
        log.warning("partition kept", ["partition": partition, "error": "\(error)"])
      case .refused(let partition, let error):
        log.error("partition not made", ["partition": partition, "error": "\(error)"])
      case .failed(let error): log.warning("maintenance failed", ["error": "\(error)"])
      }
    }
  }
}

extension Storage {
  /// Names for one line of the log, with the number of those that are left out.
  private static func listed(_ names: [String]) -> String {
    let shown = 100
    let more = names.count > shown ? " and \(names.count - shown) more" : ""
    return names.sorted().prefix(shown).joined(separator: " ") + more
  }

  /// Rolls up until the task is cancelled.
  func rollUp(log: ServerLog) async {
    await rollups.run { event in
      switch event {
      case .finished(let round):
        watch.count(round)
        log.debug("rolled up", ["stretches": round.stretches])
        if round.overflows > 0 {
          log.warning("rolled up with sums that no double can hold", ["buckets": round.overflows])
        }
        if round.givenUp > 0 {
          log.warning("units of rolling up dropped: their rows are past the retention", ["units": round.givenUp])
        }
      case .takenOut(let table, let error):
        log.warning("rolling up a table failed; it continues server by server", ["table": table, "error": "\(error)"])
      case .partitionsMissing(let error):
        log.warning("partitions of roll-ups could not be made", ["error": "\(error)"])
      case .setAside(let table, let units, let first, let error):
        log.warning(
          "roll-ups set aside",
          [
            "table": table, "units": units, "server_id": first.server, "from": first.start.rfc3339,
            "until": first.end.rfc3339, "error": "\(error)",
          ])
      case .failed(let error):
        watch.countFailedRound()
        log.warning("rolling up failed", ["error": "\(error)"])
      }
    } look: {
      do throws(DatabaseError) {
        try await watch.look(database, kind, settings.now)
      } catch {
        log.warning("the state of roll-ups could not be read", ["error": "\(error)"])
      }
    }
  }

  /// Logs a warning if TimescaleDB has too few processes.
  func checkWorkers(log: ServerLog) async throws(DatabaseError) {
    guard kind == .timescale, let advice = try await database.one(TimescaleStatements.workers)?.advice else { return }
    log.warning("TimescaleDB has too few processes", ["advice": advice])
  }
}
