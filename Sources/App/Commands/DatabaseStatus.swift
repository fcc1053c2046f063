// An overview of the database for operators: `pganalytics db status`.

import Protocol

struct DatabaseStatus: Sendable {
  struct Overview: SQLRow {
    let version: String
    let bytes: Int64
    /// The version of the extension TimescaleDB; nil if the database does not have it.
    let timescale: String?

    init(from row: inout RowReader) throws(DatabaseError) {
      version = try row.read("version")
      bytes = try row.read("bytes")
      timescale = try row.read("timescale")
    }
  }

  /// A table with all its partitions or chunks.
  struct Table: SQLRow {
    let name: String
    let partitions: Int64
    /// The number of these whose rows are compressed.
    let compressed: Int64
    let bytes: Int64
    /// PostgreSQL's own estimate of the number of rows.
    let rows: Int64
    let oldest: Timestamp?
    /// The end of the newest partition or chunk.
    let newest: Timestamp?

    init(from row: inout RowReader) throws(DatabaseError) {
      name = try row.read("name")
      partitions = try row.read("partitions")
      compressed = try row.read("compressed")
      bytes = try row.read("bytes")
      rows = try row.read("estimated_rows")
      oldest = try row.read("oldest")
      newest = try row.read("newest")
    }
  }

  struct Fleet: SQLRow {
    let enrolled: Int64
    let revoked: Int64
    /// The number of collectors that pushed in the last five minutes.
    let seen: Int64
    let deadLetters: Int64

    init(from row: inout RowReader) throws(DatabaseError) {
      enrolled = try row.read("enrolled")
      revoked = try row.read("revoked")
      seen = try row.read("seen")
      deadLetters = try row.read("dead_letters")
    }
  }

  let overview: Overview
  let migrations: [MigrationStatus]
  let storage: StorageKind
  let tables: [Table]
  let fleet: Fleet
  let rollups: [RollupState]
  let rollupFailures: [RollupFailure]
  /// The state of TimescaleDB's jobs; nil on plain PostgreSQL.
  let jobs: (failed: [FailedJob], workers: WorkerProcesses?)?
  private let readAt: Timestamp

  /// How many failures of each kind are listed.
  private static let listedFailures = 10

  /// Reads the status. - Throws: also for a database that was never migrated.
  init(_ database: Database, storage settings: StorageSettings) async throws {
    guard let overview = try await database.one(DatabaseStatusStatements.overview) else {
      throw DatabaseError(.unexpectedResult, "no row")
    }
    self.overview = overview
    migrations = try await Migrator(database: database, storage: settings).status()
    guard migrations.first?.appliedAt != nil else {
      throw Storage.Unusable(description: "The database has no schema yet: run `pganalytics migrate`.")
    }
    let recorded = try await database.one(SchemaStatements.storage).flatMap { StorageKind(rawValue: $0.value) }
    storage = recorded ?? .plain
    let partitioned = try await database.rows(DatabaseStatusStatements.partitioned)
    switch storage {
    case .plain: tables = partitioned
    case .timescale: tables = try await database.rows(DatabaseStatusStatements.hypertables) + partitioned
    }
    guard let fleet = try await database.one(DatabaseStatusStatements.fleet) else {
      throw DatabaseError(.unexpectedResult, "no row")
    }
    self.fleet = fleet
    rollups = try await database.rows(RollupStateStatements.state, settings.rollupDelay / .seconds(1))
    rollupFailures = try await database.rows(RollupStateStatements.failures, Int64(Self.listedFailures))
    switch storage {
    case .plain: jobs = nil
    case .timescale:
      jobs = (
        try await database.rows(TimescaleStatements.failedJobs), try await database.one(TimescaleStatements.workers)
      )
    }
    readAt = try await database.one(RollupStatements.now)?.value ?? Timestamp(unixSeconds: 0)
  }

  /// The status as text for a terminal.
  func text() -> String {
    let kind =
      switch storage {
      case .plain: "daily partitions"
      case .timescale: "hypertables (TimescaleDB \(overview.timescale ?? "?"))"
      }
    let pending = migrations.filter { $0.appliedAt == nil }
    let schema = pending.isEmpty ? "up to date" : "BEHIND by \(pending.count): run `pganalytics migrate`"
    var lines = [
      "PostgreSQL   \(overview.version)",
      "size         \(Self.size(overview.bytes))",
      "schema       version \(migrations.last { $0.appliedAt != nil }?.version ?? 0) of \(migrations.count), \(schema)",
      "storage      \(kind)",
      "collectors   \(fleet.enrolled) enrolled, \(fleet.seen) seen in the last 5 min, \(fleet.revoked) revoked",
      "dead letters \(fleet.deadLetters)",
    ]
    lines += backgroundWork()
    lines += [
      "",
      Self.columns("table", "parts", "compressed", "size", "rows (estimate)", "from", "until"),
    ]
    for table in tables {
      lines.append(
        Self.columns(
          table.name, String(table.partitions), String(table.compressed), Self.size(table.bytes), String(table.rows),
          table.oldest.map(Self.day) ?? "-", table.newest.map(Self.day) ?? "-"))
    }
    return lines.joined(separator: "\n")
  }

