import Ground
import Protocol
import Testing

@testable import App

/// The removal of a monitored server with all its rows.
@Suite struct ServerRemovalTests {
  /// - Parameter pause: the pause between two steps.
  private func start(_ kind: StorageKind = .plain, pause: Duration = .zero) async throws -> RunningServer {
    try await .start(kind) {
      $0.commitDeadline = .seconds(5)
      $0.removalRows = 100
      $0.removalPause = pause
    }
  }

  /// Tables with a column `server_id`, as SQL names them, without those that control the removal or outlive it.
  private func tables(_ server: RunningServer) async throws -> [String] {
    let statement = Statement<SingleValue<String>>(
      "test_tables_of_servers",
      """
      SELECT format('%I.%I', n.nspname, c.relname) AS name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('pganalytics', 'metrics', 'rollups') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'server_id')
        AND c.relname NOT IN ('collectors', 'server_removals', 'findings', 'silences')
      """)
    return try await server.database.rows(statement).map(\.value)
  }

  private func rows(of id: Int64, _ server: RunningServer) async throws -> [String: Int64] {
    var rows: [String: Int64] = [:]
    for table in try await tables(server) {
      rows[table] = try await server.integer("SELECT count(*) FROM \(table) WHERE server_id = \(id)")
    }
    return rows
  }

  /// A collector with a row in every table.
  private func busy(_ server: RunningServer, _ kind: StorageKind = .plain) async throws -> TestCollector {
    let collector = try await server.enrol()
    for seed in 1...3 {
      let push = collector.generatedPush(seed: UInt64(seed), secondsAgo: Int64(seed) * 400)
      #expect(try await collector.push(push).status == 200)
    }
    let id = collector.serverID
    try await server.database.script(
      """
      INSERT INTO pganalytics.labels (server_id, name, value) VALUES (\(id), 'env', 'production');
      INSERT INTO pganalytics.dead_letters (server_id, push_id, table_name, message, tuples)
      SELECT \(id), gen_random_uuid(), 'x', 'x', '' FROM generate_series(1, 250)
      """)
    let rollups = Rollups(database: server.database, kind: kind, storage: Live(constant: server.settings.storage))
    try await server.eventually("nothing is rolled up") { try await !rollups.round().isElsewhere }
    return collector
  }

  private func remove(_ id: Int64, _ server: RunningServer, as role: Role = .admin) async throws -> TestAnswer {
    try await server.client().request("DELETE", "/api/v1/servers/\(id)", [server.user(role)])
  }

  private func revoke(_ collector: TestCollector, _ server: RunningServer) async throws {
    let answer = try await server.client().request(
      "DELETE", "/api/v1/collectors/\(collector.id)", [server.user(.admin)])
    #expect(answer.status == 204)
  }

