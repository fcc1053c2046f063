import CEpoll.TLS
import Synchronization
import Testing

@testable import Protocol

struct TLSSessionTests {
  private func established(_ version: TLSVersion = .tls13) throws -> TLSConversation {
    let fixture = try TLSFixture(versions: version...version)
    let conversation = try TLSConversation(server: fixture.server, client: fixture.client)
    try conversation.run()
    return conversation
  }

  private static let megabyte = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }

  @Test(arguments: [TLSVersion.tls12, .tls13], [1 << 20, 1400, 16_384])
  func `a megabyte goes each way, cut anywhere`(version: TLSVersion, piece: Int) throws {
    let conversation = try established(version)
    let (request, response) = (Self.megabyte, Self.megabyte + [1, 2, 3])
    try conversation.client.send(request.span, ciphertextOut: &conversation.toServer)
    try conversation.server.send(response.span, ciphertextOut: &conversation.toClient)
    #expect(conversation.toServer.count <= request.count + 64 * 29)
    try conversation.run(.every(piece))
    #expect(conversation.atServer.array() == request)
    #expect(conversation.atClient.array() == response)
  }

  @Test func `data right behind the handshake is not lost`() throws {
    let fixture = try TLSFixture()
    let conversation = try TLSConversation(server: fixture.server, client: fixture.client)
    // A TLS 1.3 client is done one flight before the server, so its Finished and its request arrive in one read.
    var answer = ByteBuffer()
    _ = try conversation.server.receive(
      conversation.toServer.span, plaintext: &conversation.atServer, ciphertextOut: &answer)
    conversation.toServer.removeAll()
    let status = try conversation.client.receive(
      answer.span, plaintext: &conversation.atClient, ciphertextOut: &conversation.toServer)
    #expect(status == .established)
    let request = Array("GET / HTTP/1.1\r\n\r\n".utf8)
    try conversation.client.send(request.span, ciphertextOut: &conversation.toServer)
    conversation.client.close(ciphertextOut: &conversation.toServer)
    try conversation.run()
    #expect(conversation.serverStatus == .closedByPeer)
    #expect(conversation.atServer.array() == request)
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func `a close is reported, and the other direction stays open`(version: TLSVersion) throws {
    let conversation = try established(version)
    conversation.client.close(ciphertextOut: &conversation.toServer)
    let once = conversation.toServer.count
    conversation.client.close(ciphertextOut: &conversation.toServer)
    #expect(once > 0 && conversation.toServer.count == once)
    try conversation.run()
    #expect(conversation.serverStatus == .closedByPeer)

    try conversation.server.send([1, 2, 3].span, ciphertextOut: &conversation.toClient)
    conversation.server.close(ciphertextOut: &conversation.toClient)
    try conversation.run()
    #expect(conversation.atClient.array() == [1, 2, 3])
    #expect(conversation.clientStatus == .closedByPeer)
    do throws(TLSError) {
      try conversation.client.send([1].span, ciphertextOut: &conversation.toServer)
      Issue.record("sent after the close")
    } catch {
      #expect(error == .closed)
    }
  }

  @Test func `nothing can be sent or closed before the handshake is done`() throws {
    let fixture = try TLSFixture()
    var session = TLSSession(server: fixture.server, now: testNow)
    var out = ByteBuffer()
    session.close(ciphertextOut: &out)
    do throws(TLSError) {
      try session.send([1].span, ciphertextOut: &out)
      Issue.record("sent before the handshake")
    } catch {
      #expect(error == .notEstablished)
    }
    let sent = out.count
    #expect(sent == 0)
  }

  @Test func `a changed byte ends the session with an alert for good`() throws {
    let conversation = try established()
    try conversation.client.send(Array("secret".utf8).span, ciphertextOut: &conversation.toServer)
    var flight = conversation.toServer.array()
    conversation.toServer.removeAll()
    flight[flight.count - 1] ^= 1
    for _ in 0..<2 {
      do throws(TLSError) {
        _ = try conversation.server.receive(
          flight.span, plaintext: &conversation.atServer, ciphertextOut: &conversation.toClient)
        Issue.record("a forged record was accepted")
      } catch {
        #expect(error == .protocolViolation(reason: "decryption failed or bad record mac"))
      }
    }
    #expect(conversation.atServer.count == 0)
    do throws(TLSError) {
      try conversation.run()
      Issue.record("the client was not told")
    } catch {
      #expect(error == .alert(received: 20))
    }
  }

  @Test(arguments: [
    Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [UInt8](repeating: 0, count: 64),
    [UInt8](repeating: 0xFF, count: 64),
    [0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00], [0x16, 0x03, 0x01, 0xFF, 0xFF, 0x01],
    [0x80, 0x2E, 0x01, 0x00, 0x02, 0x00, 0x15, 0x00, 0x00, 0x00, 0x10, 0x01, 0x00, 0x80]
      + [UInt8](repeating: 0, count: 34),
  ])
  func `bytes that are not TLS are refused`(bytes: [UInt8]) throws {
    let fixture = try TLSFixture()
    var session = TLSSession(server: fixture.server, now: testNow)
    var plaintext = ByteBuffer()
    var out = ByteBuffer()
    do throws(TLSError) {
      _ = try session.receive(bytes.span, plaintext: &plaintext, ciphertextOut: &out)
      Issue.record("garbage was accepted")
    } catch {
      guard case .protocolViolation = error else {
        Issue.record("\(error)")
        return
      }
    }
    let isUntouched = plaintext.isEmpty && !session.isEstablished
    #expect(isUntouched)
  }

  @Test func `mutated handshakes end in an error or in nothing, never in a session with forged data`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    let fixture = try TLSFixture()
    let identity = try fixture.authority.collector(UUID.random()).identity
    for round in 0..<300 {
      let conversation = try TLSConversation(server: fixture.server, client: fixture.client, identity: identity)
      let target = round % 3
      do throws(TLSError) {
        for flight in 0..<3 {
          let isToServer = flight != 1
          var bytes = isToServer ? conversation.toServer.array() : conversation.toClient.array()
          if flight == target { bytes = generator.mutate(bytes) }
          conversation.toServer.removeAll()
          conversation.toClient.removeAll()
          if isToServer {
            _ = try conversation.server.receive(
              bytes.span, plaintext: &conversation.atServer, ciphertextOut: &conversation.toClient)
          } else {
            _ = try conversation.client.receive(
              bytes.span, plaintext: &conversation.atClient, ciphertextOut: &conversation.toServer)
          }
        }
      } catch {}
      let received = conversation.atServer.count + conversation.atClient.count
      #expect(received == 0, "seed \(seed), round \(round)")
    }
  }

  @Test(arguments: [false, true])
  func `a session survives the maximum of key updates and not one more`(answered: Bool) throws {
    for count in [TLSSession.maximumRekeyAttempts, TLSSession.maximumRekeyAttempts + 1] {
      let conversation = try established()
      for _ in 0..<count {
        conversation.client.updateKeys(peerToo: answered)
        try conversation.client.send([7].span, ciphertextOut: &conversation.toServer)
      }
      do throws(TLSError) {
        try conversation.run()
        #expect(count == TLSSession.maximumRekeyAttempts)
        #expect(conversation.atServer.count == Int(count))
      } catch {
        #expect(count > TLSSession.maximumRekeyAttempts && error == .tooManyRekeyAttempts)
      }
    }
  }

  @Test func `thousands of sessions leave nothing behind`() throws {
    let fixture = try TLSFixture()
    let identity = try fixture.authority.collector(UUID.random()).identity
    func churn(_ count: Int) throws {
      for round in 0..<count {
        let conversation = try TLSConversation(server: fixture.server, client: fixture.client, identity: identity)
        // Some sessions finish the handshake; most are dropped within it.
        if round.isMultiple(of: 10) { try conversation.run() }
      }
    }
    LiveObjects.startCounting()
    try churn(2000)
    // Other tests run at the same time and hold a few objects. A leak would amount to thousands.
    let live = LiveObjects.count.load(ordering: .relaxed)
    #expect(live < 1000)
  }
}

/// Counts OpenSSL's live sessions, certificates, BIOs and keys by their extra-data hooks.
private enum LiveObjects {
  static let count = Atomic<Int>(0)

  static func startCounting() {
    for kind in [CRYPTO_EX_INDEX_SSL, CRYPTO_EX_INDEX_X509, CRYPTO_EX_INDEX_BIO, CRYPTO_EX_INDEX_EVP_PKEY] {
      CRYPTO_get_ex_new_index(
        kind, 0, nil, { _, _, _, _, _, _ in LiveObjects.count.add(1, ordering: .relaxed) }, nil,
        { _, _, _, _, _, _ in LiveObjects.count.subtract(1, ordering: .relaxed) })
    }
  }
}
