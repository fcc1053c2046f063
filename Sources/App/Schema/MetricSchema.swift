// Brings the schemas `metrics` and `named` in line with the declarations. It makes what is missing and never drops
// anything: an operator may still need the rows of a column that the program no longer knows.

internal import Protocol

enum SchemaStatements {
  /// Keys of the advisory locks, by what they guard. They have to differ from those of other programs in the database.
  static let schemaLock: Int64 = 0x7067_616e_0001
  static let partitionLock: Int64 = 0x7067_616e_0002
  static let maintenanceLock: Int64 = 0x7067_616e_0003
  static let rollupLock: Int64 = 0x7067_616e_0008
  static let removalLock: Int64 = 0x7067_616e_000c
  static let findingLock: Int64 = 0x7067_616e_0010

  struct TableColumn: SQLRow {
    let schema: String
    let table: String
    let column: String
    let type: SQLType

    init(from row: inout RowReader) throws(DatabaseError) {
      schema = try row.read("schema_name")
      table = try row.read("table_name")
      column = try row.read("column_name")
      type = SQLType(oid: UInt32(truncatingIfNeeded: try row.read("type", Int64.self)))
    }
  }

  struct View: SQLRow {
    let name: String
    let comment: String?

    init(from row: inout RowReader) throws(DatabaseError) {
      name = try row.read("name")
      comment = try row.read("comment")
    }
  }

  struct Timescale: SQLRow {
    let isCreated: Bool
    /// Whether the extension is installed on the host and PostgreSQL has loaded its library at the start. CREATE
    /// EXTENSION needs both.
    let isAvailable: Bool

    init(from row: inout RowReader) throws(DatabaseError) {
      isCreated = try row.read("is_created")
      isAvailable = try row.read("is_available")
    }
  }

  static let lock = Statement<Int64, SingleValue<String>>(
    "schema_lock", "SELECT pg_advisory_xact_lock($1)::text")

  /// Limits how long later statements of the transaction wait for a lock. Parameters: milliseconds.
  static let limitLockWait = Statement<String, SingleValue<String>>(
    "transaction_lock_timeout", "SELECT set_config('lock_timeout', $1, true)")

  /// Limits the statements of a transaction. Parameters: milliseconds; parallel workers of a query.
  static let limitWork = Statement<String, String, SingleValue<String>>(
    "transaction_limits",
    "SELECT set_config('statement_timeout', $1, true) || set_config('max_parallel_workers_per_gather', $2, true)")

  static let tableColumns = Statement<TableColumn>(
    "metric_columns",
    """
    SELECT n.nspname::text AS schema_name, c.relname::text AS table_name, a.attname::text AS column_name, a.atttypid::int8 AS type
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname IN ('metrics', 'rollups') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    """)

  static let views = Statement<View>(
    "named_views",
    """
    SELECT c.relname::text AS name, obj_description(c.oid, 'pg_class') AS comment
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'named' AND c.relkind = 'v'
    """)

  static let storage = Statement<SingleValue<String>>("storage_kind", "SELECT kind FROM pganalytics.storage")
  static let decideStorage = Statement<String, NoRow>(
    "storage_decide", "INSERT INTO pganalytics.storage (kind) VALUES ($1)")

  /// The preloaded library defines the setting. Reading shared_preload_libraries itself needs a privilege.
  static let timescale = Statement<Timescale>(
    "timescale_state",
    """
    SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS is_created,
      EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
      AND current_setting('timescaledb.max_background_workers', true) IS NOT NULL AS is_available
    """)

  static let all = [
    lock.description, limitLockWait.description, tableColumns.description, views.description, storage.description,
    decideStorage.description, timescale.description, limitWork.description,
  ]
}

extension DatabaseLease {
  /// Makes later statements of this transaction fail with 55P03 if they do not get a lock within `limit`.
  func limitLockWait(_ limit: Duration) async throws(DatabaseError) {
    try await execute(SchemaStatements.limitLockWait, limit.settingText)
  }
}

extension Duration {
  /// The duration in milliseconds, as PostgreSQL's settings take it.
  var settingText: String { String(Int64(self / .milliseconds(1))) }
}

/// Statements that need the extension TimescaleDB.
enum TimescaleStatements {
  struct Policy: SQLRow {
    /// With its schema.
    let table: String
    let procedure: String
    let days: Int32

    init(from row: inout RowReader) throws(DatabaseError) {
      table = try row.read("table_name")
      procedure = try row.read("procedure")
      days = try row.read("days")
    }
  }

  /// Parameters: the procedures of the policies.
  static let policies = Statement<[String], Policy>(
    "timescale_policies",
    """
    SELECT (hypertable_schema || '.' || hypertable_name)::text AS table_name, proc_name::text AS procedure,
      (extract(epoch FROM coalesce(config ->> 'compress_after', config ->> 'drop_after')::interval) / 86400)::int4 AS days
    FROM timescaledb_information.jobs
    WHERE proc_name = ANY ($1::text[]) AND hypertable_schema IN ('metrics', 'rollups')
    """)

  static let all = [policies.description, compression.description, failedJobs.description, workers.description]
}

/// Creates and extends the tables and views of metrics.
struct MetricSchema: Sendable {
  private let database: Database
  private let settings: StorageSettings
  private let tables: [StoredTable]
  private let rollups: [RollupTable]

  /// - Parameter tables: tests pass their own; the program has one list.
  init(
    database: Database, storage: StorageSettings, tables: [StoredTable] = StoredTable.all,
    rollups: [RollupTable] = RollupTable.all
  ) {
    self.database = database
    settings = storage
    self.tables = tables
    self.rollups = rollups
  }

