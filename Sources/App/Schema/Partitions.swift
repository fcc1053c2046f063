// The daily partitions of plain metric tables and of the ledger.
//
// Partitions are made by LIKE and ATTACH, which wait for no COPY. CREATE ... PARTITION OF would wait for every open
// COPY, and every later COPY would wait for it. Partitions are removed by DETACH CONCURRENTLY, which waits for open
// COPYs without blocking new ones. The database itself produces the text of the DDL and quotes its own names.

import Ground

enum PartitionStatements {
  struct Missing: SQLRow {
    let name: String
    let creation: String

    init(from row: inout RowReader) throws(DatabaseError) {
      name = try row.read("name")
      creation = try row.read("creation")
    }
  }

  struct Expired: SQLRow {
    let name: String
    /// The SQL that detaches the partition; nil if it is detached already.
    let detachment: String?
    let removal: String

    init(from row: inout RowReader) throws(DatabaseError) {
      name = try row.read("name")
      detachment = try row.read("detachment")
      removal = try row.read("removal")
    }
  }

  static let today = Statement<SingleValue<Day>>("today", "SELECT (now() AT TIME ZONE 'UTC')::date AS today")

  /// Parameters: the days that need partitions.
  static let missing = Statement<[Day], Missing>(
    "partitions_missing",
    """
    WITH parents AS (
      SELECT n.nspname, c.relname, a.atttypid = 'date'::regtype AS is_by_date
      FROM pg_partitioned_table p
      JOIN pg_class c ON c.oid = p.partrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
      WHERE n.nspname = 'metrics' OR (n.nspname = 'pganalytics' AND c.relname = 'push_ledger')
    ), wanted AS (
      SELECT parents.*, day,
        format('%I.%I', nspname, relname || to_char(day::timestamp, '"_p"YYYYMMDD')) AS name,
        CASE WHEN is_by_date THEN '' ELSE ' 00:00:00+00' END AS suffix
      FROM parents CROSS JOIN unnest($1::date[]) AS day
    )
    SELECT name,
      CASE WHEN to_regclass(name) IS NULL
        THEN format('CREATE TABLE %s (LIKE %I.%I INCLUDING ALL); ', name, nspname, relname) ELSE '' END
      || format('ALTER TABLE %I.%I ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', nspname, relname, name,
        to_char(day::timestamp, 'YYYY-MM-DD') || suffix, to_char((day + 1)::timestamp, 'YYYY-MM-DD') || suffix)
      AS creation
    FROM wanted
    WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = to_regclass(name))
    ORDER BY day, name
    """)

  /// Parameters: the first day of metrics that is kept; the first day of both ledgers; tables with a retention of their
  /// own; and the first day of each of them. Names are compared as texts: a table whose name has another form does not
  /// belong to this program.
  static let expired = Statement<Day, Day, [String], [Day], Expired>(
    "partitions_expired",
    """
    SELECT format('%I.%I', n.nspname, c.relname) AS name,
      CASE WHEN i.inhrelid IS NULL THEN NULL
        ELSE format('ALTER TABLE %I.%I DETACH PARTITION %I.%I %s', pn.nspname, pc.relname, n.nspname, c.relname,
          CASE WHEN i.inhdetachpending THEN 'FINALIZE' ELSE 'CONCURRENTLY' END)
      END AS detachment,
      format('DROP TABLE %I.%I', n.nspname, c.relname) AS removal
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_class pc ON pc.oid = i.inhparent
    LEFT JOIN pg_namespace pn ON pn.oid = pc.relnamespace
    LEFT JOIN unnest($3::text[], $4::date[]) AS own (name, first) ON c.relname = own.name || '_p' || right(c.relname, 8)
    WHERE c.relkind = 'r' AND c.relname ~ '_p[0-9]{8}$'
      AND (n.nspname = 'metrics' AND right(c.relname, 8) < to_char(coalesce(own.first, $1)::timestamp, 'YYYYMMDD')
        OR n.nspname = 'pganalytics' AND c.relname ~ '^(push|ingest)_ledger_p'
          AND right(c.relname, 8) < to_char($2::date::timestamp, 'YYYYMMDD'))
    ORDER BY right(c.relname, 8), 1
    """)

  /// Parameters: milliseconds.
  static let limitLockWaitOfSession = Statement<String, SingleValue<String>>(
    "session_lock_timeout", "SELECT set_config('lock_timeout', $1, false)")
  static let tryLock = Statement<Int64, SingleValue<Bool>>("try_lock", "SELECT pg_try_advisory_lock($1)")
  static let unlock = Statement<Int64, SingleValue<Bool>>("unlock", "SELECT pg_advisory_unlock($1)")

  static let all = [
    today.description, missing.description, expired.description, limitLockWaitOfSession.description,
    tryLock.description,
    unlock.description,
  ]
}

