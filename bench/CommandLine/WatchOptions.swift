// What is looked at beside the pushes, and where it is written.

import ArgumentParser

struct WatchOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Bearer token that the server's /metrics asks for. (default: none)", valueName: "token"))
  var metricsToken: String?

  @Option(
    help: ArgumentHelp(
      "The server's database, as a libpq URL: adds its counters to the report, and the rows this run has stored.",
      valueName: "url"))
  var databaseURL: String?

  @Flag(
    help:
      "Count by SQL, afterwards, what the collectors of this run have stored; a mismatch with what was acknowledged is exit status 1. Needs --database-url."
  )
  var verify = false

  @Option(
    help: ArgumentHelp(
      "The server's process on this machine: its processor time is set against ours.", valueName: "pid"))
  var serverPid: Int?

  @Option(
    help: ArgumentHelp(
      "The database's first process on this machine; its children are counted in.", valueName: "pid"))
  var databasePid: Int?

  @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Write the report as one HTML page with plots.", valueName: "file"))
  var html: String?

  @Option(
    help: ArgumentHelp(
      "Note each acknowledged push: push_id collector_id rows_inserted duplicate(true|false).", valueName: "file"))
  var reportAcks: String?

  @Flag(help: "Lost connections and answers 503 are no failure if every push was acknowledged in the end.")
  var tolerateOutage = false

  @Option(
    help: ArgumentHelp(
      "What the report must show, else the exit status is 3; may be repeated. Figures of push latency (p50, p90, p99, p99.9, max, mean), of others (service.p99, reads.p99), counts (refused, unsent) and rates (pushes_per_second), with < <= = != >= >.",
      valueName: "p99<200ms|refused=0"))
  var expect: [String] = []

  mutating func validate() throws {
    if verify, databaseURL == nil { throw ValidationError("--verify needs --database-url.") }
  }

  /// - Throws: `UsageError` for what says nothing about a report.
  func expectations() throws(UsageError) -> [Expectation] {
    var expectations: [Expectation] = []
    for text in expect { expectations.append(try Expectation(text)) }
    return expectations
  }

  /// - Throws: `UsageError` for a process that is not there.
  func plan() throws(UsageError) -> WatchPlan {
    for (name, id) in [("--server-pid", serverPid), ("--database-pid", databasePid)] {
      if let id, ProcessFigures.of(id) == nil { throw UsageError(description: "\(name) \(id): no such process here") }
    }
    return WatchPlan(
      metricsToken: metricsToken ?? "", databaseURL: databaseURL, serverProcess: serverPid,
      databaseProcess: databasePid, verifies: verify)
  }
}
