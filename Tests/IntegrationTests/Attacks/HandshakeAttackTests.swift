import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// Attacks before and below HTTP: unfinished handshakes, bytes that are not TLS, and endless key updates.
@Suite struct HandshakeAttackTests {
  @Test func `silent and dripping connections are closed at the deadline of the handshake`() async throws {
    let attacked = try await AttackedServer.start { $0.handshakeDeadline = .seconds(5) }
    let silent = try (0..<40).map { _ in try PlainSocket(port: attacked.port) }
    let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]
    for (socket, count) in zip(silent, 0..<hello.count) { try await socket.send(Array(hello[...count])) }
    #expect(try await attacked.bystander.push(attacked.goodPush()).status == 200, "others are served meanwhile")
    for socket in silent { try #require(try await socket.isClosedByServer()) }
    #expect(try await attacked.counters()["deadlines_total"] >= 40)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `handshakes stay within the limit, and a waiting connection gets its turn`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.unfinishedHandshakes = 4
      $0.handshakeDeadline = .seconds(10)
    }
    let watcher = try await attacked.server.client()
    func handshaking() async throws -> Double {
      ServerCounters(page: try await watcher.request("GET", "/metrics").text).connections("handshaking")
    }
    let silent = try (0..<8).map { _ in try PlainSocket(port: attacked.port) }
    for socket in silent { try await socket.send([0x16, 0x03, 0x01]) }
    var most = 0.0
    try await attacked.server.eventually("the handshakes do not begin") {
      most = max(most, try await handshaking())
      return most >= 4
    }
    #expect(most == 4)
    // Two rounds of four handshakes go by before the turn of the push: no address exceeds its share, so no connection
    // has to make room. (A client on a busy machine may miss its own deadline, and tries again.)
    try await attacked.server.eventually("the waiting push gets no turn") {
      do { return try await attacked.bystander.push(attacked.goodPush()).status == 200 } catch { return false }
    }
    for socket in silent { try #require(try await socket.isClosedByServer()) }
    withExtendedLifetime(watcher) {}
    await attacked.server.stop()
  }

  @Test func `bytes that are not TLS end their connection`() async throws {
    let attacked = try await AttackedServer.start()
    var generator = SystemRandomNumberGenerator()
    // With a letter first, the bytes would be a request without TLS or the header of a balancer.
    let noise = [0xfe] + (0..<64 * 1024).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let garbage: [[UInt8]] = [
      [UInt8](repeating: 0, count: 100), [UInt8](repeating: 0xff, count: 100),
      // A record over the limit of RFC 8446, a handshake message of 16 MB, SSL 2, an alert before the handshake, and
      // noise.
      [0x16, 0x03, 0x01, 0xff, 0xff] + [UInt8](repeating: 1, count: 70_000),
      [0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0xff, 0xff, 0xff] + [UInt8](repeating: 3, count: 0x3ffc),
      [0x80, 0x2e, 0x01, 0x00, 0x02, 0x00, 0x15, 0x00, 0x00, 0x00, 0x10] + [UInt8](repeating: 0, count: 37),
      [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28], noise,
    ]
    for bytes in garbage {
      let socket = try PlainSocket(port: attacked.port)
      try await socket.send(bytes)
      #expect(try await socket.isClosedByServer(), "\(bytes.prefix(12))")
    }
    #expect(try await attacked.counters()["tls_failures_total"] == Double(garbage.count))
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `broken handshakes and reset connections leave nothing behind`() async throws {
    let attacked = try await AttackedServer.start()
    for _ in 0..<60 {
      let broken = try PlainSocket(port: attacked.port)
      try await broken.send([0x16, 0x03, 0x01])
      let finished = try await attacked.bystander.client()
      try await finished.reset()
    }
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `a flood of key updates ends the session`() async throws {
    let attacked = try await AttackedServer.start()
    let client = try await TestClient.connect(
      port: attacked.port, trust: attacked.server.trust, versions: .tls13 ... .tls13)
    do {
      try await client.updateKeys(1000, filler: Array("GET /api/v1/health/live HTTP/1.1\r\nX: a".utf8.prefix(30)))
      #expect(try await client.isClosedByServer())
    } catch TestClient.Failure.system {
      // The server closed the connection while the client still sent, which is as good.
    } catch is TLSError {
      // The client received the server's alert.
    }
    #expect(try await attacked.counters()["tls_failures_total"] == 1)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test(.enabled(if: access("/usr/bin/openssl", X_OK) == 0, "needs /usr/bin/openssl"))
  func `a client that asks for renegotiation is refused`() async throws {
    let attacked = try await AttackedServer.start()
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { close(ends[1]) }
    let output = attacked.server.settings.dataDirectory + "/s_client.log"
    defer { unlink(output) }
    let process = try ChildProcess.start(
      ["/usr/bin/openssl", "s_client", "-tls1_2", "-connect", "127.0.0.1:\(attacked.port)"], input: ends[0],
      output: output)
    close(ends[0])
    try #require(write(ends[1], "R\n", 2) == 2)
    var status: CInt = 0
    try await attacked.server.eventually("openssl does not give up") { waitpid(process, &status, WNOHANG) == process }
    let text = ChildProcess.text(of: output)
    #expect(text.contains("RENEGOTIATING") && text.contains("no renegotiation"), "\(text.suffix(2000))")
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }
}
