import Glibc
import Protocol
import Testing

@testable import App

private let day: Int64 = 86_400

/// Certificates as rows: a good signature alone does not suffice.
@Suite struct CertificateTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func push(_ collector: TestCollector, with identity: TLSIdentity) async throws -> TestAnswer {
    try await collector.push(
      collector.push(of: [TestCollector.disk("/dev/a", used: 1)]), over: try await collector.server.client(identity))
  }

  // MARK: Refusals

  @Test func `a certificate of the server's own authority that was never issued is refused`() async throws {
    let collector = try await server().enrol()
    let forged = try await collector.certificate(age: 0, life: day, isRecorded: false)
    for _ in 0..<2 {
      let answer = try await push(collector, with: forged.identity)
      #expect(answer.status == 403, "\(answer)")
      #expect(answer.error == "certificate_unknown")
    }
    let renewal = try await collector.renew(over: try await collector.server.client(forged.identity))
    #expect(renewal.error == "certificate_unknown")
    #expect(try await collector.rows("disk_usage") == 0)
    #expect(try await collector.push(collector.push(of: [])).status == 200, "the issued one still works")
  }

  @Test func `a certificate that was issued to another collector is refused, whatever it contains`() async throws {
    let server = try await server()
    let (own, other) = (try await server.enrol(), try await server.enrol())
    // Signed for `own`, and recorded as a certificate of `other`.
    let crossed = try await own.certificate(age: 0, life: day, isRecorded: false)
    try await server.database.script(
      """
      INSERT INTO pganalytics.collector_certificates (serial, collector_id, fingerprint, not_before, not_after)
      VALUES ('\(crossed.certificate.serialHex)', '\(other.id)', 'x', now(), now() + interval '1 day')
      """)
    #expect(try await push(own, with: crossed.identity).error == "certificate_unknown")
    #expect(try await push(other, with: crossed.identity).error == "identity_mismatch")
  }

  @Test func `a certificate that another server recorded a moment ago is accepted`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    try await server.database.script(
      "ALTER TABLE pganalytics.collector_certificates DISABLE TRIGGER collector_certificates_announce")
    let other = try await collector.certificate(age: 0, life: day)
    try await server.database.script(
      "ALTER TABLE pganalytics.collector_certificates ENABLE TRIGGER collector_certificates_announce")
    #expect(try await push(collector, with: other.identity).status == 200, "one query finds the certificate")
  }

  @Test func `an expired certificate is refused everywhere except for its renewal`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let ended = try await collector.certificate(age: 31 * day, life: 30 * day)
    #expect(try await push(collector, with: ended.identity).error == "certificate_expired")
    let client = try await server.client(ended.identity)
    let refresh = try await client.request("POST", TestCollector.refreshTarget, [collector.authorization])
    #expect(refresh.status == 403)
    #expect(refresh.error == "certificate_expired")
    let pull = try await server.client(ended.identity).request(
      "GET", "/api/v1/config/\(collector.id)", [collector.authorization])
    #expect(pull.error == "certificate_expired")
    #expect(try await collector.rows("disk_usage") == 0)
  }

  @Test func `a connection does not outlive its certificate`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    // On a machine that is busy with other tests, a short life may be over before the first push.
    for life in [2, 4, 8, 16, 32] as [Int64] {
      let client = try await server.client(collector.certificate(age: 0, life: life).identity)
      if try await collector.push(body, over: client).status != 200 { continue }
      try await server.eventually("an ended certificate is still good on its connection") {
        try await collector.push(body, over: client).error == "certificate_expired"
      }
      return
    }
    Issue.record("no certificate lived long enough for one push")
  }

  @Test func `an admin revokes one certificate, and the others stay good`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let collector = try await server.enrol()
    let second = try await collector.certificate(age: 0, life: day)
    let (first, other) = (try await collector.client(), try await server.client(second.identity))
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    #expect(try await collector.push(body, over: first).status == 200)
    #expect(try await collector.push(body, over: other).status == 200)

    let path = "/api/v1/collectors/\(collector.id)/certificates/\(second.certificate.serialHex)"
    let revoked = try await server.client().request("DELETE", path, [admin])
    #expect(revoked.status == 204, "\(revoked)")
    #expect(try await other.isClosedByServer())
    #expect(try await push(collector, with: second.identity).error == "certificate_revoked")
    let renewal = try await collector.renew(over: try await server.client(second.identity))
    #expect(renewal.error == "certificate_revoked")
    #expect(
      try await collector.push(body, over: first).status == 200, "the other certificate works on its open connection")

    #expect(
      try await server.client().request("DELETE", path, [admin]).status == 204, "a second revocation changes nothing")
    let missing = try await server.client().request(
      "DELETE", "/api/v1/collectors/\(collector.id)/certificates/abc", [admin])
    #expect(missing.status == 404)
    let foreign = try await server.client().request(
      "DELETE", "/api/v1/collectors/\(UUID.random())/certificates/\(second.certificate.serialHex)", [admin])
    #expect(foreign.status == 404)
    let viewer = try await server.shared(.operator)
    #expect(try await server.client().request("DELETE", path, [viewer]).error == "insufficient_role")
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit WHERE action = 'certificate.revoke' AND outcome = 'success'
          AND subject = 'collector:\(collector.id)' AND details ->> 'serial' = '\(second.certificate.serialHex)'
        """) == 2)
  }

  // MARK: Renewal

  @Test func `a certificate is renewed in its last third, for the collector's own key or a new one`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let aged = try await collector.certificate(age: 21 * day, life: 30 * day)
    let client = try await server.client(aged.identity)

    let key = try PrivateKey.generate()
    let csr = String(
      decoding: try CertificateSigningRequest.create(for: key, commonName: "somebody else"), as: UTF8.self)
    let body = #"{"csr":"\#(csr.replacing("\n", with: "\\n"))"}"#
    let own = try await collector.renew(body: body, over: client)
    #expect(own.status == 200, "\(own)")
    #expect(own.json["private_key"] == nil)
    #expect(own.json["collector_id"]?.text == collector.id.description)
    let pem = Array(try #require(own.json["certificate"]?.text).utf8)
    let certificate = try Certificate(pem: pem)
    #expect(certificate.uniformResourceIdentifiers == [CollectorURN.encode(collector.id)])
    #expect(certificate.subjectCommonName == "db.example.com")
    #expect(try await push(collector, with: TLSIdentity(chainPEM: pem, privateKeyPEM: key.pem())).status == 200)

    let made = try await collector.renew(over: client)
    let keyPEM = Array(try #require(made.json["private_key"]?.text).utf8)
    let chain = Array(try #require(made.json["certificate"]?.text).utf8)
    #expect(chain != pem, "a second request, as after a lost answer, gets another one")
    let token = ("Authorization", "Bearer " + (try #require(made.json["token"]?.text)))
    let renewed = try await server.client(TLSIdentity(chainPEM: chain, privateKeyPEM: keyPEM))
    let answer = try await renewed.request(
      "POST", TestCollector.pushTarget, [token], body: collector.push(of: []))
    #expect(answer.status == 200, "\(answer)")
    #expect(
      try await collector.push(collector.push(of: []), over: client).status == 200, "the old one is good until its end")

    let audited = try await server.integer(
      """
      SELECT count(*) FROM pganalytics.audit WHERE action = 'collector.renew_certificate'
        AND actor = 'collector:\(collector.id)' AND details ->> 'renewed' = '\(aged.certificate.serialHex)'
      """)
    #expect(audited == 2)
  }

  @Test func `a certificate in its first two thirds is not renewed, and the answer states the wait`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let answer = try await collector.renew(over: try await collector.client())
    #expect(answer.status == 409, "\(answer)")
    #expect(answer.error == "renewal_too_early")
    let wait = try #require(answer.field("retry-after").flatMap { Int64($0) })
    #expect((19 * day...20 * day).contains(wait))
    let almost = try await collector.certificate(age: 20 * day - 3600, life: 30 * day)
    #expect(try await collector.renew(over: try await server.client(almost.identity)).error == "renewal_too_early")
    let just = try await collector.certificate(age: 20 * day, life: 30 * day)
    #expect(try await collector.renew(over: try await server.client(just.identity)).status == 200)
  }

  @Test func `a recently expired certificate is renewed, beside an expired token`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let ended = try await collector.certificate(age: 36 * day, life: 30 * day)
    let past = try await collector.token(secondsAgo: 32 * day, life: 1800)
    let client = try await server.client(ended.identity)
    let answer = try await collector.renew(past, over: client)
    #expect(answer.status == 200, "\(answer)")

    // The new certificate and token are good for everything.
    let identity = try TLSIdentity(
      chainPEM: Array(try #require(answer.json["certificate"]?.text).utf8),
      privateKeyPEM: Array(try #require(answer.json["private_key"]?.text).utf8))
    let token = ("Authorization", "Bearer " + (try #require(answer.json["token"]?.text)))
    let push = try await server.client(identity).request(
      "POST", TestCollector.pushTarget, [token], body: collector.push(of: []))
    #expect(push.status == 200, "\(push)")

    // The certificate of another collector proves nothing, and neither does a missing certificate.
    let other = try await server.enrol()
    let foreign = try await other.certificate(age: 36 * day, life: 30 * day)
    #expect(try await collector.renew(past, over: server.client(foreign.identity)).error == "identity_mismatch")
    #expect(try await collector.renew(past, over: server.client()).error == "expired_token")
    #expect(try await collector.renew(over: server.client()).error == "certificate_required")
  }

  @Test func `a certificate that expired before the grace period is not renewed`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let ended = try await collector.certificate(age: 38 * day, life: 30 * day)
    let answer = try await collector.renew(over: try await server.client(ended.identity))
    #expect(answer.status == 403)
    #expect(answer.error == "certificate_expired")
  }

  @Test func `an expired certificate that was revoked or never issued is not renewed`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let revoked = try await collector.certificate(age: 31 * day, life: 30 * day)
    try await server.database.script(
      """
      UPDATE pganalytics.collector_certificates SET revoked_at = now()
      WHERE serial = '\(revoked.certificate.serialHex)'
      """)
    try await server.eventually("the revocation does not take effect") {
      do {
        return try await collector.renew(over: server.client(revoked.identity)).error == "certificate_revoked"
      } catch TestClient.Failure.closed {
        return false  // the revocation arrived in the middle of the request
      }
    }
    let unknown = try await collector.certificate(age: 31 * day, life: 30 * day, isRecorded: false)
    #expect(try await collector.renew(over: server.client(unknown.identity)).error == "certificate_unknown")
  }

  @Test func `a collector has eight good certificates at most`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let aged = try await collector.certificate(age: 29 * day, life: 30 * day)
    let client = try await server.client(aged.identity)
    for _ in 2..<CertificateRenewal.goodAtOnce {
      #expect(try await collector.renew(over: client).status == 200)
    }
    let answer = try await collector.renew(over: client)
    #expect(answer.status == 429, "\(answer)")
    #expect(answer.error == "rate_limited")
    let wait = try #require(answer.field("retry-after").flatMap { Int64($0) })
    #expect(wait <= day + 1, "the oldest ends first")
  }

  @Test func `a malformed signing request is refused at renewal, too`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let aged = try await collector.certificate(age: 29 * day, life: 30 * day)
    let answer = try await collector.renew(body: #"{"csr":"x"}"#, over: server.client(aged.identity))
    #expect(answer.status == 422, "\(answer)")
    #expect(answer.json["details"]?.text?.contains("csr") == true)
  }
}