  /// How many tables and views there are.
  var steps: Int { all.count + tables.count }

  /// Makes the tables, columns, partitions and views that are missing.
  /// - Parameter report: called before each table and view, with the number of those that are done, and the name.
  /// - Returns: the kind of storage, and the names of the objects that the call made.
  func reconcile(
    report: (_ done: Int, _ name: String) -> Void = { _, _ in }
  ) async throws(MigrationError) -> (StorageKind, [String]) {
    let kind = try await decideKind()
    var changes: [String] = []
    for (index, table) in all.enumerated() {
      report(index, "table \(table.schema).\(table.name)")
      changes += try await retryingLocks { () async throws(MigrationError) in try await reconcile(table, kind) }
    }
    for (index, view) in tables.map(NamedView.init).enumerated() {
      report(all.count + index, "view named.\(view.name)")
      changes += try await retryingLocks { () async throws(MigrationError) in try await reconcile(view) }
    }
    switch kind {
    case .plain: break
    case .timescale:
      let policies = HypertablePolicies(database: database, tables: all)
      try await retryingLocks { () async throws(MigrationError) in
        do throws(DatabaseError) { try await policies.follow(settings) } catch { throw .database(error) }
      }
    }
    return (kind, changes)
  }

  private var all: [any ReconciledTable] { tables + rollups }

  private func decideKind() async throws(MigrationError) -> StorageKind {
    try await database.transaction { session throws(MigrationError) in
      try await session.lockSchema()
      let recorded: StorageKind?
      let timescale: SchemaStatements.Timescale?
      do throws(DatabaseError) {
        recorded = try await session.one(SchemaStatements.storage).flatMap { StorageKind(rawValue: $0.value) }
        timescale = try await session.one(SchemaStatements.timescale)
      } catch {
        throw .database(error)
      }
      let canBe = timescale.map { $0.isCreated || $0.isAvailable } ?? false
      let kind = recorded ?? settings.kind ?? (canBe ? .timescale : .plain)
      if kind == .timescale {
        guard canBe else { throw .timescaleMissing }
        if timescale?.isCreated == false { try await createExtension(session) }
      }
      if recorded == nil {
        do throws(DatabaseError) {
          try await session.execute(SchemaStatements.decideStorage, kind.rawValue)
        } catch {
          throw .database(error)
        }
      }
      return kind
    }
  }

  private func createExtension(_ session: DatabaseLease) async throws(MigrationError) {
    do throws(DatabaseError) {
      try await session.script("CREATE EXTENSION timescaledb")
    } catch {
      throw error.sqlstate == SQLState.insufficientPrivilege ? .timescaleForbidden : .database(error)
    }
  }

  private func reconcile(_ table: any ReconciledTable, _ kind: StorageKind) async throws(MigrationError) -> [String] {
    try await database.transaction { session throws(MigrationError) in
      try await begin(session)
      let found: [SchemaStatements.TableColumn]
      do throws(DatabaseError) {
        found = try await session.rows(SchemaStatements.tableColumns).filter {
          $0.schema == table.schema && $0.table == table.name
        }
      } catch {
        throw .database(error)
      }
      if found.isEmpty {
        try await session.run(table.creation(kind, settings))
        return ["\(table.schema).\(table.name)"]
      }
      let types = Dictionary(uniqueKeysWithValues: found.map { ($0.column, $0.type) })
      for column in table.columns {
        if let type = types[column.name], type != column.type {
          throw .columnType(
            table: table.name, column: column.name, found: "\(type)", declared: "\(column.type)")
        }
      }
      let missing = table.columns.filter { types[$0.name] == nil }
      if missing.isEmpty { return [] }
      try await session.run(table.addition(of: missing, settings))
      return missing.map { "\(table.schema).\(table.name).\($0.name)" }
    }
  }

  private func reconcile(_ view: NamedView) async throws(MigrationError) -> [String] {
    try await database.transaction { session throws(MigrationError) in
      try await begin(session)
      let found: SchemaStatements.View?
      do throws(DatabaseError) {
        found = try await session.rows(SchemaStatements.views).first { $0.name == view.name }
      } catch {
        throw .database(error)
      }
      if found?.comment == view.comment { return [] }
      do throws(DatabaseError) {
        try await session.script("SAVEPOINT view")
        try await session.script(view.creation)
      } catch {
        guard error.sqlstate == SQLState.invalidTableDefinition else { throw .database(error) }
        try await session.run("ROLLBACK TO SAVEPOINT view")
        try await session.run(view.recreation)
      }
      return ["named.\(view.name)"]
    }
  }

  private func begin(_ session: DatabaseLease) async throws(MigrationError) {
    try await session.lockSchema()
    do throws(DatabaseError) { try await session.limitLockWait(settings.ddlLockTimeout) } catch {
      throw .database(error)
    }
  }

  /// Runs a transaction again if it did not get a lock. A COPY holds its table's lock for some 100 ms, and other
  /// statements queue behind waiting DDL.
  private func retryingLocks<Value>(
    _ body: () async throws(MigrationError) -> Value
  ) async throws(MigrationError) -> Value {
    for _ in 1..<settings.ddlAttempts {
      do throws(MigrationError) {
        return try await body()
      } catch {
        guard case .database(let cause) = error, cause.isRetryable, !cause.isConnectionLoss else { throw error }
      }
    }
    return try await body()
  }
}
