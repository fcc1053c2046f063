import Ground
import Testing

@testable import App
@testable import Protocol

/// A migrated database for one test alone.
struct MigratedDatabase: Sendable {
  let settings: DatabaseSettings
  let database: Database
  let kind: StorageKind
  let storage: StorageSettings

  init(_ kind: StorageKind = .plain, _ change: (inout StorageSettings) -> Void = { _ in }) async throws {
    settings = try await TestCluster.shared.get().makeDatabase()
    database = try Database.start(settings)
    self.kind = kind
    var storage = Settings().storage
    storage.kind = kind
    change(&storage)
    self.storage = storage
    _ = try await Migrator(database: database, storage: storage).migrate()
  }

  var maintenance: Maintenance {
    Maintenance(database: database, kind: kind, storage: Live(constant: storage))
  }

  func count(_ from: String) async throws -> Int64 {
    let statement = Statement<SingleValue<Int64>>("count " + from, "SELECT count(*) FROM \(from)")
    return try #require(try await database.one(statement)).value
  }

  func text(_ sql: String) async throws -> String? {
    try await database.one(Statement<SingleValue<String?>>(sql, sql))?.value
  }
}

@Suite struct MigratorTests {
  @Test func `pending files are reported and applied, and a second run has nothing to do`() async throws {
    let settings = try await TestCluster.shared.get().makeDatabase()
    let database = try Database.start(settings)
    defer { database.shutDown() }
    var storage = Settings().storage
    storage.kind = .plain
    let migrator = Migrator(database: database, storage: storage)
    #expect(try await migrator.status().allSatisfy { $0.appliedAt == nil })
    let first = try await migrator.migrate()
    #expect(first.applied == MigrationFile.all.map(\.version))
    #expect(first.metricChanges.count == StoredTable.all.count * 2 + RollupTable.all.count, "a table and a view each")
    #expect(first.storage == .plain)
    #expect(try await migrator.status().allSatisfy { $0.appliedAt != nil })
    #expect(try await migrator.migrate() == MigrationReport(storage: .plain))
  }

