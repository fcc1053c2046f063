import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// Database and role have defaults that other programs may want. No session of the server may depend on them.
@Suite(.serialized) struct HostileDefaultsTests {
  static let hostile = [
    ("statement_timeout", "'50ms'"), ("lock_timeout", "'1ms'"), ("idle_in_transaction_session_timeout", "'5ms'"),
    ("idle_session_timeout", "'300ms'"), ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "'serializable'"), ("default_transaction_deferrable", "on"),
    ("synchronous_commit", "off"), ("search_path", "hostile, pg_catalog"), ("TimeZone", "'Asia/Kathmandu'"),
    ("DateStyle", "'SQL, DMY'"), ("IntervalStyle", "'sql_standard'"), ("bytea_output", "'escape'"),
    ("extra_float_digits", "-15"), ("standard_conforming_strings", "off"), ("client_encoding", "'LATIN1'"),
    ("array_nulls", "off"), ("quote_all_identifiers", "on"), ("transform_null_equals", "on"), ("row_security", "off"),
    ("exit_on_error", "on"), ("session_replication_role", "'replica'"), ("gin_fuzzy_search_limit", "1"),
  ]

  /// Objects that an unqualified name would find first.
  private static let schema = """
    CREATE SCHEMA hostile;
    CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2001-01-01' $$;
    CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'nobody'::text $$;
    CREATE FUNCTION hostile.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'off'::text $$;
    CREATE TABLE hostile.pg_settings (name text, setting text, source text);
    """

  /// A database with all these defaults, and a role that owns it.
  private func hostileDatabase(_ cluster: TestCluster) async throws -> DatabaseSettings {
    var settings = try await cluster.makeDatabase()
    let name = try #require(settings.address["dbname"])
    let database = try Database.start(settings)
    defer { database.shutDown() }
    try await database.script(Self.schema)
    try await database.script("CREATE ROLE hostile_\(name) SUPERUSER LOGIN")
    for (index, (setting, value)) in Self.hostile.enumerated() {
      // Half of the defaults belong to the role, which wins, and half to the database.
      let whose = index % 2 == 0 ? "ROLE hostile_\(name)" : "DATABASE \(name)"
      try await database.script("ALTER \(whose) SET \(setting) = \(value)")
    }
    settings.address["user"] = "hostile_\(name)"
    return settings
  }

  @Test func `every session has the settings that the server relies on, whatever database and role say`() async throws {
    let cluster = try TestCluster.shared.get()
    let database = try Database.start(try await hostileDatabase(cluster))
    defer { database.shutDown() }
    func value(_ name: String) async throws -> String? {
      let show = Statement<SingleValue<String>>("show_\(name)", "SELECT current_setting('\(name)')")
      return try await database.one(show)?.value
    }
    for (name, wanted) in [
      ("lock_timeout", "0"), ("idle_session_timeout", "0"), ("default_transaction_read_only", "off"),
      ("default_transaction_isolation", "read committed"), ("transaction_isolation", "read committed"),
      ("default_transaction_deferrable", "off"), ("synchronous_commit", "on"), ("search_path", "public"),
      ("TimeZone", "UTC"), ("DateStyle", "ISO, MDY"), ("IntervalStyle", "postgres"), ("bytea_output", "hex"),
      ("extra_float_digits", "1"), ("standard_conforming_strings", "on"), ("client_encoding", "UTF8"),
      ("array_nulls", "on"), ("quote_all_identifiers", "off"), ("transform_null_equals", "off"), ("row_security", "on"),
      ("exit_on_error", "off"), ("session_replication_role", "origin"), ("gin_fuzzy_search_limit", "0"),
      ("statement_timeout", "15s"), ("idle_in_transaction_session_timeout", "5min"),
    ] {
      let found = try await value(name)
      #expect(found?.lowercased() == wanted.lowercased(), "\(name)")
    }
    let stronger = try await cluster.makeDatabase()
    let own = try Database.start(stronger)
    let name = try #require(stronger.address["dbname"])
    try await own.script("ALTER DATABASE \(name) SET synchronous_commit = remote_apply")
    own.shutDown()
    let kept = try Database.start(stronger)
    defer { kept.shutDown() }
    let show = Statement<SingleValue<String>>("show", "SELECT current_setting('synchronous_commit')")
    #expect(try await kept.one(show)?.value == "remote_apply", "a setting that promises more is kept")
  }

  @Test(arguments: TestCluster.storageKinds)
  func `the core of the suite holds with hostile defaults, and answered work survives a crash`(
    _ kind: StorageKind
  ) async throws {
    // The WAL writer writes asynchronous commits, and only every 10 s.
    let cluster = try TestCluster(settings: ["wal_writer_delay=10s"])
    let server = try await RunningServer.start(kind, on: cluster, database: try await hostileDatabase(cluster))
    let reader = try await MetricsReadTests.Reader(kind, server)
    let collector = reader.collector
    let body = collector.generatedPush()
    #expect(try await collector.push(body).json["status"]?.text == "success")
    #expect(try await collector.push(body).json["duplicate"]?.flag == true)
    let expected = try ExpectedRows(body)
    for table in MetricCatalog.tables {
      let stored = try await NamedRow.stored(table, server: collector.serverID, in: server.database).sorted()
      #expect(stored == (expected.rows[table.name] ?? []).sorted(), "\(table.name)")
    }
    try await reader.pushReads([1, 5, 11], from: Int64(Glibc.time(nil)) - 1800)
    let rollups = Rollups(database: server.database, kind: kind, storage: Live(constant: server.settings.storage))
    #expect(try await rollups.round(now: Timestamp(unixSeconds: Int64(Glibc.time(nil)) + 7200)).stretches > 0)
    let rate = try await reader.metrics(
      "metric_type=sysstat_disk_io&bucket=1h&aggregate=max&columns=read_ops&object=sda")
    #expect(rate.status == 200 && rate.json["count"]?.integer ?? 0 > 0, "\(rate)")
    try await server.maintain()

    let admin = try await server.person(.admin)
    #expect(try await admin.refusal() == nil)
    #expect(try await admin.refresh().status == 200)
    let revoked = try await server.enrol()
    #expect(try await revoked.push(revoked.push(of: [TestCollector.disk("/dev/a", used: 1)])).status == 200)
    // The trigger that announces the revocation reaches the lanes. A session with the role of a replica would run no
    // trigger.
    #expect(try await admin.request("DELETE", "/api/v1/collectors/\(revoked.id)").status == 204)
    try await server.eventually("the revocation does not take effect") {
      try await revoked.push(revoked.push(of: [TestCollector.disk("/dev/b", used: 1)])).status == 403
    }
    let newcomer = try await server.enrol()
    let name = try await server.add(.viewer)
    let last = try await server.enrol()
    #expect(try await admin.request("DELETE", "/api/v1/collectors/\(last.id)").status == 204)
    try cluster.kill()
    try cluster.start()
    try await server.eventually("the server does not recover") {
      let answer = try await newcomer.push(newcomer.push(of: [TestCollector.disk("/dev/a", used: 1)]))
      #expect([200, 503].contains(answer.status), "\(answer)")
      return answer.status == 200
    }
    // The loop of the endpoints' sessions may learn later than the writers' loops that its sessions are gone.
    try await server.eventually("the endpoints' sessions do not recover") {
      do { return try await server.integer("SELECT count(*) FROM pganalytics.collectors") > 0 } catch { return false }
    }
    let enrolled = try await server.integer(
      "SELECT count(*) FROM pganalytics.collectors WHERE revoked_at IS NULL AND id IN ('\(newcomer.id)', '\(last.id)')")
    #expect(enrolled == 1, "an enrolment and a revocation were answered")
    #expect(try await server.login(name, RunningServer.password).status == 200)
    await server.stop()
    try cluster.stop(crash: false)
  }
}
