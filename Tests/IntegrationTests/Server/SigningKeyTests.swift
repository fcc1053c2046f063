import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// Keys of tokens change without a logout, and a key that is known to others ends at once.
@Suite struct SigningKeyTests {
  private func kid(of token: String) throws -> String {
    let header = try #require(token.split(separator: ".").first)
    let decoded = Base64URL.decode(Array(header.utf8).span)
    let json = try #require(decoded)
    return try #require(try JSONValue.parse(json.span)["kid"]?.text)
  }

  private func add(_ server: RunningServer, lead: Duration) async throws -> String {
    try await server.database.transaction { session throws(DatabaseError) in
      try await SigningKeyStore(database: session).add(lead: lead, overlap: server.settings.signingKeyOverlap)
    }
  }

  @Test func `a new key verifies before it signs, at every server, and the old key goes on`() async throws {
    let first = try await RunningServer.start()
    let servers = [first, try await first.second()]
    let old = try await SigningKeyStore(database: first.database).load()
    let collector = try await first.enrol()
    let user = try await first.user(.viewer)
    let kept = try await collector.client()
    #expect(try await collector.push(collector.push(of: []), over: kept).status == 200)

    let next = try await add(first, lead: .seconds(3600))
    let early = Tokens(
      keys: try JWTKeySet(signing: try #require(try await key(next, first))), settings: first.settings
    ).issue(collector: collector.id, hostname: "h", now: Int64(Glibc.time(nil)))
    for server in servers {
      try await server.eventually("the new key is not read") {
        try await server.client(collector.identity).request(
          "POST", TestCollector.pushTarget, [("Authorization", "Bearer \(early.token)")], body: collector.push(of: [])
        ).status == 200
      }
      #expect(try kid(of: await refreshed(collector, at: server)) == old.signing.id, "the new key does not sign yet")
    }

    try await first.database.script("UPDATE pganalytics.signing_keys SET signs_from = now() WHERE kid = '\(next)'")
    for server in servers {
      try await server.eventually("the new key does not sign") {
        try kid(of: await refreshed(collector, at: server)) == next
      }
      let me = try await server.client().request("GET", "/api/v1/auth/me", [user])
      #expect(me.status == 200, "no user is logged out: \(me)")
      #expect(try await server.counts("pganalytics_signing_keys 2"))
    }
    #expect(try await collector.push(collector.push(of: []), over: kept).status == 200)

    // The key is known to others: no token of it is accepted any more, not even on open connections.
    #expect(try await first.database.one(SigningKeyStatements.retire, old.signing.id)?.value == old.signing.id)
    try await first.eventually("a retired key is still good on an open connection") {
      try await collector.push(collector.push(of: []), over: kept).error == "unknown_key"
    }
    for server in servers {
      try await server.eventually("a retired key is still good") {
        try await server.client().request("GET", "/api/v1/auth/me", [user]).error == "unknown_key"
      }
    }
    #expect(try await first.database.one(SigningKeyStatements.retire, next) == nil, "the last key stays")
    #expect(try await first.integer("SELECT count(*) FROM pganalytics.audit WHERE action = 'signing_key.rotate'") == 2)
    for server in servers { await server.stop() }
  }

  private func key(_ kid: String, _ server: RunningServer) async throws -> JWTKey? {
    let rows = try await server.database.rows(SigningKeyStatements.list)
    return try rows.first { $0.kid == kid }.map { try JWTKey(id: $0.kid, secret: $0.secret) }
  }

  private func refreshed(_ collector: TestCollector, at server: RunningServer) async throws -> String {
    let answer = try await server.client(collector.identity).request(
      "POST", TestCollector.refreshTarget, [collector.authorization])
    return try #require(answer.json["token"]?.text, "\(answer)")
  }

  @Test func `an old key is replaced by one new key, however many servers check`() async throws {
    let server = try await RunningServer.start()
    let (database, settings) = (server.database, server.settings)
    let keys = try await SigningKeys.open(database, settings: LiveSettings(settings))
    try await keys.maintain()
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.signing_keys") == 1, "no key is due")
    let old = keys.tokens.keys.signing.id
    try await database.script("UPDATE pganalytics.signing_keys SET created_at = now() - interval '31 days'")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { try await keys.maintain() } }
      try await group.waitForAll()
    }
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.signing_keys") == 2)
    // The last token of the key may be shown for as long as the certificate beside it may be renewed.
    let life =
      settings.signingKeyLead + settings.collectorTokenLife + settings.certificateLife + settings.certificateGrace
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.signing_keys WHERE kid = '\(old)'
          AND abs(extract(epoch FROM retired_at - now()) - \(life.wholeSeconds)) < 300
        """) == 1)
    _ = try await keys.reload()
    #expect(keys.tokens.keys.signing.id == old, "the new one does not sign before signing_key_lead")
    #expect(keys.tokens.keys.ids.count == 2)

    try await database.script(
      "UPDATE pganalytics.signing_keys SET retired_at = now() - interval '1 s' WHERE kid = '\(old)'")
    try await keys.maintain()
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.signing_keys WHERE kid = '\(old)'") == 0)
    await server.stop()
  }
}
