import Ground
import Testing

@testable import App

@Suite struct EvaluatorTests {
  /// A check whose finding is open while the subject's row in a table of the test says so.
  private static func check(_ name: String = "test_check", every: Duration? = nil, _ sql: String? = nil) -> Check {
    Check(
      name, "Test", .warning, every: every, reads: [], ends: "It ends.", advice: "Nothing.", look: "servers/{id}",
      sql: sql ?? """
        SELECT server_id, subject, value, 10.0 AS threshold, value >= 10 AS opens, value >= 5 AS holds, 'm' AS message,
          NULL AS details
        FROM public.sample WHERE server_id = ANY($1) AND $2 IS NOT NULL AND $3 IS NOT NULL
        UNION ALL SELECT id, NULL, NULL, NULL, false, false, NULL, NULL FROM unnest($1) AS s(id)
        """)
  }

  private static func world() async throws -> EvaluationWorld {
    let world = try await EvaluationWorld.make()
    try await world.run("CREATE TABLE public.sample (server_id int4, subject text, value float8)")
    try await world.addServer()
    return world
  }

  private func evaluator(_ database: Database, _ checks: [Check]) -> Evaluator {
    Evaluator(database: database, checks: checks, settings: Live(constant: Settings().findings))
  }

  @Test func `a check that fails is reported and recorded, and the others go on`() async throws {
    let world = try await Self.world()
    defer { world.shutDown() }
    let broken = Self.check(
      "broken",
      """
      SELECT 1 / (cardinality($1) - 1) AS server_id, '' AS subject, 1 AS value, 1 AS threshold, $2 IS NULL AS opens,
        $3 IS NULL AS holds, '' AS message, NULL AS details
      """)
    try await world.run("INSERT INTO public.sample VALUES (1, 'a', 10)")
    try await world.push(0)
    var failed: [String] = []
    let round = try await evaluator(world.database, [broken, Self.check()]).round(at: world.time(0)) {
      if case .checkFailed(let name, _) = $0 { failed.append(name) }
    }
    #expect(failed == ["broken"] && round.failures == 1 && round.opened == 1)
    #expect(try await world.open() == ["test_check a"])
    let failure = try await world.texts("SELECT coalesce(failure, '') FROM pganalytics.check_runs ORDER BY check_name")
    #expect(failure.first?.contains("division by zero") == true && failure.last == "")
    // Its open findings stay as they are.
    try await world.run(
      "INSERT INTO pganalytics.findings (check_name, server_id, severity, message, opened_at, last_seen_at) VALUES ('broken', 1, 'warning', 'm', {0}, {0})"
    )
    try await world.push(1)
    _ = try await evaluator(world.database, [broken, Self.check()]).round(at: world.time(1))
    #expect(try await world.open() == ["broken", "test_check a"])
  }

  @Test func `a statement that exceeds finding_timeout fails, and the round goes on`() async throws {
    let world = try await Self.world()
    defer { world.shutDown() }
    let slow = Self.check(
      "slow",
      """
      SELECT 1 AS server_id, pg_sleep(60)::text AS subject, 1 AS value, 1 AS threshold, $1 IS NULL AS opens,
        $2 IS NULL AS holds, $3::text AS message, NULL AS details
      """)
    try await world.run("INSERT INTO public.sample VALUES (1, 'a', 10)")
    try await world.push(0)
    var settings = Settings().findings
    settings.timeout = .seconds(3)
    let round = try await Evaluator(
      database: world.database, checks: [slow, Self.check()], settings: Live(constant: settings)
    ).round(at: world.time(0))
    #expect(round.failures == 1 && round.opened == 1)
  }

  @Test
  func `a server is evaluated once after each push, and servers that are beyond a batch follow in the same round`()
    async throws
  {
    let world = try await Self.world()
    defer { world.shutDown() }
    for name in 2...7 { try await world.addServer("db\(name)") }
    var settings = Settings().findings
    settings.servers = 3
    let evaluator = Evaluator(database: world.database, checks: [Self.check()], settings: Live(constant: settings))
    #expect(try await evaluator.round(at: world.time(0)).servers == 0, "no server has pushed")
    try await world.push(1)
    #expect(try await evaluator.round(at: world.time(1)).servers == 7)
    #expect(try await evaluator.round(at: world.time(2)).servers == 0)
    try await world.run("UPDATE pganalytics.servers SET last_seen_at = {3} WHERE id = 4")
    #expect(try await evaluator.round(at: world.time(3)).servers == 1)
  }

