import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// Many connections of one address, and one client of another. Each deadline is longer than any test waits: a client is
/// served only because another connection makes room.
@Suite struct CrowdTests {
  private static let crowd = "127.0.0.2"

  private func silent(_ count: Int, _ attacked: AttackedServer, from source: String = crowd) throws -> [PlainSocket] {
    try (0..<count).map { _ in try PlainSocket(port: attacked.port, from: source) }
  }

  @Test func `silent connections beyond the share of their address make room for another address`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.connections = 40
      $0.anonymousPerAddress = 8
    }
    let crowd = try silent(200, attacked)
    // The kernel's queue has all of them before this connection.
    #expect(try await attacked.bystander.push(attacked.goodPush()).status == 200)
    let counters = try await attacked.counters()
    #expect(counters["connections_refused_total{reason=\"address_share\"}"] >= 100, "\(counters)")
    // The connections keep the room as long as no other address wants it.
    #expect(counters.connections("arriving") > 8)
    withExtendedLifetime(crowd) {}
    await attacked.server.stop()
  }

  @Test func `begun handshakes beyond the share of their address make room for another address`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.unfinishedHandshakes = 6
      $0.handshakesPerAddress = 2
    }
    let crowd = try silent(30, attacked)
    for socket in crowd { try await socket.send([0x16, 0x03, 0x01]) }
    try await attacked.server.eventually("the handshakes do not begin") {
      try await attacked.counters().connections("handshaking") >= 4
    }
    #expect(try await attacked.bystander.push(attacked.goodPush()).status == 200)
    let counters = try await attacked.counters()
    #expect(counters["connections_refused_total{reason=\"address_share\"}"] >= 1, "\(counters)")
    #expect(counters.connections("arriving") >= 20, "the others wait for their turn")
    withExtendedLifetime(crowd) {}
    await attacked.server.stop()
  }

  @Test func `a fleet behind one address is no crowd once the server has seen its certificates`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.connections = 24
      $0.anonymousPerAddress = 2
    }
    var fleet: [TestClient] = []
    for _ in 0..<12 { fleet.append(try await attacked.bystander.client()) }
    let crowd = try silent(100, attacked)
    #expect(try await attacked.bystander.push(attacked.goodPush()).status == 200)
    for client in fleet {
      #expect(try await attacked.bystander.push(attacked.goodPush(), over: client).status == 200)
    }
    withExtendedLifetime(crowd) {}
    await attacked.server.stop()
  }

  @Test func `the longest idle connections without a certificate make room for collectors`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.connections = 12
      $0.anonymousPerAddress = 2
    }
    let trust = attacked.server.trust
    var idle: [TestClient] = []
    for _ in 0..<10 { idle.append(try await TestClient.connect(port: attacked.port, trust: trust, source: Self.crowd)) }
    var others: [TestClient] = []
    for _ in 0..<4 { others.append(try await attacked.bystander.client()) }
    for client in others { #expect(try await attacked.bystander.push(attacked.goodPush(), over: client).status == 200) }
    #expect(try await idle[0].isClosedByServer(), "the longest idle connection makes room")
    #expect(try await idle[9].request("GET", "/api/v1/health/live").status == 200, "the newest connection still works")
    await attacked.server.stop()
  }
}
