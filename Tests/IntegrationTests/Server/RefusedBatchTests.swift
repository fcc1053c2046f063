import Glibc
import Protocol
import Synchronization
import Testing

@testable import App

/// A lasting refusal of PostgreSQL stays with the collector that causes it, or with the table at fault.
@Suite(.serialized) struct RefusedBatchTests {
  /// Where a DBA's trigger refuses the rows of one server.
  enum Trigger: CaseIterable {
    case row, statementEnd, commit, names, ledger

    var table: String {
      switch self {
      case .row, .statementEnd, .commit: "metrics.disk_usage"
      case .ledger: "pganalytics.push_ledger"
      case .names: "pganalytics.objects"
      }
    }

    func script(refusing condition: String) -> String {
      let kind =
        switch self {
        case .row, .ledger, .names: "TRIGGER refusing BEFORE INSERT ON \(table)"
        case .statementEnd: "TRIGGER refusing AFTER INSERT ON \(table)"
        case .commit: "CONSTRAINT TRIGGER refusing AFTER INSERT ON \(table) DEFERRABLE INITIALLY DEFERRED"
        }
      return """
        CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF \(condition) THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
        CREATE \(kind) FOR EACH ROW EXECUTE FUNCTION public.refuse();
        """
    }
  }

  /// Collectors that push one disk each, again and again, all to one writer.
  private final class Fleet: Sendable {
    let server: RunningServer
    let isOver = Atomic<Bool>(false)
    let stored = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    /// Stored pushes that needed the table at fault.
    let recovered = Atomic<Int>(0)
    private let number = Atomic<Int>(0)

    init(_ server: RunningServer) { self.server = server }

    func next() -> Int { number.add(1, ordering: .relaxed).newValue }

    func disk() -> String { TestCollector.disk("/dev/\(next())", used: 1) }
    func weather() -> String { #"{"type":"weather","n":\#(next()),"timestamp":"\#(TestCollector.now())"}"# }

    /// Pushes until the fleet is over. - Returns: the number of stored pushes.
    func keepPushing(
      _ collector: TestCollector, _ metric: @escaping @Sendable (Fleet) -> String,
      _ check: @escaping @Sendable (TestAnswer) -> Void
    ) async throws -> Int {
      let client = try await collector.client()
      var count = 0
      while !isOver.load(ordering: .acquiring), !Task.isCancelled {
        let answer = try await collector.push(collector.push(of: [metric(self)]), over: client)
        check(answer)
        if answer.status == 200 {
          count += 1
          stored.add(1, ordering: .relaxed)
        } else {
          // because the server asks for seconds, and pushes without a pause would be a flood.
          try await Task.sleep(for: .milliseconds(50))
        }
      }
      return count
    }
  }

  private func start(_ change: (inout Settings) -> Void = { _ in }) async throws -> RunningServer {
    try await RunningServer.start {
      ($0.loops, $0.writerConnections) = (1, 1)
      change(&$0)
    }
  }

  @Test(arguments: Trigger.allCases.filter { $0 != .ledger })
  func `one collector's rows are parked and stored later, and its neighbours notice nothing`(
    _ trigger: Trigger
  ) async throws {
    let server = try await start()
    let guilty = try await server.enrol()
    let fleet = Fleet(server)
    try await server.database.script(trigger.script(refusing: "NEW.server_id = \(guilty.serverID)"))
    let body = guilty.push(of: [fleet.disk(), fleet.weather()])
    let parked = try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        let collector = try await server.enrol()
        group.addTask {
          _ = try await fleet.keepPushing(collector, { "\($0.disk()),\($0.weather())" }) {
            #expect($0.status == 200, "\($0)")
          }
        }
      }
      var answer = try await guilty.push(body)
      while answer.status != 200 {
        #expect(answer.status == 503 && answer.field("retry-after") != nil, "\(answer)")
        #expect(answer.json["details"]?.text?.contains("P0001") == true, "\(answer)")
        answer = try await guilty.push(body)
      }
      fleet.isOver.store(true, ordering: .releasing)
      try await group.waitForAll()
      return answer
    }
    #expect(fleet.stored.load(ordering: .relaxed) > 0)
    #expect(parked.json["status"]?.text == "parked", "\(parked)")
    #expect(parked.json["sqlstate"]?.text == "P0001", "\(parked)")
    switch trigger {
    case .row, .statementEnd: #expect(parked.json["table"]?.text == "metrics.disk_usage", "\(parked)")
    case .names: #expect(parked.json["table"]?.text == "pganalytics.objects", "\(parked)")
    case .commit, .ledger: #expect(parked.json["table"] == nil, "\(parked)")
    }
    #expect(try await guilty.push(body).json["duplicate"]?.flag == true, "the ledger has the push")
    #expect(try await guilty.rows("disk_usage") == 0)

