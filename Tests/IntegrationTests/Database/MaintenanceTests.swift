import Ground
import Protocol
import Synchronization
import Testing

@testable import App

@Suite struct MaintenanceTests {
  private let today = Day(unixDays: 20_000)

  private func parents(_ kind: StorageKind) -> Int {
    switch kind {
    case .plain: StoredTable.all.count + 1
    case .timescale: 1
    }
  }

  private func policies(of migrated: MigratedDatabase) async throws -> [TimescaleStatements.Policy] {
    try await migrated.database.rows(TimescaleStatements.policies, HypertablePolicy.allCases.map(\.procedure))
  }

  @Test(arguments: TestCluster.storageKinds)
  func `partitions exist from yesterday to the days ahead, up to their retention`(_ kind: StorageKind) async throws {
    let migrated = try await MigratedDatabase(kind) { $0.retentionDays = 100 }
    defer { migrated.database.shutDown() }
    let maintenance = migrated.maintenance
    let days = 2 + Int(migrated.storage.partitionDaysAhead)
    let first = try await maintenance.round(today: today) { Issue.record("\($0)") }
    #expect(first.created.count == parents(kind) * days)
    #expect(first.created.contains("pganalytics.push_ledger_p20241003"))
    #expect(first.dropped == [])
    #expect(try await maintenance.round(today: today) { Issue.record("\($0)") } == Maintenance.Round())

    // The ledger's first partition is of the day before `today`. It stays at the limit, and goes a day later.
    let limit = migrated.storage.ledgerRetentionDays - 1
    let atLimit = try await maintenance.round(today: today.advanced(by: limit)) { Issue.record("\($0)") }
    #expect(atLimit.dropped == [])
    let pastLimit = try await maintenance.round(today: today.advanced(by: limit + 1)) { Issue.record("\($0)") }
    #expect(pastLimit.dropped == ["pganalytics.push_ledger_p20241003"])

    let metrics = migrated.storage.retentionDays
    let later = try await maintenance.round(today: today.advanced(by: metrics)) { Issue.record("\($0)") }
    #expect(later.dropped.filter { $0.hasPrefix("metrics.") }.count == (kind == .plain ? StoredTable.all.count : 0))
  }

  @Test func `rows of a type with a retention of its own are dropped at that age`() async throws {
    let migrated = try await MigratedDatabase { $0.tableRetentionDays = ["pg_log": 2, "disk_usage": 400] }
    defer { migrated.database.shutDown() }
    let maintenance = migrated.maintenance
    _ = try await maintenance.round(today: today) { Issue.record("\($0)") }
    let soon = try await maintenance.round(today: today.advanced(by: 2)) { Issue.record("\($0)") }
    #expect(soon.dropped == ["metrics.pg_log_p20241003"])
    let late = try await maintenance.round(today: today.advanced(by: migrated.storage.retentionDays)) {
      Issue.record("\($0)")
    }
    let metrics = late.dropped.filter { $0.hasPrefix("metrics.") && $0.hasSuffix("_p20241003") }
    #expect(metrics.count == StoredTable.all.count - 2)
    #expect(!metrics.contains("metrics.disk_usage_p20241003"))
  }

