import Protocol
import Reactor
import Testing

@testable import Bench

struct ReportTests {
  private func report(_ change: (inout Tally) -> Void = { _ in }) throws -> Report {
    var tally = Tally()
    change(&tally)
    let authority = try CertificateAuthority.create(commonName: "test", validFor: 3600, now: WallClock.unixSeconds())
    let endpoint = Endpoint(
      url: ServerURL("https://127.0.0.1:1")!, addresses: [SocketAddress("127.0.0.1:1")!], sources: [],
      context: try TLSContext.client(trustPEM: authority.certificate.pem()))
    let plan = FleetPlan(
      endpoint: endpoint, registrationSecret: "s", collectors: 3, duration: .seconds(2), pace: .closedLoop,
      templates: [try PushTemplate(json: samplePush().span)])
    return Report(plan: plan, tally: tally, elapsed: .seconds(2), cpu: .milliseconds(500))
  }

  @Test func `is JSON with rates, percentiles and errors`() throws {
    let report = try report { tally in
      tally.acknowledged = 10
      tally.rows = 70
      tally.wireBytes = 4_000_000
      tally.pushLatency.record(.milliseconds(8))
      tally.countError(code: "503", slug: "overloaded")
    }
    guard case .object(let json) = try JSONValue.parse(report.json(toleratingOutage: false).span),
      case .object(let latency)? = json["push_latency_ms"], case .object(let errors)? = json["errors"]
    else { return #expect(Bool(false), "not the shape") }
    #expect(json["pushes_per_second"] == .double(5) && json["rows_per_second"] == .double(35))
    #expect(json["wire_megabytes_per_second"] == .double(2) && json["cpu_share"] == .double(0.25))
    #expect(json["acknowledged"] == .integer(10) && json["clean"] == .bool(true))
    #expect(latency["p99.9"] == .double(8) && errors["503 overloaded"] == .integer(1))
  }

  @Test func `is clean only if everything was stored`() throws {
    #expect(try report().isClean(toleratingOutage: false))
    let failures: [(inout Tally) -> Void] = [
      { $0.unenrolled = 1 }, { $0.refusedPushes = 1 }, { $0.unacknowledged = 1 }, { $0.deferred = 1 },
    ]
    for failure in failures { #expect(try !report(failure).isClean(toleratingOutage: true)) }
    let outages: [(inout Tally) -> Void] = [{ $0.lostConnections = 1 }, { $0.unavailable = 1 }]
    for outage in outages {
      #expect(try !report(outage).isClean(toleratingOutage: false))
      #expect(try report(outage).isClean(toleratingOutage: true))
    }
  }

  @Test(
    arguments: [
      (0.0, 2, "0.00"), (1.005, 1, "1.0"), (1234.56, 0, "1235"), (0.0499, 1, "0.0"), (2.9996, 3, "3.000"),
    ])
  func `rounds for people`(number: Double, digits: Int, text: String) {
    #expect(Report.rounded(number, digits) == text)
  }
}
