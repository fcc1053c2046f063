// The options for measurements of the server and the database, and for the report.

import ArgumentParser

struct WatchOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Bearer token for the server's /metrics. (default: none)", valueName: "token"))
  var metricsToken: String?

  @Option(
    help: ArgumentHelp(
      "libpq URL of the server's database. Its counters and the rows that this run has stored appear in the report.",
      valueName: "url"))
  var databaseURL: String?

  @Flag(
    help:
      "After the run, count its stored rows and pushes by SQL. If they differ from the acknowledged ones, the exit status is 1. Needs --database-url."
  )
  var verify = false

  @Option(
    help: ArgumentHelp(
      "Id of the server's process on this machine. The report compares its processor time with the client's.",
      valueName: "pid"))
  var serverPid: Int?

  @Option(
    help: ArgumentHelp(
      "Id of the database's first process on this machine. The time of its children is included.", valueName: "pid"))
  var databasePid: Int?

  @Option(help: ArgumentHelp("Write the report as JSON.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Write the report as one HTML page with plots.", valueName: "file"))
  var html: String?

  @Option(
    help: ArgumentHelp(
      "Write each acknowledged push: push_id collector_id rows_inserted duplicate(true|false).", valueName: "file"))
  var reportAcks: String?

  @Flag(help: "Lost connections and answers 503 are no failure if every push was acknowledged in the end.")
  var tolerateOutage = false

  @Option(
    help: ArgumentHelp(
      "An expectation of the report; may be repeated. If one does not hold, the exit status is 3. Figures of push latency (p50, p90, p99, p99.9, max, mean), of others (service.p99, reads.p99), counts (refused, unsent) and rates (pushes_per_second), with < <= = != >= >.",
      valueName: "p99<200ms|refused=0"))
  var expect: [String] = []

  mutating func validate() throws {
    if verify, databaseURL == nil { throw ValidationError("--verify needs --database-url.") }
  }

  /// - Throws: `UsageError` for a text that is no expectation.
  func expectations() throws(UsageError) -> [Expectation] {
    var expectations: [Expectation] = []
    for text in expect { expectations.append(try Expectation(text)) }
    return expectations
  }

  /// - Throws: `UsageError` for a process that does not exist.
  func plan() throws(UsageError) -> WatchPlan {
    for (name, id) in [("--server-pid", serverPid), ("--database-pid", databasePid)] {
      if let id, ProcessFigures.of(id) == nil { throw UsageError(description: "\(name) \(id): no such process here") }
    }
    return WatchPlan(
      metricsToken: metricsToken ?? "", databaseURL: databaseURL, serverProcess: serverPid,
      databaseProcess: databasePid, verifies: verify)
  }
}
