import ArgumentParser
import Glibc
import Ground
import HTTPClient
import Protocol
import Reactor
import Testing

@testable import Bench

/// Measurements of what one unit of load costs, against a server on the loopback: this process.
@Suite(.serialized)
struct CostTests {
  private final class Lines {
    var all: [String] = []
  }

  private func plan(_ mode: CostMode, _ server: TestServer, count: Int = 6, rounds: Int = 2) throws -> CostPlan {
    let authority = try CertificateAuthority(
      certificatePEM: server.authorityPEM, privateKeyPEM: server.authorityKeyPEM)
    let key = try PrivateKey.generate()
    let issued = try authority.issueCollector(
      for: key, collector: .random(), hostname: "h", validFor: 3600, now: WallClock.unixSeconds())
    return CostPlan(
      mode: mode, destination: try server.plan(collectors: 1, duration: .zero).endpoint, process: Int(getpid()),
      identities: [try TLSIdentity(chainPEM: issued.pem, privateKeyPEM: key.pem())], count: count, connections: 2,
      rounds: rounds, idleTime: .milliseconds(10), settleTime: .zero)
  }

  private func request(_ plan: CostPlan, path: String = "/metrics") -> CostPlan.Request {
    CostPlan.Request(
      head: HTTPRequestTemplate(own: .get, target: path, authority: plan.destination.url.authority, fields: []))
  }

  private func run(_ plan: CostPlan, _ request: CostPlan.Request) throws -> [String] {
    let lines = Lines()
    try CostRun(plan) { lines.all.append($0) }.run(request)
    return lines.all
  }

  @Test func `each handshake is a connection of its own, and the first round is not measured`() throws {
    let server = try TestServer { _ in .acknowledge }
    defer { server.stop() }
    let plan = try plan(.handshakes, server, count: 5, rounds: 3)
    let lines = try run(plan, request(plan))
    #expect(server.journal.all.connections == 5 * (1 + 3))
    #expect(lines.count == 4 && lines.dropLast().allSatisfy { $0.contains(" us a handshake, ") })
    #expect(lines.last?.hasPrefix("median ") == true && lines.last?.hasSuffix(" us a handshake") == true)
  }

  @Test func `requests go over connections that stay, and a refusal ends the measurement`() throws {
    let server = try TestServer { _ in .acknowledge }
    defer { server.stop() }
    let plan = try plan(.requests, server)
    let push = try CostPlan.Request.emptyPush(to: plan.destination, secret: TestServer.secret, bodyBytes: 400)
    let lines = try run(plan, push)
    let journal = server.journal.all
    #expect(lines.count == 3 && lines.last?.hasPrefix("median ") == true)
    // One connection enrolled the collector.
    #expect(journal.connections == 1 + 2 && journal.arrivals.count == 6 * (1 + 2) && journal.strangers == 0)
    #expect(journal.arrivals.allSatisfy { $0.body.count == 400 })

    #expect(throws: RunFailure.self) { try run(plan, request(plan, path: "/nothing")) }
    #expect(throws: RunFailure.self) {
      try CostPlan.Request.emptyPush(to: plan.destination, secret: "wrong", bodyBytes: 0)
    }
  }

  @Test func `idle connections and a herd are each open at one time`() throws {
    let server = try TestServer { _ in .acknowledge }
    defer { server.stop() }
    let idle = try plan(.idle, server)
    #expect(try run(idle, request(idle)).first?.hasPrefix("6 connections up in ") == true)
    #expect(server.journal.all.connections == 6)
    let herd = try plan(.herd, server)
    let lines = try run(herd, request(herd))
    #expect(lines.count == 2 && lines[0].hasPrefix("round 1: 6 came in ") && lines[1].hasSuffix(" us a handshake"))
    #expect(server.journal.all.connections == 6 + 6 * 2)
  }

  @Test func `says when the server fails`() throws {
    let server = try TestServer { _ in .acknowledge }
    let plan = try plan(.handshakes, server)
    server.stop()
    #expect(throws: (any Error).self) { try run(plan, request(plan)) }
  }

  @Test(arguments: [["--count", "0"], ["--path", "metrics"], ["--rounds", "0"], ["--connections", "0"]])
  func `refuses options that say nothing`(arguments: [String]) throws {
    let required = ["idle", "--port", "1", "--pid", "1", "--ca", "a", "--ca-key", "b"]
    #expect(try CostCommand.parse(required).mode == .idle)
    #expect(throws: (any Error).self) { try CostCommand.parse(required + arguments) }
  }

  @Test func `many connections come from several addresses`() {
    #expect(CostPlan.sources(for: 100).map(\.ipString) == ["127.0.1.1"])
    #expect(CostPlan.sources(for: 45_000).map(\.ipString) == ["127.0.1.1", "127.0.1.2", "127.0.1.3"])
  }
}
