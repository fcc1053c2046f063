import Testing

@testable import Protocol

struct KnownCertificatesTests {
  private func fingerprint(_ pair: KeyPair) throws -> KnownCertificates.Fingerprint {
    let certificate = try Certificate(pem: pair.certificate.pem)
    let fingerprint = withExtendedLifetime(certificate) { KnownCertificates.Fingerprint(of: certificate.pointer) }
    return try #require(fingerprint)
  }

  private func verdict(
    of pair: KeyPair, _ server: TLSContext, _ client: TLSContext, now: Int64 = testNow
  ) throws -> CertificateVerdict {
    let conversation = try TLSConversation(server: server, client: client, identity: pair.identity, now: now)
    try conversation.run()
    let peer = conversation.server.peer
    return try #require(peer).verdict
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func `a genuine certificate is remembered once, and is known the next time`(version: TLSVersion) throws {
    let fixture = try TLSFixture(versions: version...version)
    let pair = try fixture.authority.collector(.random())
    for _ in 0..<3 {
      #expect(try verdict(of: pair, fixture.server, fixture.client) == .trusted)
      #expect(fixture.server.known.count == 1)
    }
    let isKnown = fixture.server.known.contains(try fingerprint(pair), now: testNow)
    #expect(isKnown)
  }

  @Test func `a certificate that is not genuine is not remembered`() throws {
    let fixture = try TLSFixture()
    let stranger = try TestAuthority("Stranger").collector(.random())
    let forged = try fixture.authority.collector(.random())
    let damaged = KeyPair(certificate: try forged.certificate.withDamagedSignature(), keyPEM: forged.keyPEM)
    for pair in [stranger, damaged, try fixture.authority.server()] {
      #expect(try verdict(of: pair, fixture.server, fixture.client) != .trusted)
    }
    let expired = try fixture.authority.collector(.random(), validFor: day)
    #expect(try verdict(of: expired, fixture.server, fixture.client, now: testNow + 2 * day) == .untrusted(.expired))
    #expect(fixture.server.known.count == 0)
  }

  @Test func `a remembered certificate expires, and its entry proves nothing for another signature`() throws {
    let fixture = try TLSFixture()
    let pair = try fixture.authority.collector(.random(), validFor: day)
    #expect(try verdict(of: pair, fixture.server, fixture.client) == .trusted)
    #expect(try verdict(of: pair, fixture.server, fixture.client, now: testNow + day) == .trusted)
    #expect(try verdict(of: pair, fixture.server, fixture.client, now: testNow + day + 1) == .untrusted(.expired))
    let damaged = KeyPair(certificate: try pair.certificate.withDamagedSignature(), keyPEM: pair.keyPEM)
    #expect(try verdict(of: damaged, fixture.server, fixture.client) == .untrusted(.badSignature))
  }

  @Test func `a remembered certificate does not outlive its authority`() throws {
    let fixture = try TLSFixture()
    let pair = try fixture.authority.collector(.random(), validFor: 365 * day)
    #expect(try verdict(of: pair, fixture.server, fixture.client) == .trusted)
    let isKnown = fixture.server.known.contains(try fingerprint(pair), now: testNow + 366 * day)
    #expect(!isKnown)
    #expect(
      try verdict(of: pair, fixture.server, fixture.client, now: testNow + 366 * day)
        == .untrusted(.unknownAuthority))
  }

  @Test func `a context with other trust anchors knows no certificate of the first context`() throws {
    let fixture = try TLSFixture()
    let pair = try fixture.authority.collector(.random())
    #expect(try verdict(of: pair, fixture.server, fixture.client) == .trusted)
    let other = try TestAuthority("Other")
    let identity = try fixture.authority.server()
    let renewed = try TLSContext.server(
      certificateChainPEM: identity.certificate.pem, privateKeyPEM: identity.keyPEM, clientTrustPEM: try other.pem)
    #expect(try verdict(of: pair, renewed, fixture.client) == .untrusted(.unknownAuthority))
  }

  @Test func `the memory is bounded and keeps the latest certificates`() throws {
    let known = KnownCertificates(capacity: 4)
    let authority = try TestAuthority()
    let fingerprints = try (0..<7).map { _ in try fingerprint(try authority.collector(.random())) }
    for fingerprint in fingerprints {
      known.insert(fingerprint, validity: 0...10)
      #expect(known.count <= 4)
    }
    #expect(known.contains(fingerprints[6], now: 10))
    #expect(!known.contains(fingerprints[0], now: 10))
    #expect(!known.contains(fingerprints[6], now: 11))
    let nothing = KnownCertificates(capacity: 0)
    nothing.insert(fingerprints[0], validity: 0...10)
    #expect(nothing.count == 0)
  }
}
