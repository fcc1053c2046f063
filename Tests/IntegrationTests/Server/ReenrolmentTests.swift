import Protocol
import Testing

@testable import App

/// A host that lost its identity gets it back, if an admin says so.
@Suite struct ReenrolmentTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func permit(_ id: UUID, at server: RunningServer, _ fields: [(String, String)]) async throws -> TestAnswer {
    try await server.client().request("POST", "/api/v1/collectors/\(id)/permit-enrolment", fields)
  }

  /// Enrols a host over `client`, with a key that the server makes.
  private func enrol(
    _ hostname: String, at server: RunningServer, secret: String = RunningServer.secret, over client: TestClient? = nil
  ) async throws -> TestAnswer {
    let connection: TestClient
    if let client { connection = client } else { connection = try await server.client() }
    return try await connection.request(
      "POST", "/api/v1/collectors/register",
      [("Content-Type", "application/json"), ("X-Registration-Secret", secret)],
      body: Array(#"{"name":"again","hostname":"\#(hostname)","version":"3.1.0"}"#.utf8))
  }

  private func collector(_ answer: TestAnswer, _ server: RunningServer) throws -> TestCollector {
    try TestCollector(answer, keyPEM: Array(try #require(answer.json["private_key"]?.text).utf8), server: server)
  }

  @Test func `with a permit the same host is the same collector, once; without one a new one`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "again-\(UUID.random())"
    let old = try collector(try await enrol(host, at: server), server)
    #expect(try await old.push(old.push(of: [TestCollector.disk("/dev/a", used: 1)])).status == 200)
    let stranger = try collector(try await enrol(host, at: server), server)
    #expect(stranger.id != old.id, "no permit, no identity")

    let live = try await old.client()
    #expect(try await old.push(old.push(of: []), over: live).status == 200)
    let permitted = try await permit(old.id, at: server, [admin])
    #expect(permitted.status == 200, "\(permitted)")
    #expect(permitted.json["enrolment_permitted_until"]?.text != nil)
    let elsewhere = try collector(try await enrol("elsewhere-\(UUID.random())", at: server), server)
    #expect(elsewhere.id != old.id, "a permit is for its host")

    let new = try collector(try await enrol(host, at: server), server)
    #expect(new.id == old.id)
    #expect(new.serverID == old.serverID)
    #expect(try await live.isClosedByServer(), "the old certificate's connections are closed")
    #expect(try await old.push(old.push(of: [])).error == "certificate_revoked")
    #expect(try await new.push(new.push(of: [TestCollector.disk("/dev/b", used: 2)])).status == 200)
    #expect(try await new.rows("disk_usage") == 2, "the history goes on")

    let third = try collector(try await enrol(host, at: server), server)
    #expect(third.id != old.id, "a permit is for one enrolment")
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit
        WHERE action = 'collector.permit_enrolment' AND subject = 'collector:\(old.id)'
        """) == 1)
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit
        WHERE action = 'collector.enrol' AND outcome = 'success' AND subject = 'collector:\(old.id)'
        """) == 2)
  }

  @Test func `a revoked collector that enrols again is revoked no more`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "revoked-\(UUID.random())"
    let old = try collector(try await enrol(host, at: server), server)
    let revoked = try await server.client().request("DELETE", "/api/v1/collectors/\(old.id)", [admin])
    #expect(revoked.status == 204)
    let other = try collector(try await enrol(host, at: server), server)
    #expect(other.id != old.id)
    #expect(try await old.push(old.push(of: [])).error == "collector_revoked")

    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    #expect(try await old.push(old.push(of: [])).error == "collector_revoked", "the permit alone undoes nothing")
    let new = try collector(try await enrol(host, at: server), server)
    #expect(new.id == old.id)
    #expect(try await new.push(new.push(of: [])).status == 200)
    #expect(try await old.push(old.push(of: [])).error == "certificate_revoked", "what leaked stays useless")
  }

  @Test func `a permit ends, and ends with a revocation`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "late-\(UUID.random())"
    let old = try collector(try await enrol(host, at: server), server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    try await server.database.script(
      "UPDATE pganalytics.collectors SET enrolment_permitted_until = now() WHERE id = '\(old.id)'")
    #expect(try collector(try await enrol(host, at: server), server).id != old.id)

    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    #expect(try await server.client().request("DELETE", "/api/v1/collectors/\(old.id)", [admin]).status == 204)
    #expect(try collector(try await enrol(host, at: server), server).id != old.id)
  }

  @Test func `a bad secret does not use up the permit, and a permit does not replace a secret`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "secret-\(UUID.random())"
    let old = try collector(try await enrol(host, at: server), server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    #expect(try await enrol(host, at: server, secret: "nobody's").error == "secret_unknown")
    #expect(try await old.push(old.push(of: [])).status == 200, "nothing happened to the old identity")
    #expect(try collector(try await enrol(host, at: server), server).id == old.id)
  }

  @Test func `one permit is one identity, however many ask at once`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "race-\(UUID.random())"
    let old = try collector(try await enrol(host, at: server), server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
      for _ in 0..<6 { group.addTask { try await enrol(host, at: server) } }
      return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
    }
    #expect(answers.allSatisfy { $0.status == 201 })
    #expect(answers.count { $0.json["collector_id"]?.text == old.id.description } == 1)
  }

  @Test func `enrols again over a connection with the certificate that this revokes`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "same-\(UUID.random())"
    let old = try collector(try await enrol(host, at: server), server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    let client = try await old.client()
    #expect(try await old.push(old.push(of: []), over: client).status == 200)
    let new = try collector(try await enrol(host, at: server, over: client), server)
    #expect(new.id == old.id, "the answer comes before the end of the connection")
    #expect(try await client.isClosedByServer())
    #expect(try await new.push(new.push(of: [])).status == 200)
  }

  @Test func `only an admin permits, and only for a collector that is there`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    #expect(
      try await permit(collector.id, at: server, [server.shared(.operator)]).error == "insufficient_role")
    #expect(try await permit(collector.id, at: server, [collector.authorization]).status == 401)
    #expect(try await permit(UUID.random(), at: server, [server.shared(.admin)]).status == 404)
  }
}
