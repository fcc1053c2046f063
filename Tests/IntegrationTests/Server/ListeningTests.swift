import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// Where a server listens, and its answer to a client that does not speak HTTPS there.
@Suite struct ListeningTests {
  @Test func `an address on which another installation listens is in use`() async throws {
    let first = try await RunningServer.start()
    let address = "\(first.server.address)"
    await #expect { _ = try await RunningServer.start { $0.listen = address } } throws: { error in
      "\(error)".contains("\(address): address in use")
    }
    #expect(try await first.client().request("GET", "/api/v1/health/live").status == 200)
    await first.stop()
  }

  @Test func `a second server of the same data directory takes over the address`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second(at: "\(first.server.address)")
    #expect(second.server.address == first.server.address)
    await first.stopServer()
    // All new connections reach the second server.
    for _ in 0..<8 { #expect(try await second.client().request("GET", "/api/v1/health/live").status == 200) }
    await second.stop()
    // No server listens any more, and the directory does not reserve the address.
    let third = try await RunningServer.start { $0.listen = "\(first.server.address)" }
    await third.stop()
    first.database.shutDown()
  }

  @Test func `a name stands for all its addresses, on one port`() async throws {
    let server = try await RunningServer.start { $0.listen = "localhost:0" }
    let port = server.server.address.port
    let addresses = try SocketAddress.resolve(host: "localhost", port: port)
    for address in addresses {
      let loop = try EventLoop()
      // The address is taken, or the host does not have it.
      #expect(throws: SystemCallError.self) { try Listener(loop: loop, address: address, handler: Nobody()) }
      loop.stop()
      loop.run()
    }
    #expect(try await server.client().request("GET", "/api/v1/health/live").status == 200)
    await server.stop()
  }

  private final class Nobody: AcceptHandler {
    func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress) {}
  }

  @Test func `a request without TLS is answered with the reason`() async throws {
    let server = try await RunningServer.start()
    for request in ["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "POST /api/v1/metrics/push HTTP/1.1\r\nHost: h\r\n\r\n"] {
      let socket = try PlainSocket(port: server.server.address.port)
      try await socket.send(Array(request.utf8))
      let text = try await socket.text()
      #expect(text.hasPrefix("HTTP/1.1 400 ") && text.contains("plain_http") && text.contains("https://"), "\(text)")
    }
    #expect(try await server.counts("pganalytics_connections_refused_total{reason=\"plain_http\"} 2"))
    await server.stop()
  }

  @Test func `ALPN without HTTP 1.1 gets its alert and its reason`() async throws {
    let server = try await RunningServer.start()
    await #expect(throws: TLSError.alert(received: 120)) {
      _ = try await TestClient.connect(port: server.server.address.port, trust: server.trust, protocols: ["h2"])
    }
    #expect(try await server.counts("pganalytics_connections_refused_total{reason=\"no_application_protocol\"} 1"))
    await server.stop()
  }

  @Test func `an absolute target wins over Host, and a framing error has its label`() async throws {
    let server = try await RunningServer.start()
    let client = try await server.client()
    try await client.send("GET https://elsewhere:1/api/v1/health/live HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(try await client.answer().status == 200)
    try await client.send("POST /api/v1/auth/login HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"\r\n")
    #expect(try await client.answer().status == 400)
    #expect(try await server.counts("pganalytics_http_framing_errors_total{reason=\"invalid_chunk_extension\"} 1"))
    await server.stop()
  }

  /// `TestClient` does not set TCP_NODELAY. For such a client the kernel waits up to 40 ms, and with this wait no
  /// request here would be quicker.
  @Test(arguments: [TLSVersion.tls12, .tls13])
  func `the first request of a connection does not wait for the kernel`(version: TLSVersion) async throws {
    let server = try await RunningServer.start()
    try await server.eventually("no first request is answered before the kernel's wait ends") {
      let client = try await TestClient.connect(
        port: server.server.address.port, trust: server.trust, versions: version...version)
      let begun = MonotonicTime.now()
      #expect(try await client.request("GET", "/api/v1/health/live").status == 200)
      return begun.duration(to: .now()) < .milliseconds(35)
    }
    await server.stop()
  }

  @Test(arguments: [1_800_000, 8_000_000], [false, true])
  func `a refused body that is sent to its end leaves the answer readable`(bytes: Int, isChunked: Bool) async throws {
    // The client shares its processors with all other tests.
    let server = try await RunningServer.start { $0.lingerDeadline = .seconds(15) }
    let client = try await server.client()
    let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(bytes)"
    try await client.send("POST /api/v1/metrics/push HTTP/1.1\r\nHost: h\r\n\(framing)\r\n\r\n")
    if isChunked { try await client.send("\(String(bytes, radix: 16))\r\n") }
    for _ in 0..<bytes / 100_000 { try await client.send([UInt8](repeating: 0x20, count: 100_000)) }
    let answer = try await client.answer()
    #expect(answer.status == 401, "\(answer)")
    #expect(try await client.isClosedByServer())
    await server.stop()
  }
}
