import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// A revoked collector loses access at once, at all servers, also on open connections.
@Suite struct RevocationTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func revoke(_ id: UUID, at server: RunningServer, _ fields: [(String, String)]) async throws -> TestAnswer {
    try await server.client().request("DELETE", "/api/v1/collectors/\(id)", fields)
  }

  @Test func `at two servers, live connections are closed within a second and new ones are refused`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let bystander = try await first.enrol()
    let admin = try await first.user(.admin)
    let alive = try await second.client(bystander.identity)
    var times: [Duration] = []
    // A second is ample, but not on a machine that runs a hundred other tests meanwhile. So the best of several tries
    // counts.
    while times.count < 5, !times.contains(where: { $0 < .seconds(1) }) {
      let collector = try await first.enrol()
      let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
      var clients: [TestClient] = []
      for server in [first, second] {
        for _ in 0..<3 {
          let client = try await server.client(collector.identity)
          #expect(try await collector.push(body, over: client).status == 200)
          clients.append(client)
        }
        // A connection that has sent nothing yet counts as well.
        clients.append(try await server.client(collector.identity))
      }
      #expect(try await revoke(collector.id, at: first, [admin]).status == 204)
      let committed = MonotonicTime.now()
      for client in clients { #expect(try await client.isClosedByServer()) }
      times.append(MonotonicTime.now() - committed)
      for server in [first, second] { try await expectRefusals(of: collector, at: server) }
    }
    #expect(times.contains { $0 < .seconds(1) }, "\(times)")
    #expect(
      try await bystander.push(bystander.push(of: []), over: alive).status == 200, "only the revoked collector is out")
    let page = try await second.client().request("GET", "/metrics").text
    let severed = page.firstMatch(of: /\npganalytics_connections_severed_total ([0-9]+)\n/).flatMap { Int($0.output.1) }
    // A connection that came meanwhile and was refused may be among them.
    #expect(try #require(severed) >= 4 * times.count, "\(page)")
    await second.stop()
    await first.stop()
  }

  private func expectRefusals(of collector: TestCollector, at server: RunningServer) async throws {
    let push = try await collector.push(collector.push(of: []), over: server.client(collector.identity))
    #expect(push.status == 403)
    #expect(push.error == "collector_revoked")
    let refresh = try await server.client(collector.identity).request(
      "POST", TestCollector.refreshTarget, [collector.authorization])
    #expect(refresh.error == "collector_revoked")
    #expect(try await collector.renew(over: server.client(collector.identity)).error == "collector_revoked")
  }

  @Test func `a lost notification is made up for when the listener is back`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    let client = try await collector.client()
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    #expect(try await collector.push(body, over: client).status == 200)
    // A revocation without a notification.
    try await server.database.script(
      """
      ALTER TABLE pganalytics.collectors DISABLE TRIGGER collectors_announce;
      UPDATE pganalytics.collectors SET revoked_at = now() WHERE id = '\(collector.id)';
      ALTER TABLE pganalytics.collectors ENABLE TRIGGER collectors_announce
      """)
    #expect(try await collector.push(body, over: client).status == 200, "the notification arrived all the same")
    let killed = try await server.integer(
      """
      SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE datname = current_database() AND query LIKE 'SET %'
      """)
    #expect(killed >= 1, "the listener, and sessions that have only their settings")
    #expect(try await client.isClosedByServer())
    #expect(try await collector.push(body).error == "collector_revoked")
    await server.stop()
  }

  @Test func `a push whose body is still arriving is refused and not stored`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let collector = try await server.enrol()
    let client = try await collector.client()
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    try await client.send(
      "POST \(TestCollector.pushTarget) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(collector.token)\r\n"
        + "Expect: 100-continue\r\nContent-Length: \(body.count)\r\n\r\n")
    #expect(try await client.interim() == 100, "the push was admitted")
    try await client.send(Array(body.prefix(body.count / 2)))
    #expect(try await revoke(collector.id, at: server, [admin]).status == 204)
    let answer = try await client.answer()
    #expect(answer.status == 403)
    #expect(answer.error == "collector_revoked")
    #expect(answer.field("connection") == "close")
    #expect(try await client.isClosedByServer())
    #expect(try await collector.rows("disk_usage") == 0)
    #expect(try await collector.ledger() == 0)
  }

  @Test func `a push that waits for its commit loses its connection`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    let admin = try await server.shared(.admin)
    let client = try await collector.client()
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    try await server.database.transaction { session throws(DatabaseError) in
      try await session.script("LOCK TABLE metrics.disk_usage IN ACCESS EXCLUSIVE MODE")
      do {
        async let answer = collector.push(body, over: client)
        try await server.eventually("the push does not wait") {
          try await server.integer("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL") > 0
        }
        #expect(try await revoke(collector.id, at: server, [admin]).status == 204)
        let unexpected = try await answer
        Issue.record("the push was answered: \(unexpected)")
      } catch is TestClient.Failure {
        // The client learns only of the end of its connection.
      } catch {
        Issue.record(error)
      }
    }
    #expect(try await collector.push(body).error == "collector_revoked")
    await server.stop()
  }

  @Test func `a revocation needs an admin, is audited, and does no harm twice`() async throws {
    let server = try await server()
    let (admin, lesser) = (try await server.shared(.admin), try await server.shared(.operator))
    let collector = try await server.enrol()
    #expect(try await revoke(collector.id, at: server, [lesser]).error == "insufficient_role")
    #expect(try await revoke(collector.id, at: server, []).error == "unauthenticated")
    #expect(try await revoke(UUID.random(), at: server, [admin]).status == 404)
    #expect(try await collector.push(collector.push(of: [])).status == 200)

    #expect(try await revoke(collector.id, at: server, [admin]).status == 204)
    let time = "SELECT extract(epoch FROM revoked_at)::int8 FROM pganalytics.collectors WHERE id = '\(collector.id)'"
    let since = try await server.integer(time)
    #expect(try await revoke(collector.id, at: server, [admin]).status == 204)
    #expect(try await server.integer(time) == since)
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.collector_certificates
        WHERE collector_id = '\(collector.id)' AND revoked_at IS NULL
        """) == 0)
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit WHERE action = 'collector.revoke' AND outcome = 'success'
          AND actor LIKE 'user:%' AND subject = 'collector:\(collector.id)' AND address = '127.0.0.1'
        """) == 2)
  }

  @Test func `requests of a revoked collector are counted and not written line by line`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let collector = try await server.enrol()
    #expect(try await revoke(collector.id, at: server, [admin]).status == 204)
    var client = try await collector.client()
    var refusals = 0
    for _ in 0..<40 where refusals < 20 {
      do {
        #expect(try await collector.push(collector.push(of: []), over: client).error == "collector_revoked")
        refusals += 1
      } catch TestClient.Failure.closed {
        // A lane learns of the revocation from the request and from the database. The later of the two closes open
        // connections.
        client = try await collector.client()
      }
    }
    #expect(refusals == 20)
    let lines = """
      SELECT count(*) FROM pganalytics.audit WHERE action = 'collector.refused' AND outcome = 'refused'
        AND actor = 'collector:\(collector.id)' AND details ->> 'error' = 'collector_revoked'
      """
    try await server.eventually("the refusal is not audited") { try await server.integer(lines) == 1 }
    // Who may not read the audit trail sees why the collector is refused.
    let path = "/api/v1/collectors/\(collector.id)"
    let shown = try await server.client().request("GET", path, [try await server.shared(.viewer)]).json["refusals"]
    #expect(shown?.elements.count == 1, "\(String(describing: shown))")
    #expect(shown?.elements.first?["error"]?.text == "collector_revoked")
    #expect(shown?.elements.first?["repeated"]?.integer == 0)
  }
}
