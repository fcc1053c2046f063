// The periodic work on the database: it makes partitions for the coming days, drops and deletes what is older than its
// retention, and keeps TimescaleDB's policies in line with the settings.

import Ground

enum MaintenanceStatements {
  /// Parameters: days.
  static let pruneDeadLetters = Statement<Int32, NoRow>(
    "dead_letters_prune", "DELETE FROM pganalytics.dead_letters WHERE received_at < now() - make_interval(days => $1)")
  /// Deletes a session a day after its end. Until then a client with an expired token learns that the token has
  /// expired, and not that it is unknown.
  static let pruneSessions = Statement<NoRow>(
    "sessions_prune", "DELETE FROM pganalytics.sessions WHERE expires_at < now() - interval '1 day'")
  /// Parameters: days.
  static let pruneAudit = Statement<Int32, NoRow>(
    "audit_prune", "DELETE FROM pganalytics.audit WHERE at < now() - make_interval(days => $1)")
  /// Parameters: seconds.
  static let pruneLoginFailures = Statement<Double, NoRow>(
    "login_failures_prune",
    """
    WITH at_address AS (
      DELETE FROM pganalytics.login_address_failures
      WHERE coalesce(locked_until, failed_at) < now() - make_interval(secs => $1))
    DELETE FROM pganalytics.login_failures
    WHERE coalesce(locked_until, failed_at) < now() - make_interval(secs => $1)
    """)

  /// Parameters: days.
  static let pruneRemovals = Statement<Int32, NoRow>(
    "removals_prune", "DELETE FROM pganalytics.server_removals WHERE finished_at < now() - make_interval(days => $1)")

  static let pruneCertificates = Statement<NoRow>(
    "ended_certificates_prune", "DELETE FROM pganalytics.ended_certificates WHERE not_after < now()")

  /// Parameters: days. One execution deletes at most `pruneStep` rows and returns how many.
  static let pruneUndated = Statement<Int32, SingleValue<Int64>>(
    "push_ledger_undated_prune", prune("push_ledger_undated"))
  static let pruneKeys = Statement<Int32, SingleValue<Int64>>("push_keys_prune", prune("push_keys"))
  static let pruneLogEnds = Statement<Int32, SingleValue<Int64>>("log_ends_prune", prune("log_ends"))
  static let pruneStep: Int64 = 10_000

  private static func prune(_ table: String) -> String {
    """
    WITH gone AS (
      DELETE FROM pganalytics.\(table) WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM pganalytics.\(table) WHERE received_at < now() - make_interval(days => $1)
        ORDER BY received_at LIMIT \(pruneStep)))
      RETURNING 1)
    SELECT count(*) FROM gone
    """
  }

  /// Whether the older ledger has a partition.
  static let isLegacyLedgerRead = Statement<SingleValue<Bool>>(
    "legacy_ledger_read",
    "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'pganalytics.ingest_ledger'::regclass) AS is_read")

  static let all = [
    pruneUndated.description, pruneKeys.description, pruneLogEnds.description, isLegacyLedgerRead.description,
    pruneDeadLetters.description, pruneSessions.description, pruneAudit.description, pruneLoginFailures.description,
    pruneRemovals.description, pruneCertificates.description,
  ]
}

struct Maintenance: Sendable {
  enum Event: Sendable {
    case finished(Round)
    /// A partition could not be dropped. The next round tries it again.
    case kept(partition: String, DatabaseError)
    /// A partition could not be made. The next round tries it again.
    case refused(partition: String, DatabaseError)
    /// The round failed. It is tried again.
    case failed(DatabaseError)
  }

  struct Round: Hashable, Sendable {
    var created: [String] = []
    var dropped: [String] = []
    /// The numbers of deleted rows.
    var pruned = Pruned()
    /// Policies of hypertables that differed from the settings and were replaced.
    var policies: [String] = []
    /// Another server is running a round, so this one did nothing.
    var isElsewhere = false

    /// Whether the round changed nothing.
    var isEmpty: Bool { created.isEmpty && dropped.isEmpty && policies.isEmpty && pruned == Pruned() }
  }

