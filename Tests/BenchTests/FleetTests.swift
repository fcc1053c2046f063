import Glibc
import Protocol
import Reactor
import Testing

@testable import Bench

/// The real fleet against a server on the loopback. Serialised: each test has the machine's few cores to itself.
@Suite(.serialized)
struct FleetTests {
  /// - Parameter isEnough: ends the run before its time.
  private func run(
    _ plan: FleetPlan, on server: TestServer,
    until isEnough: @escaping @Sendable (ServerJournal.Entries) -> Bool = { _ in false }
  ) throws -> (Report, ServerJournal.Entries) {
    let fleet = try Fleet(plan: plan)
    server.journal.end(fleet.scoreboard, when: isEnough)
    let report = try fleet.run()
    server.stop()
    return (report, server.journal.all)
  }

  @Test func `acknowledges exactly what the server stored, over one connection and certificate per collector`() throws {
    let server = try TestServer { _ in .acknowledge }
    var plan = try server.plan(collectors: 20, duration: .milliseconds(300), loops: 2)
    let log = "/tmp/pganalytics-bench-acks-\(getpid())"
    plan.acknowledgementPath = log
    let (report, journal) = try run(plan, on: server)
    let tally = report.tally

    #expect(tally.enrolled == 20 && tally.connected == 20 && journal.enrolled.count == 20)
    #expect(Set(journal.arrivals.map(\.collector)) == Set(journal.enrolled))
    #expect(journal.strangers == 0)
    #expect(journal.connections == 20 + 16, "16 connections enrol, and each collector has one")
    #expect(tally.acknowledged >= 20 && tally.acknowledged == journal.acknowledged)
    #expect(tally.acknowledged == journal.arrivals.count, "nothing was sent twice")
    #expect(journal.stored.values.reduce(0) { $0 + $1.count } == tally.acknowledged, "every push was a new one")
    #expect(tally.rows == tally.acknowledged * TestServer.rowsPerPush)
    #expect(tally.rejects == 0 && tally.duplicates == 0 && tally.errors.isEmpty)
    #expect(tally.pushLatency.count == UInt64(tally.acknowledged))
    #expect(journal.arrivals.allSatisfy { $0.isGzip })
    #expect(tally.wireBytes == journal.arrivals.reduce(0) { $0 + $1.body.count })
    #expect(tally.rawBytes == journal.arrivals.reduce(0) { $0 + inflate($1.body).count })
    #expect(report.isClean(toleratingOutage: false))

    let lines = String(decoding: try LocalFile.read(log), as: UTF8.self).split(separator: "\n")
    unlink(log)
    #expect(lines.count == tally.acknowledged)
    let expected = Set(
      journal.arrivals.map { "\($0.collector)/\($0.earlier) \($0.collector) \(TestServer.rowsPerPush) false" })
    #expect(Set(lines.map(String.init)) == expected)
  }

  @Test func `sends the same body again after Retry-After, and not before`() throws {
    let server = try TestServer { arrival in
      arrival.earlier == 0 ? .refuse(503, slug: "overloaded", retryAfter: 1) : .acknowledge
    }
    let (report, journal) = try run(try server.plan(collectors: 3, duration: .milliseconds(100)), on: server)

    for collector in journal.enrolled {
      let arrivals = journal.arrivals.filter { $0.collector == collector }
      try #require(arrivals.count == 2)
      #expect(arrivals[0].hasSameBody(as: arrivals[1]))
      #expect(arrivals[0].time.duration(to: arrivals[1].time) >= .seconds(1))
    }
    #expect(report.tally.acknowledged == 3 && report.tally.unacknowledged == 0)
    #expect(report.tally.unavailable == 3 && report.tally.resent == 3)
    #expect(report.tally.errors == ["503 overloaded": 3])
    #expect(report.tally.pushLatency.percentile(0) >= .seconds(1), "latency counts from due to acknowledged")
    #expect(!report.isClean(toleratingOutage: false))
    #expect(report.isClean(toleratingOutage: true))
  }