struct Partitions: Sendable {
  private let database: Database
  private let storage: Live<StorageSettings>
  var settings: StorageSettings { storage.now }

  init(database: Database, storage: Live<StorageSettings>) {
    self.database = database
    self.storage = storage
  }

  /// The days for which rows may arrive. Metrics of other days are rejected before.
  func window(around today: Day) -> ClosedRange<Day> {
    today.advanced(by: -settings.retentionDays)...today.advanced(by: settings.partitionDaysAhead)
  }

  /// The result of making missing partitions.
  struct Making: Sendable {
    /// The names of the partitions that were made.
    var made: [String] = []
    /// Partitions that PostgreSQL refused to make. Only rows of their own tables need them.
    var refused: [(name: String, error: DatabaseError)] = []
  }

  /// Makes the missing partitions of `days`. Idempotent; several servers may call it at once. With hypertables only the
  /// ledger has partitions.
  /// - Returns: the names of the partitions that were made.
  /// - Throws: also the first refusal, after all other partitions are made.
  @discardableResult
  func ensure(days: [Day]) async throws(DatabaseError) -> [String] {
    let making = try await make(days: days)
    if let refused = making.refused.first { throw refused.error }
    return making.made
  }

  /// Makes the missing partitions of `days` like `ensure`, but returns the refused ones instead of throwing, for the
  /// caller to report.
  func make(days: [Day]) async throws(DatabaseError) -> Making {
    var all = Making()
    for day in Set(days).sorted() {
      let making = try await create(
        { database throws(DatabaseError) in try await database.rows(PartitionStatements.missing, [day]) },
        locked: { session throws(DatabaseError) in try await session.rows(PartitionStatements.missing, [day]) })
      all.made += making.made
      all.refused += making.refused
    }
    return all
  }

  /// Makes what is missing. - Parameters: how to find it, without and with the lock.
  @discardableResult
  func create(
    _ look: (Database) async throws(DatabaseError) -> [PartitionStatements.Missing],
    locked lookAgain: (DatabaseLease) async throws(DatabaseError) -> [PartitionStatements.Missing]
  ) async throws(DatabaseError) -> Making {
    // Usually nothing is missing, and then no lock is needed.
    if try await look(database).isEmpty { return Making() }
    for _ in 1..<settings.ddlAttempts {
      do throws(DatabaseError) {
        return try await createLocked(lookAgain)
      } catch {
        guard error.isRetryable else { throw error }
      }
    }
    return try await createLocked(lookAgain)
  }

  private func createLocked(
    _ look: (DatabaseLease) async throws(DatabaseError) -> [PartitionStatements.Missing]
  ) async throws(DatabaseError) -> Making {
    try await database.transaction { session throws(DatabaseError) in
      try await session.limitLockWait(settings.ddlLockTimeout)
      try await session.execute(SchemaStatements.lock, SchemaStatements.partitionLock)
      var making = Making()
      for partition in try await look(session) {
        try await session.script("SAVEPOINT partition")
        do throws(DatabaseError) {
          try await session.script(partition.creation)
          making.made.append(partition.name)
        } catch {
          guard error.batchFault == .lasting else { throw error }
          try await session.script("ROLLBACK TO SAVEPOINT partition")
          making.refused.append((partition.name, error))
        }
      }
      return making
    }
  }

  /// Drops the partitions that are older than the retention. A partition in use remains until the next call.
  /// - Parameter report: called with each partition that remains.
  /// - Returns: the names of the dropped partitions.
  func dropExpired(
    today: Day, _ report: (String, DatabaseError) -> Void
  ) async throws(DatabaseError) -> [String] {
    let settings = settings
    let tables = Array(settings.tableRetentionDays)
    return try await drop(report) { session throws(DatabaseError) in
      try await session.rows(
        PartitionStatements.expired, today.advanced(by: -settings.retentionDays),
        today.advanced(by: -settings.ledgerRetentionDays), tables.map(\.key),
        tables.map { today.advanced(by: -$0.value) })
    }
  }

  /// Drops the partitions that `look` returns.
  func drop(
    _ report: (String, DatabaseError) -> Void,
    _ look: (DatabaseLease) async throws(DatabaseError) -> [PartitionStatements.Expired]
  ) async throws(DatabaseError) -> [String] {
    try await database.lease { session throws(DatabaseError) in
      try await session.execute(
        PartitionStatements.limitLockWaitOfSession, settings.ddlLockTimeout.settingText)
      var dropped: [String] = []
      for partition in try await look(session) {
        do throws(DatabaseError) {
          if let detachment = partition.detachment { try await session.script(detachment) }
          try await session.script(partition.removal)
          dropped.append(partition.name)
        } catch {
          if error.isConnectionLoss { throw error }
          report(partition.name, error)
        }
      }
      try await session.execute(PartitionStatements.limitLockWaitOfSession, Duration.zero.settingText)
      return dropped
    }
  }
}
