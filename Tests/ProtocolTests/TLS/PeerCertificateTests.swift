import Testing

@testable import Protocol

struct PeerCertificateTests {
  /// The server's view of a client that presents `pair`.
  private func peer(
    presenting pair: KeyPair, to fixture: TLSFixture, now: Int64 = testNow
  ) throws -> PeerCertificate {
    let conversation = try TLSConversation(
      server: fixture.server, client: fixture.client, identity: pair.identity, now: now)
    try conversation.run()
    #expect(conversation.serverStatus == .established)
    let peer = conversation.server.peer
    return try #require(peer)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func `a collector is known by the record of its issue`(version: TLSVersion) throws {
    let fixture = try TLSFixture(versions: version...version)
    let id = UUID.random()
    let pair = try fixture.authority.collector(id)
    let peer = try peer(presenting: pair, to: fixture)
    #expect(peer.verdict == .trusted)
    #expect(peer.collector == id)
    #expect(peer.serialHex == pair.certificate.serialHex)
    #expect(peer.fingerprintHex == pair.certificate.fingerprintHex)
    #expect(peer.commonName == "db-1.example")
    #expect(peer.notBefore == pair.certificate.notBefore && peer.notAfter == pair.certificate.notAfter)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func `a bad certificate does not end the handshake, and its fault is known`(version: TLSVersion) throws {
    let fixture = try TLSFixture(versions: version...version)
    let stranger = try TestAuthority("Stranger")
    let id = UUID.random()
    #expect(
      try peer(presenting: stranger.collector(id), to: fixture).verdict == .untrusted(.unknownAuthority))
    #expect(
      try peer(presenting: fixture.authority.server(), to: fixture).verdict == .untrusted(.wrongPurpose))
    let short = try fixture.authority.collector(id, validFor: day)
    #expect(try peer(presenting: short, to: fixture, now: testNow + day - 1).verdict == .trusted)
    #expect(try peer(presenting: short, to: fixture, now: testNow + day + 1).verdict == .untrusted(.expired))
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func `an expired certificate has no other fault`(version: TLSVersion) throws {
    let fixture = try TLSFixture(versions: version...version)
    let id = UUID.random()
    let later = testNow + 100 * day
    let expired = try fixture.authority.collector(id)
    let peer = try peer(presenting: expired, to: fixture, now: later)
    #expect(peer.verdict == .untrusted(.expired))
    #expect(peer.collector == id)

    let stranger = try TestAuthority("Stranger").collector(id)
    #expect(try self.peer(presenting: stranger, to: fixture, now: later).verdict == .untrusted(.unknownAuthority))
    let impostor = try TestAuthority().collector(id)
    #expect(try self.peer(presenting: impostor, to: fixture, now: later).verdict == .untrusted(.unknownAuthority))
    let server = try fixture.authority.server()
    #expect(try self.peer(presenting: server, to: fixture, now: later).verdict == .untrusted(.wrongPurpose))
    let forged = KeyPair(certificate: try expired.certificate.withDamagedSignature(), keyPEM: expired.keyPEM)
    #expect(try self.peer(presenting: forged, to: fixture, now: later).verdict == .untrusted(.badSignature))
  }

  @Test func `the end of the authority is distinct from the end of the certificate`() throws {
    let fixture = try TLSFixture()
    let pair = try fixture.authority.collector(UUID.random(), validFor: 1000 * day)
    #expect(pair.certificate.notAfter == testNow + 365 * day, "it never outlives its authority")
    let forged = KeyPair(certificate: try pair.certificate.withDamagedSignature(), keyPEM: pair.keyPEM)
    for pair in [pair, forged] {
      let peer = try peer(presenting: pair, to: fixture, now: testNow + 366 * day)
      #expect(peer.verdict == .untrusted(.unknownAuthority))
    }
  }

  @Test func `a foreign authority with the name of the trusted one is unknown`() throws {
    let fixture = try TLSFixture()
    let impostor = try TestAuthority()
    let peer = try peer(presenting: impostor.collector(UUID.random()), to: fixture)
    #expect(peer.verdict != .trusted)
  }

  @Test func `two authorities are trusted during a rotation`() throws {
    let old = try TestAuthority("Old")
    let new = try TestAuthority("New")
    let pair = try new.server()
    let server = try TLSContext.server(
      certificateChainPEM: pair.certificate.pem, privateKeyPEM: pair.keyPEM, clientTrustPEM: old.pem + new.pem)
    let client = try TLSContext.client(trustPEM: new.pem)
    for identity in [try old.collector(UUID.random()).identity, try new.collector(UUID.random()).identity] {
      let conversation = try TLSConversation(server: server, client: client, identity: identity)
      try conversation.run()
      let verdict = conversation.server.peer?.verdict
      #expect(verdict == .trusted)
    }
  }

  @Test func `the name of one collector is read, and any other name or two names are not`() {
    let (first, second) = (UUID.random(), UUID.random())
    #expect(CollectorURN.decode(CollectorURN.encode(first)) == first)
    #expect(CollectorURN.collector(among: ["https://x", CollectorURN.encode(first)]) == first)
    #expect(CollectorURN.collector(among: [CollectorURN.encode(first), CollectorURN.encode(second)]) == nil)
    for names in [[], ["urn:pganalytics:collector:"], ["urn:pganalytics:collector:\(first)x"], [first.description]] {
      #expect(CollectorURN.collector(among: names) == nil)
    }
  }
}

extension IssuedCertificate {
  /// The same certificate with one bit of its signature changed. The change is in the middle of an integer, so the
  /// certificate still parses.
  func withDamagedSignature() throws -> IssuedCertificate {
    var lines = String(decoding: pem, as: UTF8.self).split(separator: "\n").map(String.init)
    let last = try #require(lines.lastIndex { !$0.hasPrefix("-") })
    // This is Base64 in the line before the last one: whole groups, far from the padding and from the beginnings of
    // integers.
    var characters = Array(lines[last - 1])
    let place = characters.count - 5
    characters[place] = characters[place] == "A" ? "B" : "A"
    lines[last - 1] = String(characters)
    return IssuedCertificate(
      pem: Array((lines.joined(separator: "\n") + "\n").utf8), serialHex: serialHex, fingerprintHex: fingerprintHex,
      notBefore: notBefore, notAfter: notAfter)
  }
}