  @Test func `sends the same body again when the answer was lost, so that the server can tell it is a repeat`() throws {
    let server = try TestServer { arrival in
      switch arrival.earlier % 5 {
      case 1: .storeSilently
      case 3: .drop
      default: .acknowledge
      }
    }
    let plan = try server.plan(collectors: 8, duration: .seconds(600), loops: 2)
    let (report, journal) = try run(plan, on: server) { $0.acknowledged >= 60 }
    let tally = report.tally

    let silent = journal.arrivals.filter { $0.earlier % 5 == 1 }
    let dropped = journal.arrivals.filter { $0.earlier % 5 == 3 }
    #expect(!silent.isEmpty && !dropped.isEmpty)
    #expect(tally.duplicates == silent.count)
    #expect(tally.resent == silent.count + dropped.count)
    #expect(tally.lostConnections == tally.resent && tally.reconnects == tally.resent)
    #expect(tally.unacknowledged == 0 && tally.acknowledged == journal.acknowledged)
    #expect(journal.stored.values.reduce(0) { $0 + $1.count } == tally.acknowledged, "stored once, acknowledged once")
    for collector in journal.enrolled {
      let arrivals = journal.arrivals.filter { $0.collector == collector }
      for (arrival, next) in zip(arrivals, arrivals.dropFirst()) where [1, 3].contains(arrival.earlier % 5) {
        #expect(arrival.hasSameBody(as: next))
      }
    }
    #expect(!report.isClean(toleratingOutage: false) && report.isClean(toleratingOutage: true))
  }

  @Test func `refreshes a doubted token once and sends the same body with the new one`() throws {
    let server = try TestServer { arrival in
      arrival.token.hasSuffix(".0") ? .refuse(401, slug: "token_expired", retryAfter: nil) : .acknowledge
    }
    let (report, journal) = try run(try server.plan(collectors: 4, duration: .milliseconds(150)), on: server)

    #expect(report.tally.refreshes == 4 && journal.refreshes == 4)
    #expect(report.tally.errors == ["401 token_expired": 4])
    #expect(report.tally.resent == 4 && report.tally.reconnects == 0)
    for collector in journal.enrolled {
      let arrivals = journal.arrivals.filter { $0.collector == collector }
      try #require(arrivals.count >= 2)
      #expect(arrivals[0].hasSameBody(as: arrivals[1]) && arrivals[0].token != arrivals[1].token)
    }
    #expect(report.isClean(toleratingOutage: false))
  }

  @Test func `counts a push that is refused for ever, and goes on with the next`() throws {
    let server = try TestServer { arrival in
      arrival.earlier == 0 ? .refuse(422, slug: "bad_push", retryAfter: nil) : .acknowledge
    }
    let plan = try server.plan(collectors: 2, duration: .seconds(600))
    let (report, journal) = try run(plan, on: server) { $0.acknowledged >= 2 }

    #expect(report.tally.refusedPushes == 2 && report.tally.resent == 0)
    #expect(report.tally.errors == ["422 bad_push": 2])
    #expect(report.tally.acknowledged == journal.arrivals.count - 2 && report.tally.acknowledged > 0)
    #expect(!report.isClean(toleratingOutage: true))
  }

  @Test func `follows Connection close with a new connection, and calls it no fault`() throws {
    let server = try TestServer { arrival in arrival.earlier == 0 ? .acknowledgeClosing : .acknowledge }
    let plan = try server.plan(collectors: 3, duration: .seconds(600))
    let (report, journal) = try run(plan, on: server) { $0.acknowledged >= 10 }

    #expect(report.tally.reconnects == 3 && report.tally.lostConnections == 0)
    #expect(report.tally.acknowledged == journal.arrivals.count && report.tally.acknowledged > 3)
    #expect(report.isClean(toleratingOutage: false))
  }

  @Test func `reports what no server would take in the end as unacknowledged`() throws {
    let server = try TestServer { _ in .refuse(503, slug: "overloaded", retryAfter: nil) }
    var plan = try server.plan(collectors: 5, duration: .seconds(600))
    plan.drainLimit = .milliseconds(100)
    let (report, journal) = try run(plan, on: server) { $0.arrivals.count >= 20 }

    #expect(report.tally.unacknowledged == 5 && report.tally.acknowledged == 0)
    let unanswered = journal.arrivals.count - report.tally.unavailable
    #expect(report.tally.unavailable > 5 && (0...5).contains(unanswered), "each was tried again and again")
    #expect(!report.isClean(toleratingOutage: true))
  }

