import Glibc
import Ground
import HTTPClient
import Protocol
import Reactor
import Testing

@testable import Bench

/// The real fleet against a server on the loopback. Serialised, so that each test has the machine's few cores to
/// itself.
@Suite(.serialized)
struct FleetTests {
  /// - Parameter isEnough: ends the run early when it returns true.
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

  @Test func `a fleet counts exactly the stored pushes, and a collector has one connection and certificate`() throws {
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
    #expect(tally.acknowledged == journal.arrivals.count, "no push was sent twice")
    #expect(journal.stored.values.reduce(0) { $0 + $1.count } == tally.acknowledged, "every push was a new one")
    #expect(tally.rows == tally.acknowledged * TestServer.rowsPerPush)
    #expect(tally.rejects == 0 && tally.duplicates == 0 && tally.errors.isEmpty)
    #expect(tally.pushLatency.count == UInt64(tally.acknowledged))
    #expect(journal.arrivals.allSatisfy { $0.isGzip })
    #expect(tally.wireBytes == journal.arrivals.reduce(0) { $0 + $1.body.count })
    #expect(tally.rawBytes == journal.arrivals.reduce(0) { $0 + inflate($1.body).count })
    #expect(report.isClean(toleratingOutage: false))

    let lines = String(decoding: try LocalFile.require(log), as: UTF8.self).split(separator: "\n")
    unlink(log)
    #expect(lines.count == tally.acknowledged)
    let expected = Set(
      journal.arrivals.map { "\($0.collector)/\($0.earlier) \($0.collector) \(TestServer.rowsPerPush) false" })
    #expect(Set(lines.map(String.init)) == expected)
  }

