import Protocol
import Reactor
import Testing

@testable import App

/// A balancer at 127.0.0.3 names the client of each connection. No other address is believed.
@Suite struct ProxyProtocolTests {
  private static let balancer = "127.0.0.3"
  private static let header = Array("PROXY TCP4 203.0.113.7 192.0.2.1 4660 8443\r\n".utf8)
  private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
  private static let local = signature + [0x20, 0, 0, 0]
  private static let binary =
    signature + [0x21, 0x11, 0, 15, 203, 0, 113, 8, 192, 0, 2, 1, 0x12, 0x34, 0x20, 0xfb, 0x04, 0, 0]

  private func start(_ change: (inout Settings) -> Void = { _ in }) async throws -> AttackedServer {
    try await AttackedServer.start {
      $0.proxyProtocolFrom = [IPNetwork("127.0.0.3")!]
      change(&$0)
    }
  }

  private func client(_ attacked: AttackedServer, _ preface: [UInt8]) async throws -> TestClient {
    try await TestClient.connect(
      port: attacked.port, trust: attacked.server.trust, source: Self.balancer, preface: preface)
  }

  /// Logs in with a wrong password. - Returns: the client's address in the audit trail.
  private func address(_ client: TestClient, _ attacked: AttackedServer) async throws -> String {
    let name = "nobody-\(UInt32.random(in: .min ... .max))"
    let body = Array(#"{"username":"\#(name)","password":"wrong wrong wrong"}"#.utf8)
    let answer = try await client.request(
      "POST", "/api/v1/auth/login", [("Content-Type", "application/json")], body: body)
    #expect(answer.status == 401, "\(answer)")
    let statement = Statement<SingleValue<String>>(
      "test_address_\(name.suffix(6))", "SELECT address FROM pganalytics.audit ORDER BY id DESC LIMIT 1")
    return try #require(try await attacked.server.database.one(statement)).value
  }

  @Test func `the client's address comes from a header of either version, with TLS right behind it`() async throws {
    let attacked = try await start()
    #expect(try await address(client(attacked, Self.header), attacked) == "203.0.113.7")
    #expect(try await address(client(attacked, Self.binary), attacked) == "203.0.113.8")
    #expect(try await address(client(attacked, Self.local), attacked) == Self.balancer)
    #expect(try await address(client(attacked, Array("PROXY UNKNOWN\r\n".utf8)), attacked) == Self.balancer)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `a balancer's connection without a header is closed`() async throws {
    let attacked = try await start()
    for bytes in [[0x16, 0x03, 0x01, 0x02], Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("PROXY TCP4 x\r\n".utf8)]
      as [[UInt8]]
    {
      let socket = try PlainSocket(port: attacked.port, from: Self.balancer)
      try await socket.send(bytes)
      #expect(try await socket.text().isEmpty)
    }
    let counters = try await attacked.counters()
    #expect(counters["connections_refused_total{reason=\"proxy_header_missing\"}"] == 2)
    #expect(counters["connections_refused_total{reason=\"proxy_header_malformed\"}"] == 1)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `an unfinished header has the deadline of a head`() async throws {
    let attacked = try await start { $0.headDeadline = .milliseconds(300) }
    let socket = try PlainSocket(port: attacked.port, from: Self.balancer)
    try await socket.send(Array(Self.header.prefix(9)))
    #expect(try await socket.text().isEmpty)
    #expect(try await attacked.counters()["connections_refused_total{reason=\"proxy_header_missing\"}"] == 1)
    await attacked.server.stop()
  }

  @Test func `a header from any other address is refused with 400`() async throws {
    let attacked = try await start()
    for bytes in [Self.header, Self.binary] {
      let socket = try PlainSocket(port: attacked.port, from: "127.0.0.4")
      try await socket.send(bytes)
      let text = try await socket.text()
      #expect(text.hasPrefix("HTTP/1.1 400 ") && text.contains("proxy_header_unexpected"), "\(text)")
    }
    // A second header is refused, too: a client behind the balancer may not name its own address.
    let twice = try PlainSocket(port: attacked.port, from: Self.balancer)
    try await twice.send(Self.header + Self.header)
    #expect(try await twice.text().hasPrefix("HTTP/1.1 400 "))
    #expect(try await attacked.counters()["connections_refused_total{reason=\"proxy_header_unexpected\"}"] == 3)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `shares belong to the clients behind the balancer`() async throws {
    let attacked = try await start {
      $0.loops = 1
      $0.connections = 40
      $0.anonymousPerAddress = 8
    }
    let crowd = try (0..<100).map { _ in try PlainSocket(port: attacked.port, from: Self.balancer) }
    for socket in crowd { try await socket.send(Self.header) }
    #expect(try await address(client(attacked, Self.binary), attacked) == "203.0.113.8")
    withExtendedLifetime(crowd) {}
    await attacked.server.stop()
  }
}