  struct Pruned: Hashable, Sendable {
    var deadLetters = 0
    var sessions = 0
    var audit = 0
    var loginFailures = 0
  }

  private let database: Database
  private let storage: Live<StorageSettings>
  private var settings: StorageSettings { storage.now }
  private let partitions: Partitions
  private let kind: StorageKind
  private let legacyLedger: LegacyLedger

  init(
    database: Database, kind: StorageKind, storage: Live<StorageSettings>, legacyLedger: LegacyLedger = LegacyLedger()
  ) {
    self.legacyLedger = legacyLedger
    self.database = database
    self.kind = kind
    self.storage = storage
    partitions = Partitions(database: database, storage: storage)
  }

  /// Runs rounds until the task is cancelled.
  func run(_ report: @Sendable (Event) -> Void) async {
    while !Task.isCancelled {
      var pause = settings.maintenanceInterval
      do throws(DatabaseError) {
        report(.finished(try await round(report)))
      } catch {
        report(.failed(error))
        pause = settings.maintenanceRetry
      }
      do { try await Task.sleep(for: pause) } catch { return }
    }
  }

  /// One round: makes partitions from yesterday to `partitions_ahead` days ahead, then removes what has expired.
  /// - Parameter today: the day to count from; nil: the database's current day.
  func round(today: Day? = nil, _ report: @Sendable (Event) -> Void) async throws(DatabaseError) -> Round {
    // One session holds the lock during the round. If this process dies, PostgreSQL releases the lock with the session.
    try await database.lease { session throws(DatabaseError) in
      guard try await session.one(PartitionStatements.tryLock, SchemaStatements.maintenanceLock)?.value == true else {
        return Round(isElsewhere: true)
      }
      let round: Round
      do throws(DatabaseError) {
        round = try await work(today: today, report)
      } catch {
        try await session.execute(PartitionStatements.unlock, SchemaStatements.maintenanceLock)
        throw error
      }
      try await session.execute(PartitionStatements.unlock, SchemaStatements.maintenanceLock)
      return round
    }
  }

  private func work(today given: Day?, _ report: @Sendable (Event) -> Void) async throws(DatabaseError) -> Round {
    var today = given
    if today == nil { today = try await database.one(PartitionStatements.today)?.value }
    guard let today else { throw DatabaseError(.unexpectedResult, "no row") }
    var round = Round()
    let making = try await partitions.make(days: (-1...settings.partitionDaysAhead).map(today.advanced(by:)))
    round.created = making.made
    for (name, error) in making.refused { report(.refused(partition: name, error)) }
    round.dropped = try await partitions.dropExpired(today: today) { report(.kept(partition: $0, $1)) }
    round.dropped += try await partitions.dropExpiredRollups(today: today) { report(.kept(partition: $0, $1)) }
    if let isRead = try await database.one(MaintenanceStatements.isLegacyLedgerRead) {
      legacyLedger.set(isRead: isRead.value)
    }
    let pruned = [
      (MaintenanceStatements.pruneUndated, settings.repeatDays), (MaintenanceStatements.pruneKeys, settings.repeatDays),
      (MaintenanceStatements.pruneLogEnds, settings.retentionDays),
    ]
    for (statement, days) in pruned {
      // In steps, so that no table delays the others and no statement holds its locks for long.
      while try await database.one(statement, days)?.value == MaintenanceStatements.pruneStep {}
    }
    round.pruned.deadLetters = try await database.execute(
      MaintenanceStatements.pruneDeadLetters, settings.retentionDays)
    round.pruned.sessions = try await database.execute(MaintenanceStatements.pruneSessions)
    round.pruned.audit = try await database.execute(MaintenanceStatements.pruneAudit, settings.auditRetentionDays)
    try await database.execute(MaintenanceStatements.pruneRemovals, settings.auditRetentionDays)
    try await database.execute(MaintenanceStatements.pruneCertificates)
    round.pruned.loginFailures = try await database.execute(
      MaintenanceStatements.pruneLoginFailures, Double(settings.loginFailureMemory.wholeSeconds))
    switch kind {
    case .plain: break
    case .timescale: round.policies = try await HypertablePolicies(database: database).follow(settings)
    }
    return round
  }
}