  private func waitForEnd(_ id: Int64, _ server: RunningServer) async throws -> TestAnswer {
    let viewer = try await server.user(.viewer)
    let client = try await server.client()
    try await server.eventually("the removal does not end") {
      let progress = try await client.request("GET", "/api/v1/servers/\(id)/removal", [viewer])
      return progress.json["status"]?.text == "finished"
    }
    return try await client.request("GET", "/api/v1/servers/\(id)/removal", [viewer])
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a removal deletes the server's rows from every table, and no other server's`(_ kind: StorageKind) async throws {
    let server = try await start(kind)
    let (gone, stays) = (try await busy(server, kind), try await busy(server, kind))
    if kind == .timescale {
      // Rows of a compressed chunk are found, too.
      let chunks = try await server.integer("SELECT count(compress_chunk(c)) FROM show_chunks('metrics.disk_usage') c")
      #expect(chunks > 0)
    }
    let kept = try await rows(of: stays.serverID, server)
    #expect(try await remove(gone.serverID, server, as: .operator).error == "insufficient_role")
    let early = try await remove(gone.serverID, server)
    #expect(early.status == 409, "\(early)")
    #expect(early.text.contains(gone.id.description))
    #expect(try await gone.push(gone.push(of: [])).status == 200, "the collector still works")

    let before = try await rows(of: gone.serverID, server)
    let filled = before.filter { $0.value > 0 }.keys
    for table in [
      "metrics.disk_usage", "pganalytics.objects", "pganalytics.texts", "pganalytics.dead_letters",
      "pganalytics.labels",
    ] {
      #expect(filled.contains(table), "\(before)")
    }
    #expect(filled.contains { $0.hasPrefix("rollups.") })
    let serial = gone.certificate.serialHex
    try await revoke(gone, server)
    let accepted = try await remove(gone.serverID, server)
    #expect(accepted.status == 202, "\(accepted)")
    #expect(accepted.field("location") == "/api/v1/servers/\(gone.serverID)/removal")
    #expect(try await remove(gone.serverID, server).status == 202, "a second request is no error")

    let permit = try await server.client().request(
      "POST", "/api/v1/collectors/\(gone.id)/permit-enrolment", [server.user(.admin)])
    #expect(permit.status == 409, "\(permit)")
    let end = try await waitForEnd(gone.serverID, server)
    let wanted = before.filter { $0.key != "pganalytics.rollup_pending" }.values.reduce(0, +)
    #expect(end.json["rows_removed"]?.integer ?? 0 >= wanted, "\(end) \(before)")
    #expect(try await rows(of: gone.serverID, server).values.allSatisfy { $0 == 0 })
    let left = try await rows(of: stays.serverID, server)
    for (table, count) in kept where table.hasPrefix("metrics.") { #expect(left[table] == count, "\(table)") }
    #expect(try await stays.push(stays.push(of: [TestCollector.disk("/dev/a", used: 1)])).status == 200)

    let viewer = try await server.user(.viewer)
    let client = try await server.client()
    #expect(try await client.request("GET", "/api/v1/servers/\(gone.serverID)", [viewer]).status == 404)
    #expect(try await client.request("GET", "/api/v1/collectors/\(gone.id)", [viewer]).status == 404)
    #expect(try await remove(gone.serverID, server).status == 404)
    #expect(try await gone.push(gone.push(of: [])).error == "collector_revoked")
    #expect(
      try await server.integer("SELECT count(*) FROM pganalytics.ended_certificates WHERE serial = '\(serial)'") == 1,
      "lists of revoked certificates still name the certificate")
    let lists = try await server.database.rows(CertificateStatements.revoked)
    #expect(lists.contains { $0.serial == serial })
    for action in [AuditAction.removeServer, .finishRemoval] {
      let lines = try await server.integer(
        "SELECT count(*) FROM pganalytics.audit WHERE action = '\(action.rawValue)' AND subject = 'server:\(gone.serverID)'"
      )
      #expect(lines >= 1)
    }
    await server.server.stop()
    server.database.shutDown()
  }

  @Test func `a removal goes on where it was after its server is gone`() async throws {
    let server = try await start(pause: .seconds(3600))
    let collector = try await busy(server)
    try await revoke(collector, server)
    #expect(try await remove(collector.serverID, server).status == 202)
    let removed = "SELECT rows_removed FROM pganalytics.server_removals WHERE server_id = \(collector.serverID)"
    try await server.eventually("no step is taken") { try await server.integer(removed) > 0 }
    await server.server.stop()
    #expect(try await rows(of: collector.serverID, server).values.contains { $0 > 0 })

    var settings = server.settings
    settings.removalPause = .zero
    let removals = ServerRemovals(
      database: server.database, kind: .plain, settings: LiveSettings(settings), log: server.log)
    let end = """
      SELECT count(*) FROM pganalytics.server_removals
      WHERE server_id = \(collector.serverID) AND finished_at IS NOT NULL
      """
    try await server.eventually("the removal does not go on") {
      await removals.round()
      return try await server.integer(end) == 1
    }
    #expect(try await rows(of: collector.serverID, server).values.allSatisfy { $0 == 0 })

    // Another server learns late of the revocation and stores a push. A later round finds its rows.
    try await server.database.script(
      """
      INSERT INTO pganalytics.texts (server_id, text_id, value) VALUES (\(collector.serverID), 1, 'late');
      UPDATE pganalytics.server_removals SET swept_at = now() - interval '2 hours';
      """)
    await removals.round()
    #expect(try await rows(of: collector.serverID, server).values.allSatisfy { $0 == 0 })
    server.database.shutDown()
  }

  @Test func `pushes in flight do not bring a removed server back`() async throws {
    let server = try await start()
    let collector = try await server.enrol()
    let pushing = Task {
      var stored = 0
      for used in 1...10_000 {
        let push = collector.push(of: [TestCollector.disk("/dev/\(used)", used: used)])
        guard let answer = try? await collector.push(push), answer.status == 200 else { break }
        stored += 1
      }
      return stored
    }
    try await server.eventually("nothing is pushed") { try await collector.rows("disk_usage") > 5 }
    try await revoke(collector, server)
    #expect(try await remove(collector.serverID, server).status == 202)
    _ = try await waitForEnd(collector.serverID, server)
    #expect(await pushing.value > 5)
    #expect(try await rows(of: collector.serverID, server).values.allSatisfy { $0 == 0 })
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.servers WHERE id = \(collector.serverID)") == 0)
    let answer = try await server.register()
    #expect(answer.json["server_id"]?.integer ?? 0 > collector.serverID, "an id is never given twice")
    await server.server.stop()
    server.database.shutDown()
  }

  @Test func `the removal finds every table with rows of servers, by its partitions`() async throws {
    let server = try await RunningServer.shared(.plain)
    let found = Set(try await server.database.rows(ServerRemovalStatements.tables).map(\.name))
    for table in try await tables(server) {
      let leaves = try await server.database.rows(
        Statement<SingleValue<String>>(
          "test_leaves_\(table)",
          """
          SELECT format('%I.%I', n.nspname, c.relname) AS name
          FROM pg_partition_tree('\(table)') t JOIN pg_class c ON c.oid = t.relid
          JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.isleaf AND c.relkind = 'r'
          UNION ALL SELECT '\(table)' WHERE (SELECT relkind FROM pg_class WHERE oid = '\(table)'::regclass) = 'r'
          """)
      ).map(\.value)
      for leaf in leaves { #expect(found.contains(leaf), "\(leaf)") }
    }
  }
}
