@testable import Protocol

/// A client session and a server session, with the bytes in flight between them.
final class TLSConversation {
  var client: TLSSession
  var server: TLSSession
  var toServer = ByteBuffer()
  var toClient = ByteBuffer()
  /// The plaintext at the server, and at the client.
  var atServer = ByteBuffer()
  var atClient = ByteBuffer()
  var serverStatus = TLSSession.Status.handshaking
  var clientStatus = TLSSession.Status.handshaking

  /// - Parameter now: the server's time; the client stays at `testNow`.
  init(
    server: TLSContext, client: TLSContext, serverName: String? = "server.test", identity: TLSIdentity? = nil,
    now: Int64 = testNow
  ) throws(TLSError) {
    self.server = TLSSession(server: server, now: now)
    self.client = try TLSSession(client: client, serverName: serverName, identity: identity, now: testNow)
    try self.client.start(ciphertextOut: &toServer)
  }

  /// How a flight is cut on its way.
  enum Cut: Sendable {
    case whole
    /// In two pieces; the second begins at this byte.
    case at(Int)
    /// Into pieces of this many bytes.
    case every(Int)
  }

  /// Carries bytes in both directions until neither side sends more.
  /// - Returns: the length of the longest flight.
  @discardableResult
  func run(_ cut: Cut = .whole) throws(TLSError) -> Int {
    var longest = 0
    while !toServer.isEmpty || !toClient.isEmpty {
      longest = max(longest, toServer.count, toClient.count)
      try Self.deliver(&toServer, cut, to: &server, &atServer, answers: &toClient, &serverStatus)
      try Self.deliver(&toClient, cut, to: &client, &atClient, answers: &toServer, &clientStatus)
    }
    return longest
  }

  private static func deliver(
    _ flight: inout ByteBuffer, _ cut: Cut, to session: inout TLSSession, _ plaintext: inout ByteBuffer,
    answers: inout ByteBuffer, _ status: inout TLSSession.Status
  ) throws(TLSError) {
    let bytes = flight.array()
    flight.removeAll()
    var position = 0
    while position < bytes.count {
      let length =
        switch cut {
        case .whole: bytes.count
        case .at(let index): position == 0 && index < bytes.count ? index : bytes.count - position
        case .every(let count): min(count, bytes.count - position)
        }
      status = try session.receive(
        bytes.span.extracting(position..<(position + length)), plaintext: &plaintext, ciphertextOut: &answers)
      position += length
    }
  }
}

extension ByteBuffer {
  /// The readable bytes, for comparisons.
  borrowing func array() -> [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}

/// Contexts for tests that only need a working pair.
struct TLSFixture {
  let authority: TestAuthority
  let server: TLSContext
  let client: TLSContext

  init(versions: ClosedRange<TLSVersion> = .tls12 ... .tls13, asksForCertificate: Bool = true) throws {
    authority = try TestAuthority()
    let pair = try authority.server()
    let trust = try authority.pem
    server = try TLSContext.server(
      certificateChainPEM: pair.certificate.pem, privateKeyPEM: pair.keyPEM,
      clientTrustPEM: asksForCertificate ? trust : nil)
    client = try TLSContext.client(trustPEM: trust, versions: versions)
  }
}