    let pushes = ParkedPushes(database: server.database, storage: server.settings.storage)
    let listed = try await pushes.list()
    let id = try #require(UUID(parked.json["push_id"]?.text ?? ""))
    #expect(listed.map(\.pushID) == [id] && listed.map(\.serverID) == [Int32(guilty.serverID)])
    #expect(listed.first?.sqlstate == "P0001" && listed.first?.tables.contains("disk_usage 1") == true)
    await #expect(throws: ParkedPushFailure.self) { _ = try await pushes.retry(id) }
    #expect(try await pushes.list().count == 1, "the push stays parked")
    try await server.database.script("DROP TRIGGER refusing ON \(trigger.table)")
    #expect(try await pushes.retry(id) == 2)
    #expect(try await pushes.list().isEmpty)
    let named = try await server.integer(
      "SELECT count(*) FROM named.disk_usage WHERE server_id = \(guilty.serverID) AND device IS NOT NULL")
    #expect(named == 1)
    #expect(try await guilty.rows("unknown_metrics") == 1)
    let pending = try await server.integer(
      "SELECT count(*) FROM pganalytics.rollup_pending WHERE server_id = \(guilty.serverID)")
    #expect(pending >= 2, "roll-ups are pending for the repeat and for the stored push")
    await #expect(throws: ParkedPushFailure.unknown(id)) { _ = try await pushes.retry(id) }
    await server.stop()
  }

  @Test func `a collector that the ledger refuses gets the reason, and no other collector is refused`() async throws {
    let server = try await start()
    let (guilty, other) = (try await server.enrol(), try await server.enrol())
    let fleet = Fleet(server)
    try await server.database.script(Trigger.ledger.script(refusing: "NEW.server_id = \(guilty.serverID)"))
    async let answer = guilty.push(guilty.push(of: [fleet.disk()]))
    for _ in 0..<20 { #expect(try await other.push(other.push(of: [fleet.disk()])).status == 200) }
    let refused = try await answer
    #expect(refused.status == 503 && refused.field("retry-after") != nil, "\(refused)")
    #expect(refused.json["details"]?.text?.contains("SQLSTATE P0001") == true, "\(refused)")
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.dead_letters") == 0)
    await server.stop()
  }

  /// Faults of a table, with their cures and SQLSTATEs.
  enum Fault: CaseIterable {
    case gone, columnGone, columnAltered, columnRequired, refusing, refusingAtCommit, corrupt, partitionRefused

    var sqlstates: [String] {
      switch self {
      case .gone: ["42P01"]
      case .columnGone: ["42703"]
      case .columnAltered: ["22P03", "08P01", "22021", "22000"]
      case .columnRequired: ["23502"]
      case .refusing, .refusingAtCommit: ["P0001"]
      case .corrupt: ["XX001"]
      case .partitionRefused: ["23514"]
      }
    }

    var script: String {
      switch self {
      case .gone: "ALTER TABLE metrics.disk_usage SET SCHEMA public"
      case .columnGone: "ALTER TABLE metrics.disk_usage RENAME COLUMN used_gb TO used"
      case .columnAltered:
        "ALTER TABLE metrics.disk_usage RENAME COLUMN used_gb TO used; ALTER TABLE metrics.disk_usage ADD COLUMN used_gb int2"
      case .columnRequired:
        "ALTER TABLE metrics.disk_usage ADD COLUMN owner text; ALTER TABLE metrics.disk_usage ALTER COLUMN owner SET NOT NULL"
      case .refusing: Trigger.row.script(refusing: "true")
      case .refusingAtCommit: Trigger.commit.script(refusing: "true")
      case .corrupt: "CHECKPOINT"
      // A view has the name of the day's partition.
      case .partitionRefused:
        Self.todaysPartition("DROP TABLE metrics.%1$I; CREATE VIEW metrics.%1$I AS SELECT 1 AS one")
      }
    }

    var cure: String {
      switch self {
      case .gone: "ALTER TABLE public.disk_usage SET SCHEMA metrics"
      case .columnGone: "ALTER TABLE metrics.disk_usage RENAME COLUMN used TO used_gb"
      case .columnAltered:
        "ALTER TABLE metrics.disk_usage DROP COLUMN used_gb; ALTER TABLE metrics.disk_usage RENAME COLUMN used TO used_gb"
      case .columnRequired: "ALTER TABLE metrics.disk_usage DROP COLUMN owner"
      case .refusing, .refusingAtCommit: "DROP TRIGGER refusing ON metrics.disk_usage"
      case .corrupt: "TRUNCATE metrics.disk_usage"
      case .partitionRefused: "DROP VIEW metrics.disk_usage_p" + TestCollector.now().prefix(10).filter(\.isNumber)
      }
    }

    private static func todaysPartition(_ statement: String) -> String {
      let name = "disk_usage_p" + TestCollector.now().prefix(10).filter(\.isNumber)
      return "DO $$ BEGIN EXECUTE format('\(statement)', '\(name)'); END $$"
    }
  }

  /// Overwrites the first page of today's partition with garbage.
  private func corrupt(_ server: RunningServer) async throws {
    let cluster = try TestCluster.shared.get()
    let path = Statement<SingleValue<String>>(
      "path_of_partition",
      """
      SELECT pg_relation_filepath('metrics.disk_usage_p' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'))
      """)
    let name = try #require(try await server.database.one(path)?.value)
    let file = try #require(fopen("\(cluster.directory)/data/\(name)", "r+"))
    let page = [UInt8](repeating: 0xAB, count: 8192)
    #expect(fwrite(page, 1, page.count, file) == page.count)
    fclose(file)
  }

  @Test(arguments: Fault.allCases)
  func `a table at fault parks no push: its pushes get 503 with the reason, and others go on`(
    _ fault: Fault
  ) async throws {
    let server = try await start {
      $0.divisionRest = .seconds(5)
      $0.refusalProbe = .milliseconds(200)
    }
    let fleet = Fleet(server)
    if case .corrupt = fault { try await corrupt(server) }
    try await server.database.script(fault.script)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<8 {
        let collector = try await server.enrol()
        if index % 2 == 0 {
          group.addTask {
            _ = try await fleet.keepPushing(collector, { $0.weather() }) {
              // A refusal at the commit names no table: every push of the batch waits until the batch is divided.
              if fault != .refusingAtCommit { #expect($0.status == 200, "\($0)") }
            }
          }
        } else {
          group.addTask {
            _ = try await fleet.keepPushing(collector, { $0.disk() }) { answer in
              if answer.status == 200 {
                #expect(answer.json["status"]?.text == "success", "\(answer)")
                fleet.recovered.add(1, ordering: .relaxed)
                return
              }
              fleet.refused.add(1, ordering: .relaxed)
              let details = answer.json["details"]?.text ?? ""
              #expect(answer.status == 503 && answer.field("retry-after") != nil, "\(answer)")
              #expect(fault.sqlstates.contains(where: details.contains), "\(answer)")
              if fault != .refusingAtCommit { #expect(details.contains("metrics.disk_usage"), "\(answer)") }
            }
          }
        }
      }
      try await server.eventually("no push is refused, or the other pushes do not go on") {
        fleet.refused.load(ordering: .relaxed) > 20 && fleet.stored.load(ordering: .relaxed) > 50
      }
      #expect(fleet.recovered.load(ordering: .relaxed) == 0)
      #expect(try await server.counts("pganalytics_pushes_parked_total 0"))
      // DDL and pushes lock each other out. The DDL is tried again if it has to give way.
      try await server.eventually("the table is not cured") {
        do throws(DatabaseError) { try await server.database.script(fault.cure) } catch {
          if error.isRetryable { return false }
          throw error
        }
        return true
      }
      try await server.eventually("pushes into the table do not go on") {
        fleet.recovered.load(ordering: .relaxed) > 20
      }
      fleet.isOver.store(true, ordering: .releasing)
      try await group.waitForAll()
    }
    #expect(try await server.counts("pganalytics_pushes_parked_total 0"))
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.dead_letters") == 0)
    await server.stop()
  }

  @Test func `a revoked privilege is a fault of the table, too`() async throws {
    let database = try await TestCluster.shared.get().makeDatabase()
    let role = "writer_\(database.address["dbname"] ?? "")"
    let server = try await RunningServer.start(database: database) {
      ($0.loops, $0.writerConnections) = (1, 1)
      $0.databaseURL += " user='\(role)'"
    } beforeStart: { own in
      try await own.script("CREATE ROLE \(role) SUPERUSER LOGIN")
    }
    let (one, other) = (try await server.enrol(), try await server.enrol())
    let fleet = Fleet(server)
    try await server.database.script(
      """
      GRANT USAGE ON SCHEMA pganalytics, metrics, named, rollups TO \(role);
      GRANT ALL ON ALL TABLES IN SCHEMA pganalytics, metrics, named, rollups TO \(role);
      REVOKE INSERT ON metrics.disk_usage FROM \(role);
      ALTER ROLE \(role) NOSUPERUSER;
      """)
    async let refused = one.push(one.push(of: [fleet.disk()]))
    #expect(try await other.push(other.push(of: [fleet.weather()])).status == 200)
    let answer = try await refused
    #expect(answer.status == 503, "\(answer)")
    #expect(answer.json["details"]?.text == "PostgreSQL refuses rows for metrics.disk_usage with SQLSTATE 42501")
    await server.stop()
  }

  @Test func `when PostgreSQL refuses everything, all pushes get the reason and none is parked`() async throws {
    let server = try await start()
    var collectors: [TestCollector] = []
    for _ in 0..<4 { collectors.append(try await server.enrol()) }
    let fleet = Fleet(server)
    try await server.database.script(Trigger.ledger.script(refusing: "true"))
    for _ in 0..<3 {
      let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
        for collector in collectors { group.addTask { try await collector.push(collector.push(of: [fleet.disk()])) } }
        return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
      }
      for answer in answers {
        #expect(answer.status == 503 && answer.field("retry-after") != nil, "\(answer)")
        #expect(answer.json["details"]?.text?.contains("SQLSTATE P0001") == true, "\(answer)")
      }
    }
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.dead_letters") == 0)
    try await server.database.script("DROP TRIGGER refusing ON pganalytics.push_ledger")
    let body = collectors[0].push(of: [fleet.disk()])
    try await server.eventually("pushes do not recover") { try await collectors[0].push(body).status == 200 }
    await server.stop()
  }

  @Test func `a parked push is not stored into a changed table, and can be dropped`() async throws {
    let server = try await start()
    let (guilty, other) = (try await server.enrol(), try await server.enrol())
    let fleet = Fleet(server)
    try await server.database.script(Trigger.row.script(refusing: "NEW.server_id = \(guilty.serverID)"))
    async let answer = guilty.push(guilty.push(of: [fleet.disk()]))
    var isParked = false
    while !isParked {
      #expect(try await other.push(other.push(of: [fleet.disk()])).status == 200)
      isParked = try await server.integer("SELECT count(*) FROM pganalytics.dead_letters") > 0
    }
    let parked = try await answer
    let id = try #require(UUID(parked.json["push_id"]?.text ?? ""), "\(parked)")
    try await server.database.script("DROP TRIGGER refusing ON metrics.disk_usage;" + Fault.columnGone.script)
    let pushes = ParkedPushes(database: server.database, storage: server.settings.storage)
    await #expect(
      throws: ParkedPushFailure.changedColumn(
        table: "metrics.\"disk_usage\"", column: "used_gb", encoded: "int8", present: nil)
    ) { _ = try await pushes.retry(id) }
    #expect(try await pushes.drop(id))
    #expect(try await pushes.drop(id) == false)
    #expect(try await pushes.list().isEmpty)
    await server.stop()
  }
}
