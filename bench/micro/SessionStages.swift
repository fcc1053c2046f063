// Measures the stages of a connection: its handshake, and the TLS records of a push.

import Protocol

/// The TLS contexts of both ends of a session, with one authority.
struct MicroTrust {
  let server: TLSContext
  let client: TLSContext

  init() throws {
    let now = MicroBody.unixSeconds
    let authority = try CertificateAuthority.create(commonName: "Micro", validFor: 86_400 * 365, now: now)
    let trust = try authority.certificate.pem()
    let serverKey = try PrivateKey.generate()
    let serverCertificate = try authority.issueServer(
      for: serverKey, dnsNames: ["ingest.example"], ipAddresses: [], validFor: 86_400 * 90, now: now)
    server = try TLSContext.server(
      certificateChainPEM: serverCertificate.pem, privateKeyPEM: serverKey.pem(), clientTrustPEM: trust)
    let clientKey = try PrivateKey.generate()
    let clientCertificate = try authority.issueCollector(
      for: clientKey, collector: .random(), hostname: "db-1.example", validFor: 86_400 * 30, now: now)
    client = try TLSContext.client(
      trustPEM: trust,
      identity: TLSIdentity(chainPEM: clientCertificate.pem, privateKeyPEM: clientKey.pem()))
  }
}

/// Both ends of one session, and the processor time of the server's end.
final class MicroSession {
  private var server: TLSSession
  private var client: TLSSession
  private var toServer = ByteBuffer()
  private var toClient = ByteBuffer()
  private var received = ByteBuffer()
  private(set) var serverNanoseconds: Int64 = 0

  init(_ trust: MicroTrust) throws {
    client = try TLSSession(client: trust.client, serverName: "ingest.example", now: MicroBody.unixSeconds)
    let start = Bench.threadNanoseconds()
    server = TLSSession(server: trust.server, now: MicroBody.unixSeconds)
    serverNanoseconds = Bench.threadNanoseconds() - start
    try client.start(ciphertextOut: &toServer)
    while !toServer.isEmpty || !toClient.isEmpty {
      try receive()
      var flight = ByteBuffer()
      swap(&flight, &toClient)
      _ = try client.receive(flight.span, plaintext: &received, ciphertextOut: &toServer)
    }
    let last = Bench.threadNanoseconds()
    let peer = server.peer
    serverNanoseconds += Bench.threadNanoseconds() - last
    precondition(peer?.verdict == .trusted)
  }

  private func receive() throws {
    let start = Bench.threadNanoseconds()
    received.removeAll()
    var flight = ByteBuffer()
    swap(&flight, &toServer)
    _ = try server.receive(flight.span, plaintext: &received, ciphertextOut: &toClient)
    serverNanoseconds += Bench.threadNanoseconds() - start
  }

  /// Sends `bytes` to the server.
  /// - Returns: the number of bytes that the server decrypted.
  func push(_ bytes: Span<UInt8>) throws -> Int {
    try client.send(bytes, ciphertextOut: &toServer)
    try receive()
    return received.count
  }
}

extension Bench {
  /// Measures full mTLS handshakes: the processor time of the server's end. All handshakes use the same client
  /// certificate.
  func handshakes(_ count: Int) throws -> StageResult {
    let trust = try MicroTrust()
    for _ in 0..<20 { _ = try MicroSession(trust) }
    var nanoseconds: [Double] = []
    for _ in 0..<rounds {
      var total: Int64 = 0
      for _ in 0..<count { total += try MicroSession(trust).serverNanoseconds }
      nanoseconds.append(Double(total) / Double(count))
    }
    return StageResult(
      name: "mTLS handshake, the server's half", nanoseconds: nanoseconds.sorted(), allocations: .nan, copied: .nan,
      bytes: 0, rows: 0
    )
  }

  func records(_ body: MicroBody) throws -> StageResult {
    let session = try MicroSession(MicroTrust())
    var nanoseconds: [Double] = []
    let repeats = 200
    for _ in 0..<rounds {
      let before = session.serverNanoseconds
      for _ in 0..<repeats {
        let count = try session.push(body.gzip.span)
        precondition(count == body.gzip.count)
      }
      nanoseconds.append(Double(session.serverNanoseconds - before) / Double(repeats))
    }
    return StageResult(
      name: "TLS records of a gzip push", nanoseconds: nanoseconds.sorted(), allocations: .nan, copied: .nan,
      bytes: body.gzip.count,
      rows: body.rows)
  }
}