  @Test func `the same body is sent again after Retry-After, and not before`() throws {
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

  @Test func `the same body is sent again after a lost answer, and the server recognises the repeat`() throws {
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
    #expect(!report.isFaultless(toleratingOutage: false) && report.isFaultless(toleratingOutage: true))
  }

  @Test func `a refused token is refreshed once, and the same body is sent with the new token`() throws {
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

  @Test func `a push that is refused for good is counted, and the collector goes on with the next`() throws {
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

  @Test func `a Connection close leads to a new connection and counts as no fault`() throws {
    let server = try TestServer { arrival in arrival.earlier == 0 ? .acknowledgeClosing : .acknowledge }
    let plan = try server.plan(collectors: 3, duration: .seconds(600))
    let (report, journal) = try run(plan, on: server) { $0.acknowledged >= 10 }

    #expect(report.tally.reconnects == 3 && report.tally.lostConnections == 0)
    #expect(report.tally.acknowledged == journal.arrivals.count && report.tally.acknowledged > 3)
    #expect(report.isFaultless(toleratingOutage: false))
  }

  @Test func `pushes that the server never accepts are reported as unacknowledged`() throws {
    let server = try TestServer { _ in .refuse(503, slug: "overloaded", retryAfter: nil) }
    var plan = try server.plan(collectors: 5, duration: .seconds(600))
    plan.drainLimit = .milliseconds(100)
    let (report, journal) = try run(plan, on: server) { $0.arrivals.count >= 20 }

    #expect(report.tally.unacknowledged == 5 && report.tally.acknowledged == 0)
    let unanswered = journal.arrivals.count - report.tally.unavailable
    #expect(report.tally.unavailable > 5 && (0...5).contains(unanswered), "each push was tried again and again")
    #expect(!report.isClean(toleratingOutage: true))
  }

  @Test func `latency counts from the moment a push is due, even while the connection is busy`() throws {
    let server = try TestServer { arrival in
      arrival.earlier == 0 ? .acknowledgeAfter(.milliseconds(300)) : .acknowledge
    }
    let plan = try server.plan(collectors: 1, duration: .milliseconds(500), pace: .interval(.milliseconds(50)))
    let (report, _) = try run(plan, on: server)
    let latency = report.tally.pushLatency

    #expect(report.tally.acknowledged + report.tally.unsent == 10, "the schedule does not wait for the server")
    #expect(latency.maximum >= .milliseconds(300))
    // Pushes 1 to 4 fall due 50 to 200 ms after the first push, and wait for its answer at 300 ms.
    #expect(latency.percentile(50) >= .milliseconds(50), "the pushes behind a slow one waited as well")
  }

  /// The server stands still for 300 ms. The two ways of counting, from due and from sent, differ in this stall.
  @Test func `a stall is in the latency of all pushes due in it, and in the service time of one push`() throws {
    let server = try TestServer { arrival in
      arrival.earlier == 0 ? .acknowledgeAfter(.milliseconds(300)) : .acknowledge
    }
    let plan = try server.plan(collectors: 1, duration: .milliseconds(600), pace: .interval(.milliseconds(10)))
    let (report, _) = try run(plan, on: server)
    let tally = report.tally

    // 60 pushes fall due, 29 of them in the stall. The last of these 29 waits the least.
    #expect(tally.acknowledged + tally.unsent + tally.heldUp == 60 && tally.pushLatency.count == 60)
    #expect(tally.pushLatency.percentile(75) >= .milliseconds(100))
    #expect(tally.serviceLatency.count == UInt64(tally.acknowledged))
    let waited = tally.serviceLatency.buckets.indices.filter {
      DurationHistogram.highestMicroseconds(of: $0) >= 300_000
    }.reduce(0) { $0 + tally.serviceLatency.buckets[$1] }
    #expect(waited >= 1 && tally.serviceLatency.percentile(50) < tally.pushLatency.percentile(50))
  }

  @Test func `a push that fell due and was never made is in the latency with its waiting time`() throws {
    let server = try TestServer { _ in .acknowledgeAfter(.milliseconds(400)) }
    let plan = try server.plan(collectors: 1, duration: .milliseconds(200), pace: .interval(.milliseconds(20)))
    let (report, _) = try run(plan, on: server)

    #expect(report.tally.acknowledged == 1 && report.tally.unsent == 9)
    #expect(report.tally.pushLatency.count == 10 && report.tally.serviceLatency.count == 1)
    #expect(report.tally.pushLatency.percentile(10) <= .milliseconds(40), "the last one waited for 20 ms")
    #expect(report.tally.pushLatency.percentile(80) >= .milliseconds(140))
  }

  @Test func `pushes of ramp and warm-up are counted, and not measured`() throws {
    let server = try TestServer { _ in .acknowledge }
    var plan = try server.plan(collectors: 4, duration: .seconds(1), pace: .interval(.milliseconds(100)))
    plan.ramp = .seconds(1)
    plan.warmUp = .milliseconds(500)
    let (report, journal) = try run(plan, on: server)
    let times = try #require(report.times)

    #expect(times.start.duration(to: times.measureStart) == .milliseconds(1500))
    #expect(times.measureStart.duration(to: times.end) == .seconds(1))
    #expect(report.result.before.acknowledged > 0 && report.measured.acknowledged > 0)
    #expect(report.tally.acknowledged == journal.acknowledged)
    #expect(report.measured.acknowledged < report.tally.acknowledged)
    #expect(report.measured.enrolled == 0 && report.tally.enrolled == 4 && report.tally.connected == 4)
    // The collectors join one after the other within the ramp: about 4 · 10 / 2 + 4 · (5 + 10) pushes.
    let due = report.tally.acknowledged + report.tally.unsent
    #expect((74...92).contains(due), "\(due)")
    #expect(report.tally.series.intervals.reduce(0) { $0 + $1.acknowledged } == journal.acknowledged)
  }

  @Test func `a closed loop sends nothing during its think time`() throws {
    let server = try TestServer { _ in .acknowledge }
    let plan = try server.plan(
      collectors: 1, duration: .milliseconds(400), pace: .closedLoop(think: .milliseconds(100)))
    let (_, journal) = try run(plan, on: server)

    let arrivals = journal.arrivals.map(\.time)
    #expect((1...4).contains(arrivals.count))
    for (time, next) in zip(arrivals, arrivals.dropFirst()) {
      #expect(time.duration(to: next) >= .milliseconds(100))
    }
  }

  @Test func `every fault ends as it must with a correct server`() throws {
    for fault in Fault.allCases {
      let server = try TestServer { _ in .acknowledge }
      var plan = try server.plan(collectors: 3, duration: .milliseconds(200), pace: .interval(.milliseconds(100)))
      plan.faults = try #require(FaultMix([fault: 1]))
      plan.slowBodyTime = .milliseconds(100)
      let (report, journal) = try run(plan, on: server)
      let tally = report.tally
      let count = try #require(tally.faults[fault], "\(fault)")

      #expect(count.right == tally.acknowledged && count.wrong.isEmpty && count.open == 0, "\(fault): \(count)")
      #expect(tally.acknowledged + tally.unsent + tally.heldUp == 6 && tally.acknowledged > 0, "\(fault)")
      #expect(tally.errors.isEmpty && tally.refusedPushes == 0 && tally.resent == 0 && tally.duplicates == 0)
      // On a busy machine, pushes that fall due behind a push with a fault may be unsent.
      #expect(tally.lostConnections == 0 && report.isClean(toleratingOutage: true), "\(fault)")
      #expect(journal.stored.values.reduce(0) { $0 + $1.count } == tally.acknowledged, "\(fault): stored once")
      #expect(tally.rows == tally.acknowledged * TestServer.rowsPerPush)
      let isOurDoing = fault != .wrongCertificate
      #expect(tally.serviceLatency.count == (isOurDoing ? 0 : UInt64(tally.acknowledged)), "\(fault)")
      let expectedArrivals = fault == .duplicate ? 2 * tally.acknowledged : tally.acknowledged
      #expect(journal.arrivals.count == expectedArrivals, "\(fault)")
      #expect(tally.reconnects == (fault == .reset ? tally.acknowledged : 0), "\(fault)")
    }
  }

  @Test func `a report names the faults that a server gets wrong, and is not clean`() throws {
    let wrongs: [(Fault, String)] = [(.duplicate, "200"), (.brokenJSON, "200"), (.wrongCertificate, "200")]
    for (fault, outcome) in wrongs {
      let server = try TestServer(isCredulous: true) { _ in .acknowledge }
      var plan = try server.plan(collectors: 2, duration: .milliseconds(100), pace: .interval(.milliseconds(100)))
      plan.faults = try #require(FaultMix([fault: 1]))
      let (report, _) = try run(plan, on: server)
      let count = try #require(report.tally.faults[fault], "\(fault)")

      #expect(count.right == 0 && count.wrong == [outcome: 2], "\(fault): \(count)")
      #expect(!report.isClean(toleratingOutage: true), "\(fault)")
    }
  }

  @Test func `a deferred enrolment is tried again, and a refused one is given up`() throws {
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

  @Test func `a fleet finds the address that listens, and other addresses are no fault`() throws {
    let server = try TestServer { _ in .acknowledge }
    var plan = try server.plan(collectors: 3, duration: .milliseconds(50))
    let listening = plan.endpoint.addresses
    let deaf = try #require(SocketAddress("[::1]:\(server.port)"))
    plan.endpoint = HTTPSDestination(
      url: plan.endpoint.url, addresses: [deaf] + listening, sources: [SocketAddress(ip: "127.0.0.2", port: 0)!],
      context: plan.endpoint.context)
    let (report, _) = try run(plan, on: server)

    #expect(report.tally.acknowledged >= 3 && report.tally.lostConnections == 0 && report.tally.errors.isEmpty)
  }

  @Test func `a fleet trusts only the server that its authority names`() throws {
    let server = try TestServer { _ in .acknowledge }
    let other = try CertificateAuthority.create(commonName: "other", validFor: 3600, now: WallClock.unixSeconds())
    var plan = try server.plan(collectors: 1, duration: .milliseconds(100))
    let endpoint = plan.endpoint
    plan.endpoint = HTTPSDestination(
      url: endpoint.url, addresses: endpoint.addresses, sources: [],
      context: try TLSContext.client(trustPEM: other.certificate.pem()))
    plan.startLimit = .milliseconds(200)
    let (report, journal) = try run(plan, on: server)

    #expect(report.tally.unenrolled == 1 && journal.enrolled.isEmpty)
    #expect(report.tally.errors.keys.allSatisfy { $0.contains("untrusted_server") } && !report.tally.errors.isEmpty)
  }

  @Test func `the server's figures cover the run, and not the server's whole life`() throws {
    let server = try TestServer { _ in .acknowledge }
    var plan = try server.plan(collectors: 2, duration: .milliseconds(700), pace: .interval(.milliseconds(20)))
    plan.warmUp = .milliseconds(500)
    func growth(interrupted isInterrupted: Bool) throws -> (Double?, Report) {
      let fleet = try Fleet(plan: plan)
      if isInterrupted { fleet.scoreboard.interrupt() }
      let watch = try RunWatch(plan: WatchPlan(), fleet: plan, loop: fleet.control)
      let report = try fleet.run(watch: watch)
      return (report.watched?.server.growth.sum("pganalytics_pushes_stored_total"), report)
    }
    let (grown, report) = try growth(interrupted: false)
    // The pushes stored between the first sample of the measured part and the last sample, without the 50 of the
    // warm-up.
    let number = try #require(grown)
    #expect(number > 0 && number <= Double(report.measured.acknowledged) + 2, "\(number)")
    let (none, left) = try growth(interrupted: true)
    #expect(none == nil && left.watched?.server.trouble != nil)
    server.stop()
  }

  @Test func `the preflight reports at once why a server cannot be reached or trusted`() throws {
    func failure(_ endpoint: HTTPSDestination) -> String {
      do {
        try Preflight.check(endpoint)
        return "none"
      } catch {
        return "\(error)"
      }
    }
    let server = try TestServer { _ in .acknowledge }
    let endpoint = try server.plan(collectors: 1, duration: .seconds(1)).endpoint
    #expect(failure(endpoint) == "none")
    let other = try CertificateAuthority.create(commonName: "other", validFor: 3600, now: WallClock.unixSeconds())
    let suspicious = HTTPSDestination(
      url: endpoint.url, addresses: endpoint.addresses, sources: [],
      context: try TLSContext.client(trustPEM: other.certificate.pem()))
    #expect(failure(suspicious).hasPrefix("127.0.0.1:\(server.port): its certificate is not trusted by the authority"))
    server.stop()
    // No server listens there any more.
    #expect(failure(endpoint) == "127.0.0.1:\(server.port): Connection refused")
  }

  @Test func `an interrupted fleet ends in good order, during the run and before it`() throws {
    let server = try TestServer { _ in .acknowledge }
    let plan = try server.plan(collectors: 4, duration: .seconds(600), pace: .interval(.milliseconds(10)))
    let (report, journal) = try run(plan, on: server) { $0.acknowledged >= 20 }

    #expect(report.elapsed < .seconds(600))
    #expect(report.tally.acknowledged == journal.acknowledged && report.tally.unacknowledged == 0)
    #expect(report.isInterrupted && !report.isClean(toleratingOutage: true))
    #expect(report.text(toleratingOutage: false).contains("interrupted"))

    let closed = try TestServer(enrol: { _ in .refuse(503, slug: "starting", retryAfter: nil) }, push: { _ in .drop })
    let closedPlan = try closed.plan(collectors: 4, duration: .seconds(600))
    let (left, _) = try run(closedPlan, on: closed) { $0.connections >= 1 }
    #expect(left.tally.unenrolled == 4 && left.elapsed < .seconds(600))
  }
}
