import Testing

@testable import Protocol

struct TLSHandshakeTests {
  @Test(arguments: [TLSVersion.tls12, .tls13], [false, true])
  func `a handshake succeeds wherever the stream is cut`(version: TLSVersion, withCertificate: Bool) throws {
    let fixture = try TLSFixture(versions: version...version)
    let collector = UUID.random()
    let identity = withCertificate ? try fixture.authority.collector(collector).identity : nil
    let probe = try TLSConversation(server: fixture.server, client: fixture.client, identity: identity)
    let longest = try probe.run()
    // The cuts are at each byte of the first record's head, and then at each seventh byte from a random one on. Several
    // runs cover all bytes.
    let cuts = Array(1...16) + Array(stride(from: 17 + Int.random(in: 0..<7), through: longest, by: 7))
    for cut in [TLSConversation.Cut.every(1), .every(3)] + cuts.map({ .at($0) }) {
      let conversation = try TLSConversation(server: fixture.server, client: fixture.client, identity: identity)
      try conversation.run(cut)
      let isEstablished = conversation.server.isEstablished && conversation.client.isEstablished
      let peer = conversation.server.peer
      #expect(isEstablished && conversation.serverStatus == .established, "\(cut)")
      #expect(peer?.collector == (withCertificate ? collector : nil), "\(cut)")
    }
  }

  @Test(arguments: [(TLSVersion.tls12, "TLSv1.2", "ECDHE-ECDSA-AES"), (.tls13, "TLSv1.3", "TLS_AES_128_GCM_SHA256")])
  func `a session reports version and cipher`(version: TLSVersion, name: String, cipher: String) throws {
    let fixture = try TLSFixture(versions: version...version)
    let conversation = try TLSConversation(server: fixture.server, client: fixture.client)
    let before = conversation.server.cipher
    #expect(before.isEmpty && conversation.server.peer == nil)
    try conversation.run()
    let (actualVersion, actualCipher) = (conversation.server.protocolVersion, conversation.server.cipher)
    #expect(actualVersion == name)
    #expect(actualCipher.hasPrefix(cipher))
  }

  @Test(arguments: [
    ([], nil), (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"),
  ])
  func `ALPN is answered with nothing but HTTP 1.1`(offered: [String], expected: String?) throws {
    let fixture = try TLSFixture()
    let client = try TLSContext.client(trustPEM: fixture.authority.pem, applicationProtocols: offered)
    let conversation = try TLSConversation(server: fixture.server, client: client)
    try conversation.run()
    let (atServer, atClient) = (conversation.server.applicationProtocol, conversation.client.applicationProtocol)
    #expect(atServer == expected)
    #expect(atClient == expected)
    #expect(conversation.serverStatus == .established)
  }

  @Test(arguments: [["h2"], ["http/1.0", "h2"], ["http/1.1x"]])
  func `ALPN without HTTP 1.1 is refused with its alert`(offered: [String]) throws {
    let fixture = try TLSFixture()
    let client = try TLSContext.client(trustPEM: fixture.authority.pem, applicationProtocols: offered)
    let conversation = try TLSConversation(server: fixture.server, client: client)
    #expect(throws: TLSError.noApplicationProtocol) { try conversation.run() }
    // 120 is no_application_protocol of RFC 7301.
    #expect(throws: TLSError.alert(received: 120)) { try conversation.run() }
  }

  @Test func `a server without trust asks for no client certificate`() throws {
    let fixture = try TLSFixture(asksForCertificate: false)
    let identity = try fixture.authority.collector(UUID.random()).identity
    let conversation = try TLSConversation(server: fixture.server, client: fixture.client, identity: identity)
    try conversation.run()
    let peer = conversation.server.peer
    #expect(conversation.serverStatus == .established && peer == nil)
  }

  @Test func `the server sends its leaf alone, although it trusts the leaf's authority`() throws {
    let fixture = try TLSFixture(versions: .tls12 ... .tls12)
    let conversation = try TLSConversation(server: fixture.server, client: fixture.client)
    var flight = ByteBuffer()
    var plaintext = ByteBuffer()
    _ = try conversation.server.receive(conversation.toServer.span, plaintext: &plaintext, ciphertextOut: &flight)
    let text = String(decoding: flight.array(), as: UTF8.self)
    // The name occurs once as the leaf's issuer and once in the list of authorities. A root would add it twice.
    #expect(text.split(separator: "Test authority", omittingEmptySubsequences: false).count - 1 == 2)
  }

  @Test(arguments: [("server.test", true), ("127.0.0.1", true), ("other.test", false), ("127.0.0.2", false)])
  func `the client checks the name`(name: String, isGood: Bool) throws {
    let fixture = try TLSFixture()
    let conversation = try TLSConversation(server: fixture.server, client: fixture.client, serverName: name)
    do throws(TLSError) {
      try conversation.run()
      #expect(isGood)
    } catch {
      #expect(!isGood && error == .untrustedPeer(.hostNameMismatch))
    }
  }

  @Test func `the client refuses a server of another authority and sends the reason`() throws {
    let fixture = try TLSFixture()
    let stranger = try TestAuthority("Stranger")
    let client = try TLSContext.client(trustPEM: stranger.pem)
    let conversation = try TLSConversation(server: fixture.server, client: client)
    do throws(TLSError) {
      try conversation.run()
      Issue.record("the handshake succeeded")
    } catch {
      #expect(error == .untrustedPeer(.unknownAuthority))
    }
    // The client's alert is still on its way to the server.
    do throws(TLSError) {
      conversation.toClient.removeAll()
      try conversation.run()
      Issue.record("the server did not notice")
    } catch {
      #expect(error == .alert(received: 48))
    }
  }

  @Test(arguments: ["", "a\0b"])
  func `an unusable server name is refused`(name: String) throws {
    let fixture = try TLSFixture()
    let client = fixture.client
    #expect(throws: TLSError.unusableServerName(name)) {
      _ = try TLSSession(client: client, serverName: name, now: testNow)
    }
  }

  @Test func `an identity needs the key of its certificate`() throws {
    let authority = try TestAuthority()
    let (first, second) = (try authority.server(), try authority.server())
    #expect(throws: TLSError.unusableIdentity(.keyMismatch)) {
      _ = try TLSContext.server(
        certificateChainPEM: first.certificate.pem, privateKeyPEM: second.keyPEM, clientTrustPEM: nil)
    }
    #expect(throws: TLSError.self) {
      _ = try TLSContext.server(
        certificateChainPEM: first.certificate.pem, privateKeyPEM: first.keyPEM, clientTrustPEM: Array("x".utf8))
    }
  }
}