  /// The lines about roll-ups and TimescaleDB's jobs.
  private func backgroundWork() -> [String] {
    let now = readAt.unixMicroseconds / 1_000_000
    let states = rollups.map { state in
      let failed = state.failed > 0 ? ", \(state.failed) of them FAILED" : ""
      let age = StorageSnapshot.age([state.oldest], now)
      let since = age > 0 ? ", the oldest for \(SettingValue.print(time: .seconds(age)))" : ""
      return "\(state.step?.rawValue ?? "?"): \(state.pending) steps pending\(failed)\(since)"
    }
    var lines = ["roll-ups     \(states.joined(separator: "; "))"]
    for failure in rollupFailures {
      lines.append(
        """
                     \(failure.table): \(failure.units) steps of \(failure.servers) servers, from \(failure.start.rfc3339): \
        \(failure.message); next try \(failure.nextTry.rfc3339)
        """)
    }
    guard let jobs else { return lines }
    lines.append("jobs         \(jobs.failed.isEmpty ? "none failed" : "\(jobs.failed.count) FAILED")")
    for job in jobs.failed.prefix(Self.listedFailures) {
      let last = job.lastSuccess.map { "last done \($0.rfc3339)" } ?? "never done"
      lines.append(
        "             \(job.procedure) of \(job.table): \(job.failures) failures, \(last): \(job.message ?? "see the server's log")"
      )
    }
    if jobs.failed.count > Self.listedFailures {
      lines.append("             and \(jobs.failed.count - Self.listedFailures) more")
    }
    if let advice = jobs.workers?.advice { lines.append("processes    \(advice)") }
    return lines
  }

  private static func columns(_ texts: String...) -> String {
    let widths = [38, 6, 11, 10, 16, 11, 10]
    return zip(texts, widths).enumerated().map { index, pair in
      let padding = String(repeating: " ", count: max(0, pair.1 - pair.0.count))
      return index == 0 ? pair.0 + padding : padding + pair.0
    }.joined(separator: " ")
  }

  private static func day(_ time: Timestamp) -> String { String(time.rfc3339.prefix(10)) }

  private static func size(_ bytes: Int64) -> String {
    var (value, unit) = (Double(bytes), "B")
    for next in ["kB", "MB", "GB", "TB"] where value >= 1024 { (value, unit) = (value / 1024, next) }
    let tenths = Int64((value * 10).rounded())
    return unit == "B" ? "\(bytes) B" : "\(tenths / 10).\(tenths % 10) \(unit)"
  }
}

enum DatabaseStatusStatements {
  static let all = [overview.description, partitioned.description, fleet.description]
  /// Only a database with TimescaleDB answers these.
  static let timescale = [hypertables.description]

  static let overview = Statement<DatabaseStatus.Overview>(
    "status_overview",
    """
    SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
      (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescale
    """)

  /// Tables with a partition for each day, by their names, and the tables of the ledger without partitions.
  static let partitioned = Statement<DatabaseStatus.Table>(
    "status_partitioned",
    """
    SELECT n.nspname || '.' || c.relname AS name, count(p.oid) AS partitions, 0::int8 AS compressed,
      coalesce(sum(pg_total_relation_size(p.oid)), 0)::int8 AS bytes,
      coalesce(sum(greatest(p.reltuples, 0)), 0)::int8 AS estimated_rows,
      min(to_timestamp(right(p.relname, 8), 'YYYYMMDD')) AS oldest,
      max(to_timestamp(right(p.relname, 8), 'YYYYMMDD')) + interval '1 day' AS newest
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_inherits i ON i.inhparent = c.oid LEFT JOIN pg_class p ON p.oid = i.inhrelid
    WHERE c.relkind = 'p' AND n.nspname IN ('metrics', 'rollups', 'pganalytics')
    GROUP BY 1
    UNION ALL
    SELECT n.nspname || '.' || c.relname, 0, 0, pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::int8, NULL, NULL
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pganalytics' AND c.relname IN ('push_ledger_undated', 'push_keys')
    ORDER BY 4 DESC, 1
    """)

  static let fleet = Statement<DatabaseStatus.Fleet>(
    "status_fleet",
    """
    SELECT count(*) AS enrolled, count(*) FILTER (WHERE revoked_at IS NOT NULL) AS revoked,
      count(*) FILTER (WHERE last_seen_at > now() - interval '5 min') AS seen,
      (SELECT count(*) FROM pganalytics.dead_letters) AS dead_letters
    FROM pganalytics.collectors
    """)

  /// Hypertables with their chunks.
  static let hypertables = Statement<DatabaseStatus.Table>(
    "timescale_hypertables",
    """
    SELECT h.hypertable_schema || '.' || h.hypertable_name AS name, count(c.chunk_name) AS partitions,
      count(*) FILTER (WHERE c.is_compressed) AS compressed,
      coalesce(hypertable_size(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass), 0) AS bytes,
      coalesce(approximate_row_count(format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass), 0)
        AS estimated_rows,
      min(c.range_start) AS oldest, max(c.range_end) AS newest
    FROM timescaledb_information.hypertables h
    LEFT JOIN timescaledb_information.chunks c
      ON c.hypertable_schema = h.hypertable_schema AND c.hypertable_name = h.hypertable_name
    WHERE h.hypertable_schema IN ('metrics', 'rollups')
    GROUP BY h.hypertable_schema, h.hypertable_name ORDER BY 4 DESC, 1
    """)
}
