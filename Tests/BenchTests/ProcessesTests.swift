import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import Bench

/// Real processes of the real program, which is in the same folder as the tests.
@Suite(.serialized)
struct ProcessesTests {
  private func executable() throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    let paths = [String(decoding: buffer.prefix(max(0, count)), as: UTF8.self), CommandLine.arguments[0]]
    // Tests run from the package's bundle. Some runners load them from there.
    let candidates = paths.map { path in path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } }
    let found = candidates.map { $0 + "/pganalytics-bench" }.first { FileStatus(of: $0, followingLinks: true) != nil }
    return try #require(found, "pganalytics-bench is in none of \(candidates)")
  }

  private func plan(_ server: TestServer, _ collectors: Int, processes: Int) throws -> FleetPlan {
    var plan = try server.plan(
      collectors: collectors, duration: .milliseconds(300), pace: .interval(.milliseconds(100)))
    plan.division.processes = processes
    plan.namesCollectors = true
    return plan
  }

  @Test func `several processes are one fleet: each collector runs once, and all counts are summed`() throws {
    let server = try TestServer { _ in .acknowledge }
    let ca = "/tmp/pganalytics-bench-ca-\(getpid())"
    let acks = "/tmp/pganalytics-bench-acks-p\(getpid())"
    try LocalFile.overwrite(ca, with: server.authorityPEM)
    defer {
      unlink(ca)
      unlink(acks)
    }
    let arguments = [
      "--url", "https://127.0.0.1:\(server.port)", "--ca", ca, "--registration-secret", TestServer.secret,
      "--collectors", "7", "--duration", "300ms", "--interval", "100ms", "--processes", "3", "--report-acks", acks,
      "--profile", "table-stats", "--rows", "3", "--database-url", "postgresql://unused",
    ]
    let fleet = try Fleet(
      plan: try plan(server, 7, processes: 3), role: .captain(executable: try executable(), arguments: arguments))
    let report = try fleet.run()
    server.stop()
    let tally = report.tally
    let journal = server.journal.all

    #expect(tally.enrolled == 7 && tally.connected == 7 && journal.enrolled.count == 7)
    #expect(Set(report.result.collectors.map(\.description)) == Set(journal.enrolled))
    #expect(tally.acknowledged + tally.unsent == 21 && tally.acknowledged == journal.acknowledged)
    #expect(tally.pushLatency.count == 21 && tally.errors.isEmpty && report.isClean(toleratingOutage: false))
    #expect(tally.series.intervals.reduce(0) { $0 + $1.acknowledged } == tally.acknowledged)
    #expect(report.result.cpu > .zero && report.elapsed >= .milliseconds(300))
    let lines = String(decoding: try LocalFile.require(acks), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == tally.acknowledged)
  }

  @Test func `an interrupt reaches all processes, and they still report`() throws {
    let server = try TestServer { _ in .acknowledge }
    let ca = "/tmp/pganalytics-bench-ca-i\(getpid())"
    try LocalFile.overwrite(ca, with: server.authorityPEM)
    defer { unlink(ca) }
    var plan = try plan(server, 4, processes: 2)
    plan.duration = .seconds(600)
    let arguments = [
      "--url", "https://127.0.0.1:\(server.port)", "--ca", ca, "--registration-secret", TestServer.secret,
      "--collectors", "4", "--duration", "600s", "--interval", "100ms", "--processes", "2",
    ]
    let fleet = try Fleet(plan: plan, role: .captain(executable: try executable(), arguments: arguments))
    server.journal.end(fleet.scoreboard) { $0.acknowledged >= 8 }
    let report = try fleet.run()
    server.stop()
    #expect(report.tally.acknowledged == server.journal.all.acknowledged && report.tally.unacknowledged == 0)
    #expect(
      report.elapsed < .seconds(600) && report.tally.lostConnections == 0 && report.isFaultless(toleratingOutage: true))
    #expect(report.isInterrupted && !report.isClean(toleratingOutage: true))
  }

  @Test func `a process that ends without a result is an error, not a smaller fleet`() throws {
    let server = try TestServer { _ in .acknowledge }
    let fleet = try Fleet(
      plan: try plan(server, 4, processes: 2), role: .captain(executable: "/bin/false", arguments: []))
    #expect(throws: RunFailure.self) { try fleet.run() }
    server.stop()
  }
}
