// Migrates the schema to the version that this program needs: first by the numbered files, then the metric tables by
// their declarations. Each step is a transaction under one advisory lock, so that several servers may start at once.

enum MigrationError: DatabaseFailure, Hashable {
  case database(DatabaseError)
  /// A file that was applied has other content now.
  case edited(version: Int32, name: String)
  /// The database has a migration that this program does not know, so a newer program has migrated it.
  case databaseIsNewer(version: Int32, name: String, newestKnown: Int32)
  /// A file failed; none of its changes remain.
  case failed(version: Int32, name: String, DatabaseError)
  /// A column has another type than its declaration.
  case columnType(table: String, column: String, found: String, declared: String)
  /// The extension is missing, although the settings demand TimescaleDB or the metric tables are hypertables.
  case timescaleMissing
  /// TimescaleDB is installed, but this role may not create the extension.
  case timescaleForbidden

  init(_ error: DatabaseError) { self = .database(error) }
}

extension MigrationError: CustomStringConvertible {
  var description: String {
    switch self {
    case .database(let error): "The database refuses to be migrated: \(error)."
    case .edited(let version, let name):
      "Migration \(version) (\(name)) was applied with another content than this program has: it was applied by "
        + "another build. Use that build, or restore an earlier backup of the database."
    case .databaseIsNewer(let version, let name, let newestKnown):
      "The database has migration \(version) (\(name)), and this program knows migrations up to \(newestKnown): "
        + "use the newer program that migrated it."
    case .failed(let version, let name, let error):
      "Migration \(version) (\(name)) failed and was rolled back: \(error)."
    case .columnType(let table, let column, let found, let declared):
      "Column \(column) of \(table) has the type \(found), and this program stores \(declared): a person or a newer "
        + "program altered the table."
    case .timescaleMissing:
      "The metric tables are TimescaleDB's, and the extension is not in this database: CREATE EXTENSION timescaledb."
    case .timescaleForbidden:
      "TimescaleDB is installed, and this role may not create the extension: have a superuser run CREATE EXTENSION "
        + "timescaledb in this database."
    }
  }
}

/// One numbered file and when it was applied.
struct MigrationStatus: Hashable, Sendable {
  let version: Int32
  let name: String
  /// Nil if it has not been applied yet.
  let appliedAt: Timestamp?
}

/// How far a migration is.
struct MigrationStep: Hashable, Sendable {
  /// How many steps are done. A step is a file, a table or a view; a step may find nothing to do.
  let done: Int
  let total: Int
  /// The name of the file, table or view that the migration works on now.
  let name: String
}

/// The result of a migration.
struct MigrationReport: Hashable, Sendable {
  /// Versions of the files that were applied now.
  var applied: [Int32] = []
  /// Names of the tables, columns and views of metrics that were made now.
  var metricChanges: [String] = []
  var storage: StorageKind
}

enum MigrationStatements {
  struct Recorded: SQLRow {
    let version: Int32
    let name: String
    let checksum: [UInt8]
    let appliedAt: Timestamp

    init(from row: inout RowReader) throws(DatabaseError) {
      version = try row.read("version")
      name = try row.read("name")
      checksum = try row.read("checksum")
      appliedAt = try row.read("applied_at")
    }
  }

  static let isPrepared = Statement<SingleValue<Bool>>(
    "migrations_prepared", "SELECT to_regclass('pganalytics.schema_migrations') IS NOT NULL")
  static let recorded = Statement<Recorded>(
    "migrations_recorded",
    "SELECT \(Recorded.list()) FROM pganalytics.schema_migrations ORDER BY version")
  static let record = Statement<Int32, String, [UInt8], NoRow>(
    "migration_record",
    "INSERT INTO pganalytics.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)")

  static let all = [isPrepared.description, recorded.description, record.description]
}

struct Migrator: Sendable {
  private let database: Database
  private let storage: StorageSettings
  private let files: [MigrationFile]