  @Test func `a check that is switched off, and a server that is being removed, end their findings`() async throws {
    let world = try await Self.world()
    defer { world.shutDown() }
    try await world.addServer("db2")
    try await world.run("INSERT INTO public.sample VALUES (1, 'a', 10), (2, 'b', 10)")
    try await world.push(0)
    let checks = [Self.check(), Self.check("other")]
    _ = try await evaluator(world.database, checks).round(at: world.time(0))
    #expect(try await world.open() == ["other a", "other b", "test_check a", "test_check b"])
    #expect(
      try await world.texts("SELECT state FROM pganalytics.server_states ORDER BY server_id") == ["warning", "warning"])
    try await world.run(
      """
      INSERT INTO pganalytics.check_settings (check_name, is_on) VALUES ('other', false);
      INSERT INTO pganalytics.server_removals (server_id, name, hostname, settles_at) VALUES (2, 'b', 'b', now());
      """)
    try await world.push(1)
    _ = try await evaluator(world.database, checks).round(at: world.time(1))
    #expect(try await world.open() == ["test_check a"])
    #expect(
      try await world.texts(
        "SELECT check_name || ' ' || subject || ' ' || end_reason FROM pganalytics.findings WHERE ended_at IS NOT NULL ORDER BY 1"
      )
        == ["other a check_off", "other b server_removed", "test_check b server_removed"])
    #expect(try await world.texts("SELECT kind FROM pganalytics.finding_events WHERE kind = 'ended'").count == 3)
    try await world.run("UPDATE public.sample SET value = 0")
    try await world.push(2)
    _ = try await evaluator(world.database, checks).round(at: world.time(2))
    #expect(try await world.texts("SELECT state FROM pganalytics.server_states WHERE server_id = 1") == ["ok"])
  }

  @Test func `a check without data names the server, and keeps its finding`() async throws {
    let world = try await Self.world()
    defer { world.shutDown() }
    let check = Self.check(
      "gaps",
      """
      SELECT server_id, subject, value, 1.0 AS threshold, value > 1 AS opens, value > 1 AS holds, 'm' AS message,
        NULL AS details
      FROM public.sample
      WHERE server_id = ANY($1) AND $2 IS NOT NULL AND $3 IS NOT NULL
      """)
    try await world.run("INSERT INTO public.sample VALUES (1, 'a', 10)")
    try await world.push(0)
    _ = try await evaluator(world.database, [check]).round(at: world.time(0))
    #expect(try await world.texts("SELECT array_to_string(no_data, ',') FROM pganalytics.server_states") == [""])
    try await world.run("DELETE FROM public.sample")
    try await world.push(1)
    _ = try await evaluator(world.database, [check]).round(at: world.time(1))
    #expect(try await world.texts("SELECT array_to_string(no_data, ',') FROM pganalytics.server_states") == ["gaps"])
    #expect(try await world.open() == ["gaps a"])
  }

  @Test func `two evaluators on one database open and end a finding once`() async throws {
    let world = try await Self.world()
    defer { world.shutDown() }
    let other = try Database.start(world.settings)
    defer { other.shutDown() }
    let checks = [Self.check()]
    let (one, two) = (evaluator(world.database, checks), evaluator(other, checks))
    for turn in 0..<20 {
      try await world.run(
        turn.isMultiple(of: 2) ? "INSERT INTO public.sample VALUES (1, 'a', 10)" : "DELETE FROM public.sample")
      try await world.push(Double(turn))
      let at = world.time(Double(turn))
      var servers = 0
      // A round that found the lock held has done nothing; the other evaluator has it then.
      while servers == 0 {
        async let first = one.round(at: at)
        async let second = two.round(at: at)
        servers = try await first.servers + second.servers
      }
      #expect(servers == 1)
    }
    let once = (0..<10).flatMap { _ in ["test_check a opened", "test_check a ended recovered"] }
    #expect(try await world.history() == once)
    // Another session has the lock.
    try await world.push(30)
    try await other.lease { session throws(DatabaseError) in
      _ = try await session.one(PartitionStatements.tryLock, SchemaStatements.findingLock)
      let round = try await one.round(at: world.time(30))
      #expect(round.isElsewhere && round.servers == 0)
      _ = try await session.one(PartitionStatements.unlock, SchemaStatements.findingLock)
    }
  }

  @Test func `an evaluator whose session is killed leaves its round to another one`() async throws {
    let world = try await Self.world()
    defer { world.shutDown() }
    let other = try Database.start(world.settings)
    defer { other.shutDown() }
    // It waits for the test's lock, after another check has run.
    let waiting = Self.check(
      "waiting",
      """
      SELECT s.id AS server_id, 'w' AS subject, 1.0 AS value, 1.0 AS threshold, true AS opens, true AS holds,
        'm' || pg_advisory_xact_lock_shared(4711)::text AS message, NULL AS details
      FROM unnest($1) AS s(id) WHERE $2 IS NOT NULL AND $3 IS NOT NULL
      """)
    let checks = [Self.check(), waiting]
    try await world.run("INSERT INTO public.sample VALUES (1, 'a', 10)")
    try await world.push(0)
    let at = world.time(0)
    let killed = try await other.lease { session throws(DatabaseError) -> Bool in
      try await session.script("SELECT pg_advisory_lock(4711)")
      let round = Task { try await evaluator(world.database, checks).round(at: at) }
      // The statement that waits for the lock is the evaluator's.
      let pid = Statement<SingleValue<Int32>>(
        "test_waiting",
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted")
      var found: Int32?
      while found == nil { found = try await session.one(pid)?.value }
      let kill = Statement<Int32, SingleValue<Bool>>("test_kill", "SELECT pg_terminate_backend($1)")
      _ = try await session.one(kill, found ?? 0)
      let outcome = await round.result
      try await session.script("SELECT pg_advisory_unlock(4711)")
      if case .failure = outcome { return true }
      return false
    }
    #expect(killed)
    #expect(try await world.history().isEmpty, "nothing of the batch is written")
    while try await evaluator(other, checks).round(at: at).isElsewhere {}
    #expect(Set(try await world.history()) == ["test_check a opened", "waiting w opened"])
    #expect(try await world.history().count == 2)
  }

  @Test func `a backtest finds what the evaluation found at the same times`() async throws {
    let world = try await EvaluationWorld.make()
    defer { world.shutDown() }
    for name in 1...3 { try await world.addServer("db\(name)") }
    let seed = UInt64.random(in: 0 ... .max)
    var random = RollupTests.SplitMix(state: seed)
    try await world.run(CheckScriptTests.objects.replacing("VALUES (1,", with: "VALUES (2,") + CheckScriptTests.objects)
    let check = try #require(Checks.byName["disk_full"])
    let minutes = 0..<90
    for minute in minutes {
      var sql = ""
      for server in 1...3 where random.next(5) > 0 {
        for object in 1...2 where random.next(6) > 0 {
          sql += CheckScriptTests.disk(Double(minute), Double(90 + random.next(9)), object)
            .replacing("}, 1, \(object)", with: "}, \(server), \(object)")
        }
      }
      if !sql.isEmpty { try await world.run(sql) }
      try await world.push(Double(minute))
      try await world.evaluate(Double(minute), [check])
    }
    let outcome = try await Backtest(
      check: check, thresholds: check.values(), times: minutes.map { world.time(Double($0)) }, servers: [1, 2, 3],
      settings: Settings()
    ).run(on: world.database) { false }
    func line(_ finding: Backtest.Finding) -> String {
      [
        "\(finding.key.serverID)", finding.key.subject, finding.openedAt.rfc3339, finding.endedAt?.rfc3339 ?? "open",
        finding.endReason?.rawValue ?? "-", "\(Int(finding.lastValue ?? 0))",
      ].joined(separator: " ")
    }
    let stored = try await world.texts(
      """
      SELECT concat_ws(' ', server_id, subject, to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        coalesce(to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'open'), coalesce(end_reason, '-'),
        value::int) FROM pganalytics.findings ORDER BY opened_at, server_id, subject
      """)
    #expect(stored.count > 5, "seed \(seed)")
    #expect(outcome.findings.map(line) == stored, "seed \(seed)")
    #expect(outcome.opened == stored.count && outcome.evaluations == 270)
  }

  @Test func `the figures of the overview are those of the latest lists`() async throws {
    let world = try await EvaluationWorld.make()
    defer { world.shutDown() }
    try await world.addServer()
    func stats(_ minute: Double, _ database: Int, _ transactions: Int) -> String {
      """
      INSERT INTO metrics.pg_stats (time, server_id, database_id, size_bytes, transactions_committed, transactions_rolledback)
      VALUES ({\(minute)}, 1, \(database), \(transactions == 0 ? 0 : 1000), \(transactions), 0);
      """
    }
    func statements(_ minute: Double, hit: Int, read: Int) -> String {
      """
      INSERT INTO metrics.pg_query_stats (time, server_id, database_id, hash, calls, shared_blks_hit, shared_blks_read)
      VALUES ({\(minute)}, 1, 1, 5, \(hit), \(hit), \(read));
      """
    }
    typealias Rows = CheckScriptTests
    try await world.run(
      Rows.objects + Rows.sessions(0, 3) + stats(0, 1, 1000) + stats(0, 2, 500) + statements(0, hit: 100, read: 100)
        + Rows.disk(0, 40) + Rows.wal(0) + Rows.standby(0, lag: 5000) + Rows.xid(0, 1000))
    try await world.run(
      Rows.sessions(1, 7) + stats(1, 1, 1600) + stats(1, 2, 0) + statements(1, hit: 190, read: 110)
        + Rows.disk(1, 50) + Rows.disk(1, 70, 2) + Rows.wal(1) + Rows.standby(1, lag: 2500) + Rows.xid(1, 2000)
        + Rows.long(1, 90) + Rows.idle(1, 120))
    try await world.push(1)
    try await world.evaluate(1)
    let figures = try await world.texts(
      """
      SELECT concat_ws(' ', connections, round(transactions_per_second::numeric, 3), cache_hit, replication_lag_seconds,
        oldest_transaction_seconds, disk_used_percent, xid_age, data_at = {1}) FROM pganalytics.server_states
      """.replacing("{1}", with: world.literal(1)))
    // The second database is away at minute 1: its sample of zeros is no value, and it has one sample only.
    #expect(figures == ["7 10.000 90 2.5 120 70 2000 t"])
  }
}
