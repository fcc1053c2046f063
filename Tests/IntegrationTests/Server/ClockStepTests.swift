import Ground
import Protocol
import Testing

@testable import App

/// The server's clock was ahead and was set back. Tokens, certificates and keys of the wrong time leave every collector
/// a way in.
@Suite struct ClockStepTests {
  private static let day: Int64 = 86_400
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func refresh(_ token: (String, String), over client: TestClient) async throws -> TestAnswer {
    try await client.request("POST", TestCollector.refreshTarget, [token])
  }

  @Test func `a token of the future may be refreshed beside a certificate, and does nothing else`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let future = try await collector.token(secondsAgo: -3 * Self.day, life: 1800)
    let client = try await collector.client()
    func push(_ token: (String, String)) async throws -> TestAnswer {
      try await client.request("POST", TestCollector.pushTarget, [token], body: collector.push(of: []))
    }
    #expect(try await push(future).error == "token_not_yet_valid")
    let refreshed = try await refresh(future, over: client)
    #expect(refreshed.status == 200, "\(refreshed)")
    #expect(
      try await push(future).error == "token_not_yet_valid", "a refresh does not make it valid on this connection")
    let token = ("Authorization", "Bearer " + (try #require(refreshed.json["token"]?.text)))
    #expect(try await push(token).status == 200)

    #expect(try await refresh(future, over: server.client()).error == "token_not_yet_valid", "no certificate proves it")
    let other = try await server.enrol()
    #expect(try await refresh(future, over: other.client()).error == "identity_mismatch")
    let aged = try await collector.certificate(age: 29 * Self.day, life: 30 * Self.day)
    let renewed = try await collector.renew(future, body: "", over: server.client(aged.identity))
    #expect(renewed.status == 200, "\(renewed)")
  }

  @Test func `a request without a body is answered, even if its collector must be looked up first`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    // Without triggers the server learns of nothing, so it has to query.
    for table in ["collectors", "collector_certificates"] {
      try await server.database.script("ALTER TABLE pganalytics.\(table) DISABLE TRIGGER USER")
    }
    let aged = try await collector.certificate(age: 29 * Self.day, life: 30 * Self.day)
    let renewed = try await collector.renew(body: "", over: server.client(aged.identity))
    #expect(renewed.status == 200, "\(renewed)")
    let unknown = try await collector.certificate(age: 29 * Self.day, life: 30 * Self.day, isRecorded: false)
    let refused = try await collector.renew(body: "", over: server.client(unknown.identity))
    #expect(refused.error == "certificate_unknown", "\(refused)")
    await server.stop()
  }

  @Test func `a certificate of the future is accepted, and is renewed at once`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let future = try await collector.certificate(age: -3 * Self.day, life: 30 * Self.day)
    let client = try await server.client(future.identity)
    #expect(try await collector.push(collector.push(of: []), over: client).status == 200)
    let renewed = try await collector.renew(over: client)
    #expect(renewed.status == 200, "\(renewed)")
    let certificate = try Certificate(pem: Array(try #require(renewed.json["certificate"]?.text).utf8))
    #expect(certificate.notBefore < future.certificate.notBefore)
    let unknown = try await collector.certificate(age: -3 * Self.day, life: 30 * Self.day, isRecorded: false)
    let stranger = try await server.client(unknown.identity)
    #expect(try await collector.push(collector.push(of: []), over: stranger).error == "certificate_unknown")
  }

  @Test func `a signing key of the future is replaced, and the key before it signs meanwhile`()
    async throws
  {
    let server = try await RunningServer.start()
    let life = Double(server.settings.signingKeyLife.wholeSeconds)
    #expect(try await server.database.one(SigningKeyStatements.isDue, life)?.value == false)
    try await server.database.script(
      "UPDATE pganalytics.signing_keys SET created_at = now() + interval '1 year', signs_from = now() + interval '1 year'"
    )
    #expect(try await server.database.one(SigningKeyStatements.isDue, life)?.value == true)
    let made = try await server.database.transaction { session throws(DatabaseError) in
      try await SigningKeyStore(database: session).addIfDue(life: .seconds(86_400), lead: .zero, overlap: .seconds(60))
    }
    let keys = try await SigningKeyStore(database: server.database).load()
    #expect(keys.signing.id == made)
    #expect(try await server.database.one(SigningKeyStatements.isDue, life)?.value == false)
    _ = try await server.person(.viewer)
    await server.stop()
  }
}