  /// - Parameter files: tests pass their own; the program has one list.
  init(database: Database, storage: StorageSettings, files: [MigrationFile] = MigrationFile.all) {
    self.database = database
    self.storage = storage
    self.files = files
  }

  /// Applies what is missing. If another server is migrating, waits for it.
  /// - Parameter report: called before each step.
  func migrate(report: (MigrationStep) -> Void = { _ in }) async throws(MigrationError) -> MigrationReport {
    let schema = MetricSchema(database: database, storage: storage)
    let total = files.count + schema.steps
    try await prepare()
    var applied: [Int32] = []
    for (index, file) in files.enumerated() {
      let name = "migration \(file.version) of \(files.count): \(file.name)"
      report(MigrationStep(done: index, total: total, name: name))
      if try await apply(file) { applied.append(file.version) }
    }
    let (kind, changes) = try await schema.reconcile { done, name in
      report(MigrationStep(done: files.count + done, total: total, name: name))
    }
    return MigrationReport(applied: applied, metricChanges: changes, storage: kind)
  }

  /// Which files are applied. Changes nothing, and throws in the same cases as `migrate`.
  func status() async throws(MigrationError) -> [MigrationStatus] {
    let recorded = try await database.lease { session throws(MigrationError) in try await check(session) }
    return files.map { file in
      MigrationStatus(version: file.version, name: file.name, appliedAt: recorded[file.version]?.appliedAt)
    }
  }

  /// Makes the table of migrations, which no file can make.
  private func prepare() async throws(MigrationError) {
    try await database.transaction { session throws(MigrationError) in
      try await session.lockSchema()
      try await session.run(
        """
        CREATE SCHEMA IF NOT EXISTS pganalytics;
        CREATE TABLE IF NOT EXISTS pganalytics.schema_migrations (
          version    int4 PRIMARY KEY,
          name       text NOT NULL,
          checksum   bytea NOT NULL,
          applied_at timestamptz NOT NULL DEFAULT now()
        );
        """)
    }
  }

  /// - Returns: false if the file was applied before, also by another server in the meantime.
  private func apply(_ file: MigrationFile) async throws(MigrationError) -> Bool {
    try await database.transaction { session throws(MigrationError) in
      try await session.lockSchema()
      if try await check(session)[file.version] != nil { return false }
      do throws(DatabaseError) {
        try await session.script(file.sql)
        try await session.execute(MigrationStatements.record, file.version, file.name, file.checksum)
      } catch {
        throw .failed(version: file.version, name: file.name, error)
      }
      return true
    }
  }

  /// The recorded migrations by version. Throws unless each of them is one of the program's files.
  private func check(
    _ session: DatabaseLease
  ) async throws(MigrationError) -> [Int32: MigrationStatements.Recorded] {
    var found: [Int32: MigrationStatements.Recorded] = [:]
    do throws(DatabaseError) {
      guard try await session.one(MigrationStatements.isPrepared)?.value == true else { return [:] }
      for row in try await session.rows(MigrationStatements.recorded) { found[row.version] = row }
    } catch {
      throw .database(error)
    }
    let known = Dictionary(uniqueKeysWithValues: files.map { ($0.version, $0) })
    for row in found.values.sorted(by: { $0.version > $1.version }) {
      guard let file = known[row.version] else {
        throw .databaseIsNewer(version: row.version, name: row.name, newestKnown: files.last?.version ?? 0)
      }
      if file.checksum != row.checksum { throw .edited(version: row.version, name: row.name) }
    }
    return found
  }
}

extension DatabaseLease {
  /// Waits for every other migration. The lock ends with the transaction. Migrations have no time limit.
  func lockSchema() async throws(MigrationError) {
    do throws(DatabaseError) {
      allow(nil)
      try await script("SET LOCAL statement_timeout = 0")
      try await execute(SchemaStatements.lock, SchemaStatements.schemaLock)
    } catch {
      throw .database(error)
    }
  }

  func run(_ sql: String) async throws(MigrationError) {
    do throws(DatabaseError) { try await script(sql) } catch { throw .database(error) }
  }
}
