import Protocol
import Testing

@testable import App

/// An enrolled host that registers again.
@Suite struct ReenrolmentTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func permit(_ id: UUID, at server: RunningServer, _ fields: [(String, String)]) async throws -> TestAnswer {
    try await server.client().request("POST", "/api/v1/collectors/\(id)/permit-enrolment", fields)
  }

  /// A secret with a mode of re-enrolment.
  private func secret(_ mode: Reenrolment?, _ server: RunningServer, maxUses: Int32? = nil) async throws -> String {
    let secret = UUID.random().description
    try await Secrets.add(secret, name: secret, expiry: nil, maxUses: maxUses, reenrolment: mode, to: server.database)
    return secret
  }

  /// Enrols a host. The server makes the key unless `csr` is given.
  private func enrol(
    _ hostname: String, at server: RunningServer, secret: String = RunningServer.secret, name: String = "again",
    csr: [UInt8]? = nil, over client: TestClient? = nil
  ) async throws -> TestAnswer {
    let connection: TestClient
    if let client { connection = client } else { connection = try await server.client() }
    var json = JSONWriter()
    json.object { json in
      json.member("name", name)
      json.member("hostname", hostname)
      json.member("version", "3.1.0")
      if let csr { json.member("csr", String(decoding: csr, as: UTF8.self)) }
    }
    return try await connection.request(
      "POST", "/api/v1/collectors/register",
      [("Content-Type", "application/json"), ("X-Registration-Secret", secret)],
      body: json.finish().withUnsafeBytes { Array($0) })
  }

  private func collector(_ answer: TestAnswer, _ server: RunningServer) throws -> TestCollector {
    try TestCollector(answer, keyPEM: Array(try #require(answer.json["private_key"]?.text).utf8), server: server)
  }

  /// Enrols a host and pushes, so that its identity is in use.
  private func used(
    _ hostname: String, at server: RunningServer, secret: String = RunningServer.secret
  ) async throws -> TestCollector {
    let enrolled = try collector(try await enrol(hostname, at: server, secret: secret), server)
    #expect(try await enrolled.push(enrolled.push(of: [TestCollector.disk("/dev/a", used: 1)])).status == 200)
    try await isUsed(enrolled)
    return enrolled
  }

  /// Waits until the database knows that the identity is in use.
  private func isUsed(_ collector: TestCollector) async throws {
    try await collector.server.eventually("the identity does not count as used") {
      try await collector.server.integer(
        "SELECT count(*) FROM pganalytics.collectors WHERE id = '\(collector.id)' AND used_at IS NOT NULL") == 1
    }
  }

  private func audited(_ action: AuditAction, on collector: UUID, _ server: RunningServer) async throws -> Int64 {
    try await server.integer(
      """
      SELECT count(*) FROM pganalytics.audit
      WHERE action = '\(action.rawValue)' AND outcome = 'success' AND subject = 'collector:\(collector)'
      """)
  }

  // MARK: permit

  @Test func `an enrolled host is refused until a permit lets it enrol once as the same collector`()
    async throws
  {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "again-\(UUID.random())"
    let old = try await used(host, at: server)
    let refused = try await enrol(host, at: server)
    #expect(refused.status == 409, "\(refused)")
    #expect(refused.error == "already_enrolled")
    let details = try #require(refused.json["details"]?.text)
    #expect(details.contains("pganalytics collector permit \(old.id)"), "\(details)")
    #expect(details.contains("/api/v1/collectors/\(old.id)/permit-enrolment"), "\(details)")

    let live = try await old.client()
    #expect(try await old.push(old.push(of: []), over: live).status == 200)
    let permitted = try await permit(old.id, at: server, [server.shared(.operator)])
    #expect(permitted.status == 200, "\(permitted)")
    #expect(permitted.json["enrolment_permitted_until"]?.text != nil)
    let elsewhere = try collector(try await enrol("elsewhere-\(UUID.random())", at: server), server)
    #expect(elsewhere.id != old.id, "a permit is for its host")

    let answer = try await enrol(host, at: server)
    #expect(answer.field("location") == "/api/v1/collectors/\(old.id)")
    let new = try collector(answer, server)
    #expect(new.id == old.id)
    #expect(new.serverID == old.serverID)
    #expect(try await live.isClosedByServer(), "the old certificate's connections are closed")
    #expect(try await old.push(old.push(of: [])).error == "certificate_revoked")
    #expect(try await new.push(new.push(of: [TestCollector.disk("/dev/b", used: 2)])).status == 200)
    #expect(try await new.rows("disk_usage") == 2, "the history goes on")
    try await isUsed(new)
    #expect(try await enrol(host, at: server).status == 409, "a permit is for one enrolment")
    #expect(try await audited(.permitEnrolment, on: old.id, server) == 1)
    #expect(try await audited(.enrol, on: old.id, server) == 2)
    let gone = try await server.client().request(
      "POST", "/api/v1/collectors/\(UUID.random())/permit-enrolment", [admin])
    #expect(gone.status == 404)
  }

  @Test func `a revoked collector holds no place, and an enrolment with a permit ends its revocation`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "revoked-\(UUID.random())"
    let old = try await used(host, at: server)
    let revoked = try await server.client().request("DELETE", "/api/v1/collectors/\(old.id)", [admin])
    #expect(revoked.status == 204)
    #expect(try await old.push(old.push(of: [])).error == "collector_revoked")

    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    #expect(try await old.push(old.push(of: [])).error == "collector_revoked", "the permit alone undoes nothing")
    let new = try collector(try await enrol(host, at: server), server)
    #expect(new.id == old.id)
    #expect(try await new.push(new.push(of: [])).status == 200)
    #expect(try await old.push(old.push(of: [])).error == "certificate_revoked", "the old certificate stays useless")

    #expect(try await server.client().request("DELETE", "/api/v1/collectors/\(new.id)", [admin]).status == 204)
    let other = try collector(try await enrol(host, at: server), server)
    #expect(other.id != old.id, "a host without a place is a new collector")
    #expect(other.serverID != old.serverID)
  }

  @Test func `a permit expires, and a revocation ends it`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "late-\(UUID.random())"
    let old = try await used(host, at: server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    for moved in ["now()", "now() + interval '1 year'"] {
      // The second time is that of a permit from a clock that was ahead.
      try await server.database.script(
        "UPDATE pganalytics.collectors SET enrolment_permitted_until = \(moved) WHERE id = '\(old.id)'")
      #expect(try await enrol(host, at: server).status == 409)
    }
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    #expect(try await server.client().request("DELETE", "/api/v1/collectors/\(old.id)", [admin]).status == 204)
    #expect(try collector(try await enrol(host, at: server), server).id != old.id)
  }

  @Test func `a bad secret does not use up the permit, and a permit does not replace a secret`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "secret-\(UUID.random())"
    let old = try await used(host, at: server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    #expect(try await enrol(host, at: server, secret: "nobody's").error == "secret_unknown")
    #expect(try await old.push(old.push(of: [])).status == 200, "nothing happened to the old identity")
    #expect(try collector(try await enrol(host, at: server), server).id == old.id)
  }

  @Test func `a host may enrol again over a connection whose certificate the enrolment revokes`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "same-\(UUID.random())"
    let old = try await used(host, at: server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    let client = try await old.client()
    #expect(try await old.push(old.push(of: []), over: client).status == 200)
    let new = try collector(try await enrol(host, at: server, over: client), server)
    #expect(new.id == old.id, "the answer comes before the end of the connection")
    #expect(try await client.isClosedByServer())
    #expect(try await new.push(new.push(of: [])).status == 200)
  }

  @Test func `another name on a host is another collector`() async throws {
    let server = try await server()
    let host = "two-\(UUID.random())"
    let first = try await used(host, at: server)
    let second = try collector(try await enrol(host, at: server, name: "another"), server)
    #expect(second.id != first.id)
    #expect(second.serverID != first.serverID)
  }

  // MARK: At once

  @Test(arguments: Reenrolment.allCases)
  func `fifty registrations of one host at once follow the mode of the secret`(_ mode: Reenrolment) async throws {
    let server = try await server()
    let secret = try await secret(mode, server)
    let host = "race-\(UUID.random())"
    let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
      for _ in 0..<50 { group.addTask { try await enrol(host, at: server, secret: secret) } }
      return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
    }
    let enrolled = answers.filter { $0.status == 201 }
    if mode == .permit {
      #expect(Set(enrolled.compactMap { $0.json["collector_id"]?.text }).count == 1)
      #expect(answers.filter { $0.status != 201 }.allSatisfy { $0.error == "already_enrolled" })
    }
    // Beyond the limit of good certificates the other registrations are further identities: of one server, or of
    // servers of their own.
    if mode == .replace { #expect(Set(enrolled.compactMap { $0.json["server_id"]?.integer }).count == 1) }
    #expect(enrolled.count >= CertificateRenewal.goodAtOnce)
    for answer in enrolled where mode == .permit {
      let one = try collector(answer, server)
      #expect(try await one.push(one.push(of: [])).status == 200)
    }
  }

  @Test func `one permit makes one identity, however many registrations come at once`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let host = "permits-\(UUID.random())"
    let old = try await used(host, at: server)
    #expect(try await permit(old.id, at: server, [admin]).status == 200)
    let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
      for _ in 0..<6 { group.addTask { try await enrol(host, at: server) } }
      return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
    }
    // The registrations come from one address with one secret, so the later ones get the same identity again.
    #expect(answers.allSatisfy { $0.json["collector_id"]?.text == old.id.description }, "\(answers)")
  }

  // MARK: replace

  @Test func `with a replacing secret the old identity ends when the new one first pushes`() async throws {
    let server = try await server()
    let secret = try await secret(.replace, server)
    let host = "replaced-\(UUID.random())"
    let old = try await used(host, at: server, secret: secret)
    let new = try collector(try await enrol(host, at: server, secret: secret), server)
    #expect(new.id != old.id)
    #expect(new.serverID == old.serverID)

    let live = try await old.client()
    for used in 2...3 {
      let body = old.push(of: [
        TestCollector.disk("/dev/a", used: used, time: TestCollector.now(secondsAgo: 100 + Int64(used)))
      ])
      #expect(try await old.push(body, over: live).status == 200, "the old identity is good until then")
    }
    let refreshed = try await new.client().request("POST", TestCollector.refreshTarget, [new.authorization])
    #expect(refreshed.status == 200)
    #expect(try await old.push(old.push(of: []), over: live).status == 200, "a refresh is no push")

    #expect(try await new.push(new.push(of: [TestCollector.disk("/dev/b", used: 4)])).status == 200)
    #expect(try await old.push(old.push(of: [])).error == "collector_revoked", "the old identity ends at once")
    #expect(try await live.isClosedByServer())
    #expect(try await new.rows("disk_usage") == 4, "the history goes on")
    #expect(try await audited(.replaceCollector, on: old.id, server) == 1)
    let shown = try await server.client().request("GET", "/api/v1/servers/\(new.serverID)", [server.shared(.viewer)])
    #expect(shown.json["collector_id"]?.text == new.id.description)

    // The same holds for the third identity.
    let third = try collector(try await enrol(host, at: server, secret: secret), server)
    #expect(third.serverID == old.serverID)
    #expect(try await third.push(third.push(of: [])).status == 200)
    #expect(try await new.push(new.push(of: [])).error == "collector_revoked")
  }

  @Test func `an identity that was never used does not end with the identity before it`() async throws {
    let server = try await server()
    let (secret, other) = (try await secret(.replace, server), try await secret(.replace, server))
    let host = "chain-\(UUID.random())"
    let first = try await used(host, at: server, secret: secret)
    let second = try collector(try await enrol(host, at: server, secret: secret), server)
    let third = try collector(try await enrol(host, at: server, secret: other), server)
    #expect(Set([first.id, second.id, third.id]).count == 3)
    // The latest identity belongs to the host. A late first push of the second identity does not end it.
    #expect(try await second.push(second.push(of: [])).status == 200)
    #expect(try await first.push(first.push(of: [])).error == "collector_revoked")
    #expect(try await third.push(third.push(of: [])).status == 200)
    #expect(try await second.push(second.push(of: [])).error == "collector_revoked")
  }

  @Test func `the setting counts without a mode in the secret, and the mode new makes a new collector`() async throws {
    let server = try await RunningServer.start { $0.reenrolment = "new" }
    let first = try await used("new", at: server)
    let second = try await used("new", at: server)
    #expect(first.id != second.id)
    #expect(first.serverID != second.serverID)
    #expect(try await first.push(first.push(of: [])).status == 200)
    let permitting = try await secret(.permit, server)
    let refused = try await enrol("new", at: server, secret: permitting)
    #expect(refused.error == "already_enrolled")
    #expect(refused.text.contains(second.id.description), "of several collectors of one host the newest counts")
    await server.stop()
  }

  // MARK: Lost answers

  @Test func `a lost answer is given again with a secret for one enrolment`() async throws {
    let server = try await server()
    let once = try await secret(nil, server, maxUses: 1)
    let host = "lost-\(UUID.random())"
    let lost = try collector(try await enrol(host, at: server, secret: once), server)
    let again = try collector(try await enrol(host, at: server, secret: once), server)
    #expect(again.id == lost.id)
    #expect(again.certificate.serialHex != lost.certificate.serialHex)
    #expect(
      try await server.integer(
        "SELECT uses::int8 FROM pganalytics.registration_secrets WHERE name = '\(once)'") == 1)
    #expect(try await again.push(again.push(of: [])).status == 200)
    try await isUsed(again)
    #expect(
      try await enrol(host, at: server, secret: once).error == "secret_exhausted",
      "the identity is in use, so no answer is lost")
    #expect(try await enrol(host, at: server).error == "already_enrolled")
  }

  @Test func `a lost answer is given again to the same key from elsewhere, and to no other client`() async throws {
    let server = try await server()
    let secret = try await secret(nil, server)
    let host = "moved-\(UUID.random())"
    let key = try PrivateKey.generate()
    let requests = try (0..<2).map { _ in try CertificateSigningRequest.create(for: key, commonName: "db") }
    let lost = try await enrol(host, at: server, secret: secret, csr: requests[0])
    let id = try #require(lost.json["collector_id"]?.text)
    try await server.database.script(
      "UPDATE pganalytics.collectors SET enrolled_from = '192.0.2.1' WHERE id = '\(id)'")
    #expect(try await enrol(host, at: server, secret: secret).error == "already_enrolled", "another address and key")
    #expect(try await enrol(host, at: server, csr: requests[1]).error == "already_enrolled", "another secret")
    let again = try await enrol(host, at: server, secret: secret, csr: requests[1])
    #expect(again.json["collector_id"]?.text == id, "\(again)")
    try await server.database.script(
      "UPDATE pganalytics.collectors SET enrolled_at = now() - interval '2 hours' WHERE id = '\(id)'")
    #expect(try await enrol(host, at: server, secret: secret, csr: requests[1]).error == "already_enrolled", "too late")
  }
}
