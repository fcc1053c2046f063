import Glibc
import Protocol
import Testing

@testable import App

/// How a collector gets its identity.
@Suite struct EnrolmentTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  @Test func `the key of a signing request is certified, and the certificate's URI names the collector`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    #expect(collector.certificate.uniformResourceIdentifiers == [CollectorURN.encode(collector.id)])
    #expect(collector.certificate.notAfter > Int64(Glibc.time(nil)) + 29 * 86_400)
    // The server itself judges the chain: it accepts a push with the certificate.
    let answer = try await collector.push(collector.push(of: [TestCollector.disk("/dev/a", used: 1)]))
    #expect(answer.status == 200, "\(answer)")
    let stored = try await server.integer(
      "SELECT count(*) FROM pganalytics.collector_certificates WHERE serial = '\(collector.certificate.serialHex)'"
        + " AND fingerprint = '\(collector.certificate.fingerprintHex)' AND collector_id = '\(collector.id)'")
    #expect(stored == 1)
  }

  @Test func `a collector without a signing request gets a key that works`() async throws {
    let server = try await server()
    let answer = try await server.register()
    let key = try #require(answer.json["private_key"]?.text)
    #expect(answer.json["ca_certificate"]?.text == String(decoding: server.trust, as: UTF8.self))
    let collector = try TestCollector(answer, keyPEM: Array(key.utf8), server: server)
    #expect(collector.certificate.uniformResourceIdentifiers == [CollectorURN.encode(collector.id)])
    #expect(try await collector.push(collector.push(of: [])).status == 200)
  }

  @Test func `a collector with a key of its own gets no private key`() async throws {
    let server = try await server()
    let key = try PrivateKey.generate()
    let request = try CertificateSigningRequest.create(for: key, commonName: "db")
    let answer = try await server.register(csr: String(decoding: request, as: UTF8.self))
    #expect(answer.status == 201)
    #expect(answer.json["private_key"] == nil)
  }

  @Test func `a registration without a secret is refused`() async throws {
    let answer = try await server().register(secret: nil)
    #expect(answer.status == 401)
    #expect(answer.error == "invalid_registration_secret")
    #expect(answer.field("www-authenticate") != nil)
  }

  @Test func `a registration with an unknown secret is refused`() async throws {
    let answer = try await server().register(secret: "nobody's")
    #expect(answer.status == 403)
    #expect(answer.error == "secret_unknown")
  }

  @Test func `a registration with an expired secret is refused`() async throws {
    let server = try await server()
    let past = Timestamp(unixSeconds: Int64(Glibc.time(nil)) - 1)
    try await Secrets.add("expired", name: "expired", expiry: past, maxUses: nil, to: server.database)
    #expect(try await server.register(secret: "expired").error == "secret_expired")
  }

  @Test func `a secret for two enrolments serves two, however many collectors ask at once`() async throws {
    let server = try await server()
    try await Secrets.add("twice", name: "twice", expiry: nil, maxUses: 2, to: server.database)
    let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
      for _ in 0..<6 { group.addTask { try await server.register(secret: "twice") } }
      return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
    }
    #expect(answers.count { $0.status == 201 } == 2)
    #expect(answers.filter { $0.status != 201 }.allSatisfy { $0.status == 403 && $0.error == "secret_exhausted" })
  }

  @Test func `a registration with a revoked secret is refused`() async throws {
    let server = try await server()
    try await Secrets.add("revoked", name: "revoked", expiry: nil, maxUses: nil, to: server.database)
    try await server.database.script(
      "UPDATE pganalytics.registration_secrets SET revoked_at = now() WHERE name = 'revoked'")
    #expect(try await server.register(secret: "revoked").error == "secret_revoked")
  }

  @Test func `a malformed signing request is refused and uses up no enrolment`() async throws {
    let server = try await server()
    try await Secrets.add("once", name: "once", expiry: nil, maxUses: 1, to: server.database)
    let answer = try await server.register(csr: "-----BEGIN CERTIFICATE REQUEST-----\n", secret: "once")
    #expect(answer.status == 422, "\(answer)")
    #expect(answer.error == "validation_failed")
    #expect(try await server.register(secret: "once").status == 201)
  }

  @Test func `a refused registration names every wrong field`() async throws {
    let answer = try await server().client().request(
      "POST", "/api/v1/collectors/register",
      [("Content-Type", "application/json"), ("X-Registration-Secret", RunningServer.secret)],
      body: Array(#"{"name":"","surname":"x"}"#.utf8))
    #expect(answer.status == 422)
    let details = try #require(answer.json["details"]?.text)
    for field in ["name", "hostname", "surname"] { #expect(details.contains(field), "\(details)") }
  }

  @Test func `a refreshed token works`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.client()
    let answer = try await client.request(
      "POST", "/api/v1/collectors/refresh-token", [collector.authorization], body: [])
    let token = try #require(answer.json["token"]?.text, "\(answer)")
    let push = try await client.request(
      "POST", TestCollector.pushTarget, [("Authorization", "Bearer \(token)")], body: collector.push(of: []))
    #expect(push.status == 200, "\(push)")
  }

  @Test func `an enrolment is in the audit trail, with its secret`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let lines = try await server.integer(
      """
      SELECT count(*) FROM pganalytics.audit a JOIN pganalytics.registration_secrets s
        ON s.id::text = a.details ->> 'registration_secret' AND s.name = 'tests'
      WHERE action = 'collector.enrol' AND outcome = 'success' AND subject = 'collector:\(collector.id)'
        AND details ->> 'serial' = '\(collector.certificate.serialHex)' AND address = '127.0.0.1'
      """)
    #expect(lines == 1)
  }

  @Test func `a used secret is refused, and a flood of tries makes one line of the trail`() async throws {
    let server = try await RunningServer.start()
    try await Secrets.add("once", name: "once", expiry: nil, maxUses: 1, to: server.database)
    _ = try await server.enrol(secret: "once")
    for _ in 0..<20 { #expect(try await server.register(secret: "once").error == "secret_exhausted") }
    let lines = """
      SELECT count(*) FROM pganalytics.audit WHERE action = 'collector.enrol' AND outcome = 'refused'
        AND actor = 'anonymous' AND details ->> 'error' = 'secret_exhausted'
      """
    try await server.eventually("the refusal is not audited") { try await server.integer(lines) == 1 }
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.collectors") == 1)
    await server.stop()
  }
}