  @Test func `counts latency from the moment a push was due, though the connection was busy then`() throws {
    let server = try TestServer { arrival in
      arrival.earlier == 0 ? .acknowledgeAfter(.milliseconds(300)) : .acknowledge
    }
    let plan = try server.plan(collectors: 1, duration: .milliseconds(500), pace: .interval(.milliseconds(50)))
    let (report, _) = try run(plan, on: server)
    let latency = report.tally.pushLatency

    #expect(report.tally.acknowledged + report.tally.unsent == 10, "the schedule does not wait for the server")
    #expect(latency.maximum >= .milliseconds(300))
    // Pushes 1 to 4 were due 50 to 200 ms after the first, and had to wait for its answer at 300 ms.
    #expect(latency.percentile(50) >= .milliseconds(50), "the pushes behind a slow one waited as well")
  }

  @Test func `enrols again what was put off, and leaves behind what was refused`() throws {
    let server = try TestServer(
      enrol: { number in
        switch number {
        case 0: .refuse(429, slug: "slow_down", retryAfter: nil)
        case 1: .refuse(403, slug: "used_up", retryAfter: nil)
        default: .acknowledge
        }
      }, push: { _ in .acknowledge })
    let (report, journal) = try run(try server.plan(collectors: 5, duration: .milliseconds(100)), on: server)

    #expect(journal.enrolled.count == 4 && report.tally.enrolled == 4)
    #expect(report.tally.unenrolled == 1)
    #expect(report.tally.errors == ["429 slow_down": 1, "403 used_up": 1])
    #expect(!report.isClean(toleratingOutage: true))
  }

  @Test func `finds the address that listens, and counts the others as no fault`() throws {
    let server = try TestServer { _ in .acknowledge }
    var plan = try server.plan(collectors: 3, duration: .milliseconds(50))
    let listening = plan.endpoint.addresses
    let deaf = try #require(SocketAddress("[::1]:\(server.port)"))
    plan.endpoint = Endpoint(
      url: plan.endpoint.url, addresses: [deaf] + listening, sources: [SocketAddress(ip: "127.0.0.2", port: 0)!],
      context: plan.endpoint.context)
    let (report, _) = try run(plan, on: server)

    #expect(report.tally.acknowledged >= 3 && report.tally.lostConnections == 0 && report.tally.errors.isEmpty)
  }

  @Test func `trusts no server but the one its authority names`() throws {
    let server = try TestServer { _ in .acknowledge }
    let other = try CertificateAuthority.create(commonName: "other", validFor: 3600, now: WallClock.unixSeconds())
    var plan = try server.plan(collectors: 1, duration: .milliseconds(100))
    let endpoint = plan.endpoint
    plan.endpoint = Endpoint(
      url: endpoint.url, addresses: endpoint.addresses, sources: [],
      context: try TLSContext.client(trustPEM: other.certificate.pem()))
    plan.startLimit = .milliseconds(200)
    let (report, journal) = try run(plan, on: server)

    #expect(report.tally.unenrolled == 1 && journal.enrolled.isEmpty)
    #expect(report.tally.errors.keys.allSatisfy { $0.contains("untrusted_server") } && !report.tally.errors.isEmpty)
  }

  @Test func `ends in good order when interrupted, in the run and before it`() throws {
    let server = try TestServer { _ in .acknowledge }
    let plan = try server.plan(collectors: 4, duration: .seconds(600), pace: .interval(.milliseconds(10)))
    let (report, journal) = try run(plan, on: server) { $0.acknowledged >= 20 }

    #expect(report.elapsed < .seconds(600))
    #expect(report.tally.acknowledged == journal.acknowledged && report.tally.unacknowledged == 0)
    #expect(report.isClean(toleratingOutage: false))

    let closed = try TestServer(enrol: { _ in .refuse(503, slug: "starting", retryAfter: nil) }, push: { _ in .drop })
    let closedPlan = try closed.plan(collectors: 4, duration: .seconds(600))
    let (left, _) = try run(closedPlan, on: closed) { $0.connections >= 1 }
    #expect(left.tally.unenrolled == 4 && left.elapsed < .seconds(600))
  }
}
