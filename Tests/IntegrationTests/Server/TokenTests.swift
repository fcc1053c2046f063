import Glibc
import Protocol
import Testing

@testable import App

/// Every defect of an access token, over a socket, for users and for collectors.
@Suite struct TokenTests {
  private static let now = Int64(Glibc.time(nil))

  private func keys(_ server: RunningServer) async throws -> JWTKeySet {
    try await SigningKeyStore(database: server.database).load()
  }

  private func claims(_ change: (inout JWTClaims) -> Void = { _ in }) -> JWTClaims {
    var claims = JWTClaims(
      issuer: Tokens.issuer, audience: Tokens.userAudience, subject: "user:1", tokenID: "t", issuedAt: Self.now,
      notBefore: Self.now, expiresAt: Self.now + 900,
      // A user that does not exist, because numbers begin at 1.
      members: [.init("user_id", .number(0)), .init("session", .text(UUID.random().description))])
    change(&claims)
    return claims
  }

  private func expect(_ error: String, for token: String, _ server: RunningServer) async throws {
    let answer = try await server.client().request(
      "GET", "/api/v1/auth/me", [("Authorization", "Bearer \(token)")])
    #expect(answer.status == 401, "\(token): \(answer)")
    #expect(answer.error == error, "\(token): \(answer)")
    #expect(answer.field("www-authenticate") != nil)
  }

  private func encoded(_ json: String) -> String { Base64URL.encode(Array(json.utf8)) }

  @Test func `each defect of a user's token has its own slug`() async throws {
    let server = try await RunningServer.people()
    let user = try await server.person(.viewer)
    let keys = try await keys(server)
    let parts = user.accessToken.split(separator: ".").map(String.init)
    #expect(try await user.refusal() == nil)

    let missing = try await server.client().request("GET", "/api/v1/auth/me")
    #expect(missing.error == "unauthenticated")
    for token in [
      "x", "x.y", "x.y.z.w", user.accessToken + "=", parts[0] + "=." + parts[1] + "=." + parts[2],
      "e+30." + parts[1] + "." + parts[2], parts[0] + "." + parts[1] + "." + parts[2] + "A=",
      encoded(#"{"alg":"HS256","kid":"\#(keys.signing.id)","jku":"https://evil.test"}"#) + "." + parts[1] + "."
        + parts[2], String(repeating: "x", count: 5000),
    ] { try await expect("malformed_token", for: token, server) }

    for header in [#"{"alg":"none"}"#, #"{"alg":"None","kid":"x"}"#, #"{"alg":"HS512"}"#, #"{"alg":"RS256"}"#, "{}"] {
      try await expect("unsupported_algorithm", for: encoded(header) + "." + parts[1] + ".", server)
      try await expect("unsupported_algorithm", for: encoded(header) + "." + parts[1] + "." + parts[2], server)
    }

    let stranger = try JWTKeySet(signing: JWTKey.generate(id: "stranger"))
    try await expect("unknown_key", for: JWT.sign(claims(), with: stranger), server)
    try await expect("unknown_key", for: encoded(#"{"alg":"HS256"}"#) + "." + parts[1] + "." + parts[2], server)

    let impostor = try JWTKeySet(signing: JWTKey.generate(id: keys.signing.id))
    let zeros = try JWTKeySet(signing: JWTKey(id: keys.signing.id, secret: [UInt8](repeating: 0, count: 32)))
    let other = JWT.sign(claims(), with: keys).split(separator: ".").map(String.init)
    for token in [
      JWT.sign(claims(), with: impostor), JWT.sign(claims(), with: zeros), parts[0] + "." + parts[1] + ".",
      parts[0] + "." + other[1] + "." + parts[2],
    ] { try await expect("bad_signature", for: token, server) }

    for (error, change): (String, (inout JWTClaims) -> Void) in [
      ("wrong_issuer", { $0.issuer = "somebody" }), ("wrong_audience", { $0.audience = "somebody" }),
      ("wrong_audience", { $0.audience = Tokens.collectorAudience }),
      ("token_not_yet_valid", { $0.notBefore = Self.now + 3600 }),
      ("token_not_yet_valid", { $0.issuedAt = Self.now + 3600 }), ("expired_token", { $0.expiresAt = Self.now - 60 }),
      ("missing_claim", { $0.members.removeLast() }), ("missing_claim", { $0.members.removeFirst() }),
      ("missing_claim", { $0.members[1] = .init("session", .text("no UUID")) }),
      // Signed by the server and valid by itself. Only its session does not exist, or belongs to another user.
      ("session_ended", { _ in }),
      ("session_ended", { $0.members[1] = .init("session", .text(String(user.refreshToken.prefix(36)))) }),
    ] { try await expect(error, for: JWT.sign(claims(change), with: keys), server) }
  }

  @Test func `a token that expires while its connection is open is refused there`() async throws {
    let server = try await RunningServer.people()
    let user = try await server.person(.viewer)
    let session = String(user.refreshToken.prefix(36))
    let keys = try await keys(server)
    let client = try await server.client()
    func ask(endsIn seconds: Int64) async throws -> TestAnswer {
      let token = JWT.sign(
        claims {
          $0.expiresAt = Int64(Glibc.time(nil)) + seconds
          $0.members = [.init("user_id", .number(user.id)), .init("session", .text(session))]
        }, with: keys)
      return try await client.request("GET", "/api/v1/auth/me", [("Authorization", "Bearer \(token)")])
    }
    #expect(try await ask(endsIn: 60).status == 200)
    #expect(try await ask(endsIn: -60).error == "expired_token")
    #expect(try await ask(endsIn: 60).status == 200)
  }

  @Test func `each defect of a collector's token has its own slug`() async throws {
    let server = try await RunningServer.people()
    let collector = try await server.enrol()
    let keys = try await keys(server)
    let client = try await collector.client()
    func push(_ token: String) async throws -> TestAnswer {
      try await client.request(
        "POST", TestCollector.pushTarget,
        [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")], body: collector.push(of: []))
    }
    let parts = collector.token.split(separator: ".").map(String.init)
    func signed(_ change: (inout JWTClaims) -> Void) -> String {
      JWT.sign(
        claims {
          $0.audience = Tokens.collectorAudience
          $0.members = [.init("collector_id", .text(collector.id.description))]
          change(&$0)
        }, with: keys)
    }
    #expect(try await push(signed { _ in }).status == 200)
    for (error, token) in [
      ("malformed_token", collector.token + "="), ("malformed_token", "x"),
      ("unsupported_algorithm", encoded(#"{"alg":"none"}"#) + "." + parts[1] + "."),
      ("unknown_key", JWT.sign(claims(), with: try JWTKeySet(signing: JWTKey.generate(id: "stranger")))),
      ("bad_signature", parts[0] + "." + parts[1] + "."), ("wrong_issuer", signed { $0.issuer = "x" }),
      ("wrong_audience", signed { $0.audience = Tokens.userAudience }),
      ("token_not_yet_valid", signed { $0.notBefore = Self.now + 3600 }),
      ("expired_token", signed { $0.expiresAt = Self.now - 60 }), ("missing_claim", signed { $0.members = [] }),
    ] {
      let answer = try await push(token)
      #expect(answer.status == 401, "\(error): \(answer)")
      #expect(answer.error == error, "\(answer)")
    }
  }
}
