import Ground
import Protocol
import Testing

@testable import App

/// The ledger's rules at PostgreSQL, for clocks that no test can set.
@Suite struct PushLedgerTests {
  private static let catalog = CompiledCatalog()

  /// A push of `metrics` metrics, the first at `time` (RFC 3339).
  private func push(_ metrics: Int, time: String, timestamp: String = "2024-10-04T12:00:00Z") throws -> Push {
    let push = Push(catalog: Self.catalog)
    let reader = PushReader(settings: Settings(), catalog: Self.catalog)
    var known = KnownIDs(capacity: 1024)
    let unix = try #require(Timestamp(rfc3339: time)).unixMicroseconds
    reader.begin(serverID: 1, timeWindow: unix - 1...unix + 1, isLegacyRead: true)
    let list = (0..<metrics).map { TestCollector.disk("/dev/\($0)", used: 1, time: time) }.joined(separator: ",")
    let body = #"{"collector_id":"\#(push.collectorID)","metrics":[\#(list)],"timestamp":"\#(timestamp)"}"#
    try reader.receive(Array(body.utf8).span, into: push, known: &known)
    try reader.finish(key: nil, into: push, known: &known)
    push.serverID = 1
    push.day = PostgresBinary.day(of: try #require(push.summary.firstTime))
    return push
  }

  private func enter(_ entry: PushLedger.Entry, _ database: Database) async throws -> PushLedger.Judgement {
    let judgement = try await database.transaction { session throws(DatabaseError) in try await entry.enter(session) }
    return try #require(judgement)
  }

  private let today = Day(word: 9_043)  // 2024-10-04

  @Test func `an entry is found under its day or among the undated, whatever the clock says`()
    async throws
  {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let partitions = Partitions(database: migrated.database, storage: Live(constant: migrated.storage))
    // The collector's clock is 3 days ahead. Its day has no partition yet, so the entry has no day.
    let ahead = try push(1, time: "2024-10-07T12:00:00Z")
    var entry = PushLedger.Entry(ahead)
    entry.isDated = false
    #expect(try await enter(entry, migrated.database).verdict == .new)
    #expect(try await enter(entry, migrated.database).verdict == .known)
    // The days pass, and a larger push has its day.
    try await partitions.ensure(days: (0...3).map(today.advanced(by:)))
    entry.isDated = true
    #expect(try await enter(entry, migrated.database).verdict == .known)
    var larger = PushLedger.Entry(try push(3, time: "2024-10-07T12:00:00Z"))
    larger.isDated = true
    let judgement = try await enter(larger, migrated.database)
    #expect(judgement.verdict == .new && judgement.begunMetrics == 1 && judgement.begunID == entry.pushID)
    #expect(try await migrated.count("pganalytics.push_ledger") == 1)
    // More days pass, and the push is late now.
    larger.isDated = false
    #expect(try await enter(larger, migrated.database).verdict == .known)
    let between = PushLedger.Entry(try push(2, time: "2024-10-07T12:00:00Z"))
    #expect(try await enter(between, migrated.database).verdict == .known, "the push is the beginning of a larger one")
    let largest = try await enter(PushLedger.Entry(try push(5, time: "2024-10-07T12:00:00Z")), migrated.database)
    #expect(largest.verdict == .new && largest.begunMetrics == 3)
  }

  @Test func `two servers whose clocks are days apart do not store the same push twice`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    try await Partitions(database: migrated.database, storage: Live(constant: migrated.storage)).ensure(days: [today])
    let push = try push(1, time: "2024-10-04T12:00:00Z")
    let verdicts = try await withThrowingTaskGroup(of: PushLedger.Verdict?.self) { group in
      for index in 0..<8 {
        var entry = PushLedger.Entry(push)
        entry.isDated = index % 2 == 0
        group.addTask { [entry] in try await enter(entry, migrated.database).verdict }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(verdicts.count { $0 == .new } == 1 && verdicts.count { $0 == .known } == 7)
    #expect(try await migrated.count("pganalytics.pushes") == 1)
  }

  @Test func `a push in the older ledger is known`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    // The older ledger has the SHA-256 of collector, 0 and the digest of all content.
    let push = try push(2, time: "2024-10-04T12:00:00Z")
    push.isDated = true
    let legacy = try #require(push.legacy)
    try await migrated.database.script(
      """
      CREATE TABLE pganalytics.ingest_ledger_p20241003 PARTITION OF pganalytics.ingest_ledger
        FOR VALUES FROM ('2024-10-03') TO ('2024-10-04');
      INSERT INTO pganalytics.ingest_ledger (day, push_id, server_id) VALUES ('2024-10-03', '\(legacy.id)', 1)
      """)
    try await Partitions(database: migrated.database, storage: Live(constant: migrated.storage)).ensure(days: [today])
    // The envelope's day is the 4th. A clock that was ahead moved the day back to the 3rd in the older ledger.
    let window = today.advanced(by: -30)...today.advanced(by: 1)
    push.legacy?.days = LegacyIdentity.days(timestamp: push.summary.timestamp, in: window)
    #expect(try await enter(PushLedger.Entry(push), migrated.database).verdict == .known)
    #expect(try await migrated.count("pganalytics.push_ledger") == 0)
    let ledger = LegacyLedger()
    let maintenance = Maintenance(
      database: migrated.database, kind: .plain, storage: Live(constant: migrated.storage), legacyLedger: ledger)
    _ = try await maintenance.round(today: today) { _ in }
    #expect(ledger.isRead)
    _ = try await maintenance.round(today: today.advanced(by: 100)) { _ in }
    #expect(!ledger.isRead, "the last partition of the older ledger is gone")
  }

  @Test func `the migration does not rewrite existing tables`() async throws {
    let settings = try await TestCluster.shared.get().makeDatabase()
    let database = try Database.start(settings)
    defer { database.shutDown() }
    var storage = Settings().storage
    storage.kind = .plain
    let older = MigrationFile.all.filter { $0.version < 9 }
    _ = try await Migrator(database: database, storage: storage, files: older).migrate()
    try await database.script(
      """
      CREATE TABLE pganalytics.ingest_ledger_p20241003 PARTITION OF pganalytics.ingest_ledger
        FOR VALUES FROM ('2024-10-03') TO ('2024-10-04');
      INSERT INTO pganalytics.ingest_ledger (day, push_id, server_id)
        SELECT '2024-10-03', gen_random_uuid(), 1 FROM generate_series(1, 1000);
      CREATE TABLE files AS SELECT oid, relfilenode FROM pg_class
        WHERE relkind IN ('r', 'i', 'p') AND (relnamespace = 'metrics'::regnamespace OR relname LIKE 'ingest_ledger%')
      """)
    let report = try await Migrator(database: database, storage: storage).migrate()
    #expect(report.applied == MigrationFile.all.map(\.version).filter { $0 >= 9 })
    let changed = Statement<SingleValue<Int64>>(
      "files_changed",
      "SELECT count(*) FROM files LEFT JOIN pg_class c USING (oid) WHERE c.relfilenode IS DISTINCT FROM files.relfilenode"
    )
    #expect(try await database.one(changed)?.value == 0)
  }

  @Test func `undated entries and keys are pruned by their time of receipt, in steps`() async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let days = migrated.storage.repeatDays
    try await migrated.database.script(
      """
      INSERT INTO pganalytics.push_ledger_undated (head, received_at, server_id, metrics, push_id)
        SELECT i, now() - make_interval(days => CASE WHEN i > 12000 THEN \(days) - 1 ELSE \(days) + 1 END), 1, 1,
          gen_random_uuid() FROM generate_series(1, 12003) i;
      INSERT INTO pganalytics.push_keys (server_id, key_hash, push_id, received_at)
        SELECT 1, gen_random_uuid(), gen_random_uuid(), now() - make_interval(days => \(days) + i)
          FROM generate_series(-1, 1, 2) i
      """)
    _ = try await migrated.maintenance.round { _ in }
    #expect(try await migrated.count("pganalytics.push_ledger_undated") == 3)
    #expect(try await migrated.count("pganalytics.push_keys") == 1)
  }
}