  @Test func `a day is made once when many servers demand it at once`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let other = try Database.start(migrated.settings)
    defer { other.shutDown() }
    let made = try await withThrowingTaskGroup(of: [String].self) { group in
      for database in [migrated.database, other, migrated.database, other] {
        group.addTask { [today] in
          try await Partitions(database: database, storage: Live(constant: migrated.storage)).ensure(days: [
            today, today,
          ])
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(made.count == parents(.plain))
    #expect(Set(made).count == made.count)
  }

  @Test func `a partition is attached during a write to its table, and a partition in use is not dropped`()
    async throws
  {
    let migrated = try await MigratedDatabase { $0.ddlLockTimeout = .milliseconds(50) }
    defer { migrated.database.shutDown() }
    let writer = try Database.start(migrated.settings)
    defer { writer.shutDown() }
    let partitions = Partitions(database: migrated.database, storage: Live(constant: migrated.storage))
    try await partitions.ensure(days: [today])
    let past = today.advanced(by: migrated.storage.retentionDays + 1)
    try await writer.lease { session throws(DatabaseError) in
      try await session.script("BEGIN; INSERT INTO metrics.sysstat (time, server_id) VALUES ('2024-10-04 12:00Z', 1)")
      #expect(try await partitions.ensure(days: [today.advanced(by: 1)]).count == parents(.plain))
      var kept: [String] = []
      let dropped = try await partitions.dropExpired(today: past) { name, error in
        #expect(error.sqlstate == SQLState.lockNotAvailable)
        kept.append(name)
      }
      #expect(kept == ["metrics.sysstat_p20241004"])
      #expect(dropped.count == parents(.plain) - 2, "all others of that day; the ledger is kept longer")
      try await session.script("COMMIT")
    }
    // The interrupted detachment is finished now.
    #expect(
      try await partitions.dropExpired(today: past) { Issue.record("\($0) \($1)") } == ["metrics.sysstat_p20241004"])
  }

  @Test func `a detached table within the retention is attached again`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let partitions = Partitions(database: migrated.database, storage: Live(constant: migrated.storage))
    try await partitions.ensure(days: [today])
    try await migrated.database.script("ALTER TABLE metrics.sysstat DETACH PARTITION metrics.sysstat_p20241004")
    #expect(try await partitions.ensure(days: [today]) == ["metrics.sysstat_p20241004"])
  }

