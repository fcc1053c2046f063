import Protocol
import Reactor
import Testing

@testable import Bench

/// Reads beside the pushes of a real fleet, against a server on the loopback.
@Suite(.serialized)
struct ReadTests {
  @Test func `readers read beside the pushes, and the report has their figures`() throws {
    let server = try TestServer { _ in .acknowledge }
    var plan = try server.plan(collectors: 2, duration: .seconds(1), pace: .interval(.milliseconds(50)))
    plan.warmUp = .milliseconds(300)
    let fleet = try Fleet(plan: plan)
    let readers = Readers(
      plan: ReadPlan(
        readers: 2, paths: ["/api/v1/read"], login: .init(username: "ada", password: TestServer.secret)),
      endpoint: plan.endpoint, loop: fleet.control)
    var report = try fleet.run(readers: readers)
    report.expectations = try ["reads_failed=0", "reads.p99<5s", "reads>10", "reads_per_second>10"].map(
      Expectation.init)
    server.stop()
    let reads = try #require(report.reads)
    #expect(reads.trouble == nil && reads.failed == 0 && reads.open <= 2)
    #expect(reads.answered > 10 && reads.latency.count == UInt64(reads.answered))
    #expect(reads.answered < server.journal.all.reads, "reads of the warm-up are not measured")
    #expect(report.isClean(toleratingOutage: true) && report.isAsExpected)
    #expect(report.text(toleratingOutage: false).contains("reads       \(reads.answered) answered"))
  }

  @Test func `a run with a failed login or refused reads is not clean`() throws {
    let server = try TestServer { _ in .acknowledge }
    let plan = try server.plan(collectors: 1, duration: .milliseconds(400), pace: .interval(.milliseconds(50)))
    func run(_ path: String, _ login: ReadPlan.Login?) throws -> Report {
      let fleet = try Fleet(plan: plan)
      let readers = Readers(
        plan: ReadPlan(readers: 1, paths: [path], login: login), endpoint: plan.endpoint, loop: fleet.control)
      return try fleet.run(readers: readers)
    }
    let wrong = try run("/api/v1/read", .init(username: "ada", password: "wrong"))
    #expect(wrong.reads?.trouble == "the login was answered 401 invalid_credentials")
    #expect(!wrong.isClean(toleratingOutage: true))
    let anonymous = try run("/api/v1/read", nil)
    #expect(anonymous.reads?.errors.keys.first == "401 unauthenticated" && anonymous.reads?.answered == 0)
    #expect(!anonymous.isClean(toleratingOutage: true))
    server.stop()
  }
}