  @Test func `four servers migrate one database at once`() async throws {
    let settings = try await TestCluster.shared.get().makeDatabase()
    var storage = Settings().storage
    storage.kind = .plain
    let reports = try await withThrowingTaskGroup(of: MigrationReport.self) { [storage] group in
      for _ in 0..<4 {
        group.addTask {
          let database = try Database.start(settings)
          defer { database.shutDown() }
          return try await Migrator(database: database, storage: storage).migrate()
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(reports.flatMap(\.applied).sorted() == MigrationFile.all.map(\.version), "each file once")
    let changes = reports.flatMap(\.metricChanges)
    #expect(Set(changes).count == changes.count, "each table once")
  }

  @Test func `edited history and a newer database are refused`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    var edited = MigrationFile.all
    edited[0] = MigrationFile(1, "accounts", Array("SELECT 2;".utf8))
    await #expect(throws: MigrationError.edited(version: 1, name: "accounts")) {
      try await Migrator(database: migrated.database, storage: migrated.storage, files: edited).migrate()
    }
    let older = Array(MigrationFile.all.dropLast())
    let newest = try #require(MigrationFile.all.last)
    let refusal = MigrationError.databaseIsNewer(
      version: newest.version, name: newest.name, newestKnown: try #require(older.last).version)
    await #expect(throws: refusal) {
      try await Migrator(database: migrated.database, storage: migrated.storage, files: older).status()
    }
  }

  @Test func `a file that fails leaves nothing behind`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let next = Int32(MigrationFile.all.count) + 100
    let bad = MigrationFile.all + [MigrationFile(next, "bad", Array("CREATE TABLE half (); SELECT 1/0;".utf8))]
    do {
      _ = try await Migrator(database: migrated.database, storage: migrated.storage, files: bad).migrate()
      Issue.record("the migration succeeded")
    } catch MigrationError.failed(let version, _, let error) {
      #expect(version == next && error.sqlstate == "22012")
    }
    #expect(try await migrated.text("SELECT to_regclass('half')::text") == nil)
    #expect(try await migrated.count("pganalytics.schema_migrations") == Int64(MigrationFile.all.count))
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a new column is added to table and view, and a changed type is refused`(_ kind: StorageKind) async throws {
    let migrated = try await MigratedDatabase(kind)
    defer { migrated.database.shutDown() }
    func table(_ columns: [MetricColumn]) -> [StoredTable] {
      let table = MetricTable(
        "sysstat_disk_io", "x", database: false, object: ["device"], equals: .toldApartByPlace, columns: columns)
      let catalog = CompiledCatalog(types: [MetricType("x", "x", [.rows("rows", table)])])
      return [StoredTable.tables(of: catalog, declared: [table])[0]]
    }
    let known = try #require(MetricCatalog.tables.first { $0.name == "sysstat_disk_io" }).columns
    let wider = MetricSchema(
      database: migrated.database, storage: migrated.storage,
      tables: table(known + [.text("model"), .interned("note")]))
    let (found, changes) = try await wider.reconcile()
    #expect(found == kind)
    #expect(
      changes == ["metrics.sysstat_disk_io.model", "metrics.sysstat_disk_io.note_id", "named.sysstat_disk_io"])
    #expect(try await wider.reconcile().1 == [])
    // A view with a moved column cannot be replaced in place, so the view is made anew.
    let moved = MetricSchema(
      database: migrated.database, storage: migrated.storage, tables: table([.text("model")] + known))
    #expect(try await moved.reconcile().1 == ["named.sysstat_disk_io"])
    let changed = MetricSchema(
      database: migrated.database, storage: migrated.storage, tables: table([.flag("read_ops")]))
    await #expect(
      throws: MigrationError.columnType(table: "sysstat_disk_io", column: "read_ops", found: "int8", declared: "bool")
    ) { try await changed.reconcile() }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a view shows a row of every table by names`(_ kind: StorageKind) async throws {
    let migrated = try await MigratedDatabase(kind)
    defer { migrated.database.shutDown() }
    let database = migrated.database
    _ = try await migrated.maintenance.round { _ in }
    try await database.script(
      """
      INSERT INTO pganalytics.servers (name, hostname) VALUES ('one', 'host-one');
      INSERT INTO pganalytics.texts VALUES (1, 1, 'appdb'), (1, 3, 'a long text');
      INSERT INTO pganalytics.objects VALUES (1, 2, 'any', 'k1.k2.k3', '{k1,k2,k3}');
      """)
    for table in StoredTable.all {
      let columns = table.columns.map { quotedIdentifier($0.name) }.joined(separator: ", ")
      let interned = Set((table.declaration?.columns ?? []).filter { $0.kind == .interned }.map(\.storedName))
      let values = table.columns.map { column in
        switch column.name {
        case "time": "now()"
        case "server_id", "database_id": "1"
        case "object_id": "2"
        case "metric_type": "'x'"
        case "payload": "'{}'"
        default: interned.contains(column.name) ? "3" : "NULL"
        }
      }
      try await database.script(
        "INSERT INTO \(table.qualifiedName) (\(columns)) VALUES (\(values.joined(separator: ", ")))")
      let view = NamedView(table)
      let json = try #require(try await migrated.text("SELECT to_jsonb(v)::text FROM \(view.qualifiedName) v"))
      #expect(json.contains(#": "host-one""#), "\(table.name)")
      if table.columns.contains(where: { $0.name == "database_id" }) {
        #expect(json.contains(#""database": "appdb""#), "\(table.name)")
      }
      for (index, _) in (table.declaration?.object ?? []).enumerated() {
        #expect(json.contains(#": "k\#(index + 1)""#), "\(table.name)")
      }
      if !interned.isEmpty { #expect(json.contains(#": "a long text""#), "\(table.name)") }
    }
  }
}