  @Test func `a partition that PostgreSQL refuses blocks no other partition`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    try await migrated.database.script("CREATE VIEW metrics.sysstat_p20241005 AS SELECT 1 AS one")
    let days = 2 + Int(migrated.storage.partitionDaysAhead)
    let refused = Mutex<[String]>([])
    for expected in [parents(.plain) * days - 1, 0] {
      let round = try await migrated.maintenance.round(today: today) { event in
        guard case .refused(let partition, let error) = event else {
          Issue.record("\(event)")
          return
        }
        #expect(error.sqlstate == "42809", "\(error)")
        refused.withLock { $0.append(partition) }
      }
      #expect(round.created.count == expected)
    }
    #expect(refused.withLock { $0 } == ["metrics.sysstat_p20241005", "metrics.sysstat_p20241005"])
    let partitions = Partitions(database: migrated.database, storage: Live(constant: migrated.storage))
    await #expect(throws: DatabaseError.self) { try await partitions.ensure(days: [today.advanced(by: 1)]) }
    try await migrated.database.script("DROP VIEW metrics.sysstat_p20241005")
    #expect(try await partitions.ensure(days: [today.advanced(by: 1)]) == ["metrics.sysstat_p20241005"])
  }

  @Test func `a server leaves the maintenance to the server that is doing it`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let other = try Database.start(migrated.settings)
    defer { other.shutDown() }
    try await other.lease { session throws(DatabaseError) in
      try await session.execute(PartitionStatements.tryLock, SchemaStatements.maintenanceLock)
      let maintenance = migrated.maintenance
      #expect(try await maintenance.round(today: today) { _ in } == Maintenance.Round(isElsewhere: true))
      try await session.execute(PartitionStatements.unlock, SchemaStatements.maintenanceLock)
      #expect(try await !maintenance.round(today: today) { _ in }.created.isEmpty)
    }
  }

  @Test func `a failed round is reported and tried again, and a cancelled run ends`() async throws {
    let migrated = try await MigratedDatabase { $0.maintenanceRetry = .milliseconds(1) }
    defer { migrated.database.shutDown() }
    try await migrated.database.script("ALTER TABLE pganalytics.dead_letters RENAME TO away")
    let maintenance = migrated.maintenance
    let (events, feed) = AsyncStream<Maintenance.Event>.makeStream()
    let task = Task { await maintenance.run { feed.yield($0) } }
    var failures = 0
    for await event in events {
      switch event {
      case .failed(let error):
        #expect(error.sqlstate == SQLState.undefinedTable)
        failures += 1
        if failures == 2 {
          try await migrated.database.script("ALTER TABLE pganalytics.away RENAME TO dead_letters")
        }
      case .kept(let partition, let error), .refused(let partition, let error): Issue.record("\(partition) \(error)")
      case .finished:
        #expect(failures >= 2)
        task.cancel()
        feed.finish()
      }
    }
    await task.value
  }

  @Test(.enabled(if: TestCluster.storageKinds.contains(.timescale), "TimescaleDB is not installed"))
  func `TimescaleDB compresses and drops at the configured ages, also after a change`() async throws {
    let migrated = try await MigratedDatabase(.timescale)
    defer { migrated.database.shutDown() }
    let tables = StoredTable.all.count
    #expect(try await policies(of: migrated).count == 2 * (tables + RollupTable.all.count))

    var settings = Settings()
    let live = LiveSettings(settings)
    let maintenance = Maintenance(database: migrated.database, kind: .timescale, storage: live.live(\.storage))
    #expect(try await maintenance.round { Issue.record("\($0)") }.policies == [])
    let day = Duration.seconds(86_400)
    settings.retention = day * 7
    settings.typeRetention = ["pg_log": day * 3]
    settings.compressAfter = day * 5
    live.replace(with: settings)
    // Roll-ups of 5 minutes have the retention of rows, and all roll-ups are compressed at the age of rows.
    let replaced = 2 * tables + 2 * RollupTable.all(.fiveMinutes).count + RollupTable.all(.hour).count
    #expect(try await maintenance.round { Issue.record("\($0)") }.policies.count == replaced)
    #expect(try await maintenance.round { Issue.record("\($0)") }.policies == [])

    let rows = try await policies(of: migrated).filter { $0.table.hasPrefix("metrics.") }
    #expect(rows.count == 2 * tables)
    for row in rows {
      switch row.procedure {
      case HypertablePolicy.compression.procedure: #expect(row.days == 5)
      case HypertablePolicy.retention.procedure: #expect(row.days == (row.table == "metrics.pg_log" ? 3 : 7))
      default: Issue.record("\(row)")
      }
    }
  }

  @Test(.enabled(if: TestCluster.storageKinds.contains(.timescale), "TimescaleDB is not installed"))
  func `compressed chunks are ordered by the series, and another order is changed for later chunks`()
    async throws
  {
    let migrated = try await MigratedDatabase(.timescale)
    defer { migrated.database.shutDown() }
    func compression(_ table: String) async throws -> ChunkCompression? {
      let all = try await migrated.database.rows(TimescaleStatements.compression)
      return all.first { $0.table == table }?.compression
    }
    let statements = ChunkCompression(
      segmentBy: "server_id",
      orderBy: (MetricCatalog.tables.first { $0.name == "pg_query_stats" }?.identityColumns ?? []) + ["time DESC"],
      chunkDays: 1)
    #expect(statements.orderBy.contains("hash"))
    let rows = try await compression("metrics.pg_query_stats")
    let fine = try await compression("rollups.pg_query_stats_5m")
    let hours = try await compression("rollups.pg_query_stats_1h")
    #expect(rows == statements && fine == statements && hours?.orderBy == statements.orderBy)
    #expect(hours?.chunkDays == 7)
    // The state of older databases: another order, and a chunk that is compressed.
    try await migrated.database.script(
      """
      INSERT INTO rollups.pg_query_stats_5m (time, server_id, first_time, last_time) VALUES ('2024-10-04Z', 1, now(), now());
      ALTER TABLE rollups.pg_query_stats_5m SET (timescaledb.compress, timescaledb.compress_segmentby = 'server_id',
        timescaledb.compress_orderby = 'time');
      SELECT compress_chunk(chunk) FROM show_chunks('rollups.pg_query_stats_5m') AS chunk;
      SELECT set_chunk_time_interval('rollups.pg_query_stats_5m', INTERVAL '7 days')
      """)
    let maintenance = migrated.maintenance
    #expect(
      try await maintenance.round { Issue.record("\($0)") }.policies == ["order rollups.pg_query_stats_5m"])
    #expect(try await maintenance.round { Issue.record("\($0)") }.policies == [])
    let changed = try await compression("rollups.pg_query_stats_5m")
    #expect(changed == statements)
    #expect(try await migrated.count("rollups.pg_query_stats_5m") == 1)
  }

  @Test(.enabled(if: TestCluster.storageKinds.contains(.timescale), "TimescaleDB is not installed"))
  func `a removed policy is made again`() async throws {
    let migrated = try await MigratedDatabase(.timescale)
    defer { migrated.database.shutDown() }
    try await migrated.database.script("SELECT remove_retention_policy('metrics.pg_log')")
    #expect(
      try await migrated.maintenance.round { Issue.record("\($0)") }.policies == ["retention metrics.pg_log"])
  }
}
