import Testing

@testable import App

/// What a list does not say: objects that it has no room for, databases that could not be reached, and old lines.
@Suite struct CheckGapTests {
  /// The row of a database, with a list of tables `first` to `last`. Table 1 has many dead rows if `isSick`.
  private func list(
    _ minute: Double, database: Int = 1, _ tables: ClosedRange<Int>? = nil, isSick: Bool = true, size: Int = 1000
  ) -> String {
    let rows = tables.map { tables in
      """
      INSERT INTO metrics.pg_stats_tables (time, server_id, database_id, object_id, live_tuples, dead_tuples)
      SELECT {\(minute)}, 1, \(database), n, 1000000, CASE WHEN n = 1 AND \(isSick) THEN 900000 ELSE 0 END
      FROM generate_series(\(tables.lowerBound), \(tables.upperBound)) AS n;
      """
    }
    return """
      INSERT INTO metrics.pg_stats (time, server_id, database_id, size_bytes, transactions_committed, tuples_returned)
      VALUES ({\(minute)}, 1, \(database), \(size), \(size), \(size));
      """ + (rows ?? "")
  }

  private static let objects = """
    INSERT INTO pganalytics.objects
    SELECT 1, n, 'pg_stats_tables', 'public.t' || n, ARRAY['public', 't' || n] FROM generate_series(1, 101) AS n;
    INSERT INTO pganalytics.texts VALUES (1, 1, 'app'), (1, 2, 'other');
    """

  /// Evaluates one check after each of `steps`: a minute, its rows, and the subjects that have to be open.
  private func follow(_ check: String, _ setUp: String, _ steps: [(Double, String, [String])]) async throws {
    let check = try #require(Checks.byName[check])
    let world = try await EvaluationWorld.make()
    defer { world.shutDown() }
    #expect(try await world.addServer() == 1)
    try await world.run(setUp)
    for (minute, sql, open) in steps {
      try await world.push(minute)
      try await world.run(sql)
      try await world.evaluate(minute, [check])
      let wanted = open.map { $0.isEmpty ? check.name : "\(check.name) \($0)" }
      #expect(try await world.open() == wanted, "minute \(minute)")
    }
  }

  @Test func `a table that leaves a full list keeps its finding, and one that leaves a shorter list ends it`()
    async throws
  {
    try await follow(
      "autovacuum_overdue", Self.objects,
      [
        (0, list(0, 1...100), ["app.public.t1"]),
        (15, list(15, 2...101), ["app.public.t1"]),
        (30, list(30, 2...100), []),
      ])
  }

  @Test func `a database that cannot be reached keeps its findings, and takes none of the others away`() async throws {
    try await follow(
      "autovacuum_overdue", Self.objects,
      [
        (0, list(0, 1...3) + list(0, database: 2, 1...3), ["app.public.t1", "other.public.t1"]),
        (15, list(15, size: 0) + list(15, database: 2, 1...3), ["app.public.t1", "other.public.t1"]),
        (30, list(30, size: 0) + list(30, database: 2, 1...3, isSick: false), ["app.public.t1"]),
        (45, list(45, 2...3) + list(45, database: 2, 1...3, isSick: false), []),
      ])
  }

  @Test
  func `lines that a collector brings in its first round are old, and later ones are new although the log was empty`()
    async throws
  {
    func lines(_ minute: Double, _ count: Int) -> String {
      """
      INSERT INTO metrics.sysstat (time, server_id, cpu_idle) VALUES ({\(minute)}, 1, 90);
      INSERT INTO metrics.pg_log (time, server_id, database_id, logged_at, level, message_id)
      SELECT {\(minute)}, 1, 1, '2024-01-01 00:00:00+00', 'ERROR', 5 FROM generate_series(1, \(count)) AS n;
      """
    }
    let text = "INSERT INTO pganalytics.texts VALUES (1, 5, 'ERROR:  deadlock detected');"
    try await follow("deadlocks", text, [(0, lines(0, 100), []), (1, lines(1, 0), []), (2, lines(2, 1), [""])])
    try await follow("deadlocks", text, [(0, lines(0, 0), []), (1, lines(1, 1), [""]), (62, lines(62, 0), [])])
    try await follow("error_burst", text, [(0, lines(0, 100), []), (1, lines(1, 60), [""]), (12, lines(12, 0), [])])
  }

  @Test func `versions are compared number by number`() async throws {
    func extensions(_ minute: Double, _ first: String, _ second: String) -> String {
      """
      INSERT INTO metrics.pg_extensions (time, server_id, database_id, object_id, version)
      VALUES ({\(minute)}, 1, 1, 7, '\(first)'), ({\(minute)}, 2, 1, 7, '\(second)');
      """
    }
    let world = try await EvaluationWorld.make()
    defer { world.shutDown() }
    #expect(try await world.addServer("one") == 1)
    #expect(try await world.addServer("two") == 2)
    try await world.run(
      "INSERT INTO pganalytics.objects SELECT s, 7, 'pg_extensions', 'x', ARRAY['x'] FROM generate_series(1, 2) AS s")
    let check = try #require(Checks.byName["extension_out_of_date"])
    let versions: [(String, String, [Int32])] = [
      ("1.9", "1.10", [1]), ("1.10", "1.10", []), ("2.28.0-dev", "2.28.0", []), ("unpackaged", "1.0", []),
      ("1.0", "1.0.1", [1]),
      ("3", "2.99", [2]), ("99999999999", "1", []),
    ]
    for (index, (first, second, old)) in versions.enumerated() {
      let minute = Double(index) * 5
      try await world.run(extensions(minute, first, second))
      let rows = try await world.database.rows(check.statement, [1, 2], world.time(minute), check.values())
      #expect(rows.filter(\.opens).map(\.serverID) == old, "\(first) and \(second)")
    }
  }
}
