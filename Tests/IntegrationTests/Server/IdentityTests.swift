import Glibc
import Testing

@testable import App
@testable import Protocol

/// Certificate, token and body of a push must name one collector that is not revoked.
@Suite struct IdentityTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }
  private let target = TestCollector.pushTarget

  @Test func `a push that names another collector is refused, and none of it is stored`() async throws {
    let server = try await server()
    let (own, other) = (try await server.enrol(), try await server.enrol())
    for id in [other.id.description, UUID.random().description] {
      let body = own.push(of: [TestCollector.disk("/dev/a", used: 1)], collectorID: id)
      let answer = try await own.push(body)
      #expect(answer.status == 403, "\(answer)")
      #expect(answer.error == "identity_mismatch")
    }
    for collector in [own, other] {
      #expect(try await collector.rows("disk_usage") == 0)
      #expect(try await collector.ledger() == 0)
    }
    try await server.eventually("the refusal is not audited") { try await mismatches(own, claiming: other.id) == 1 }
  }

  /// The number of lines of the audit trail about `own` naming another collector.
  private func mismatches(_ own: TestCollector, claiming other: UUID) async throws -> Int64 {
    try await own.server.integer(
      """
      SELECT count(*) FROM pganalytics.audit WHERE action = 'collector.identity_mismatch' AND outcome = 'refused'
        AND actor = 'collector:\(own.id)' AND subject = 'collector:\(other)' AND address = '127.0.0.1'
        AND details ->> 'error' = 'identity_mismatch'
      """)
  }

  @Test func `the certificate of one collector with the token of another is refused`() async throws {
    let server = try await server()
    let (own, other) = (try await server.enrol(), try await server.enrol())
    let client = try await own.client()
    for _ in 0..<10 {
      let answer = try await other.push(other.push(of: [TestCollector.disk("/dev/a", used: 1)]), over: client)
      #expect(answer.status == 403)
      #expect(answer.error == "identity_mismatch")
    }
    #expect(try await other.rows("disk_usage") == 0)
    for target in [TestCollector.refreshTarget, TestCollector.renewalTarget] {
      let answer = try await client.request(
        "POST", target, [other.authorization, ("Content-Type", "application/json")], body: Array("{}".utf8))
      #expect(answer.error == "identity_mismatch", "a stolen token gets nothing new either")
    }
    try await server.eventually("the refusal is not audited") { try await mismatches(own, claiming: other.id) == 1 }
  }

  @Test func `a path that names another collector is refused and audited`() async throws {
    let server = try await server()
    let (own, other) = (try await server.enrol(), try await server.enrol())
    let answer = try await own.client().request("GET", "/api/v1/config/\(other.id)", [own.authorization])
    #expect(answer.status == 403)
    #expect(answer.error == "identity_mismatch")
    try await server.eventually("the refusal is not audited") { try await mismatches(own, claiming: other.id) == 1 }
  }

  @Test func `a push without a certificate is refused`() async throws {
    let collector = try await server().enrol()
    let answer = try await collector.push(collector.push(of: []), over: try await collector.server.client())
    #expect(answer.status == 403)
    #expect(answer.error == "certificate_required")
  }

  @Test func `a certificate of another authority that names the collector is refused`() async throws {
    let collector = try await server().enrol()
    let now = Int64(Glibc.time(nil))
    let stranger = try CertificateAuthority.create(commonName: "pgAnalytics CA", validFor: 86_400, now: now)
    let key = try PrivateKey.generate()
    let issued = try stranger.issueCollector(
      for: key, collector: collector.id, hostname: "db", validFor: 3600, now: now)
    let identity = try TLSIdentity(chainPEM: issued.pem, privateKeyPEM: key.pem())
    let answer = try await collector.push(collector.push(of: []), over: try await collector.server.client(identity))
    #expect(answer.status == 403)
    #expect(answer.error == "certificate_required")
  }

  @Test func `garbled, unsigned, altered and user tokens are refused`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let client = try await collector.client()
    let parts = collector.token.split(separator: ".").map(String.init)
    func encoded(_ json: String) -> String { Base64URL.encode(Array(json.utf8)) }
    let user = try await server.user(.admin).1.dropFirst("Bearer ".count)
    let refused = [
      "", "x", "x.y.z", String(repeating: "x", count: 5000), parts[0] + "." + parts[1] + ".",
      encoded(#"{"alg":"none","typ":"JWT"}"#) + "." + parts[1] + ".",
      encoded(#"{"alg":"none"}"#) + "." + parts[1] + "." + parts[2],
      parts[0] + "." + encoded(#"{"collector_id":"\#(collector.id)"}"#) + "." + parts[2], String(user),
    ]
    for token in refused {
      let answer = try await client.request(
        "POST", target, [("Authorization", "Bearer \(token)")], body: collector.push(of: []))
      #expect(answer.status == 401, "\(token): \(answer)")
    }
    let missing = try await client.request("POST", target, body: collector.push(of: []))
    #expect(missing.error == "unauthenticated")
    #expect(try await collector.push(collector.push(of: []), over: client).status == 200, "the true token still works")
  }

  @Test func `the token that the stock collector signs itself without a secret is refused`() async throws {
    let collector = try await server().enrol()
    let now = Int64(Glibc.time(nil))
    let claims = """
      {"collector_id":"\(collector.id)","exp":\(now + 3600),"iat":\(now),"iss":"pganalytics-collector","jti":"x",\
      "sub":"\(collector.id)"}
      """
    let signed = [#"{"alg":"HS256","typ":"JWT"}"#, claims].map { Base64URL.encode(Array($0.utf8)) }.joined(
      separator: ".")
    // A key of zeros and an empty key are the same to HMAC (RFC 2104 section 2).
    let signature = Base64URL.encode(MessageAuthentication(secret: [0]).tag(of: Array(signed.utf8).span))
    for token in [signed + "." + signature, signed + "." + signature + "=", signed + "=." + signature + "="] {
      let client = try await collector.client()
      let fields = [("Authorization", "Bearer \(token)")]
      #expect(try await client.request("POST", target, fields, body: collector.push(of: [])).status == 401)
      #expect(try await client.request("POST", TestCollector.refreshTarget, fields).status == 401)
      let pull = try await client.request("GET", "/api/v1/config/collector-001", fields)
      #expect(pull.status == 403, "the stock collector would repeat the pull after a 401")
      #expect(pull.error == "token_refused")
    }
  }

  @Test func `an expired token is refused`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    var settings = server.settings
    settings.collectorTokenLife = .seconds(1)
    let tokens = try await SigningKeys.open(server.database, settings: LiveSettings(settings)).tokens
    let past = tokens.issue(collector: collector.id, hostname: "h", now: Int64(Glibc.time(nil)) - 3600)
    let answer = try await collector.client().request(
      "POST", target, [("Authorization", "Bearer \(past.token)")], body: collector.push(of: []))
    #expect(answer.status == 401)
    #expect(answer.error == "expired_token")
  }

  @Test func `an expired token is refreshed only beside the collector's own certificate`() async throws {
    let server = try await server()
    let (collector, other) = (try await server.enrol(), try await server.enrol())
    var settings = server.settings
    settings.collectorTokenLife = .seconds(1)
    let tokens = try await SigningKeys.open(server.database, settings: LiveSettings(settings)).tokens
    let past = tokens.issue(collector: collector.id, hostname: "h", now: Int64(Glibc.time(nil)) - 3600)
    func refresh(_ client: TestClient) async throws -> TestAnswer {
      try await client.request(
        "POST", "/api/v1/collectors/refresh-token", [("Authorization", "Bearer \(past.token)")])
    }
    let own = try await refresh(collector.client())
    #expect(own.status == 200, "\(own)")
    #expect(own.json["token"]?.text != nil)
    let foreign = try await refresh(other.client())
    #expect(foreign.status == 403)
    #expect(foreign.error == "identity_mismatch")
    let bare = try await refresh(server.client())
    #expect(bare.status == 401)
    #expect(bare.error == "expired_token")
  }

  @Test func `a good token of an unknown collector is refused`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let tokens = try await SigningKeys.open(server.database, settings: LiveSettings(server.settings)).tokens
    let token = tokens.issue(collector: UUID.random(), hostname: "h", now: Int64(Glibc.time(nil))).token
    let answer = try await collector.client().request(
      "POST", target, [("Authorization", "Bearer \(token)")], body: collector.push(of: []))
    #expect(answer.status == 403)
    #expect(answer.error == "collector_revoked")
  }

  @Test func `a viewer may read and not write, and a collector may not list servers`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let viewer = try await server.user(.viewer)
    let client = try await server.client()
    #expect(try await client.request("GET", "/api/v1/servers", [viewer]).status == 200)
    let write = try await client.request(
      "PUT", "/api/v1/config/\(collector.id)", [viewer, ("Content-Type", "text/plain")], body: Array("a = 1\n".utf8))
    #expect(write.status == 403)
    #expect(write.error == "insufficient_role")
    #expect(try await client.request("GET", "/api/v1/servers", [collector.authorization]).status == 401)
  }
}
