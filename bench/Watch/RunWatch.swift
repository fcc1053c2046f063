// Measures the server and its database during the run, so that the report can show their figures beside the clients'.

internal import Protocol
internal import Reactor

/// The plan of the measurements.
struct WatchPlan: Sendable {
  /// The bearer token for `/metrics`; empty if it needs none.
  var metricsToken = ""
  var databaseURL: String?
  /// The id of the server's process; nil if it is not on this machine.
  var serverProcess: Int?
  /// The id of the database's first process; nil if it is not on this machine.
  var databaseProcess: Int?
  var verifies = false
}

/// The results of the measurements.
struct WatchedFigures: Sendable {
  /// The figures of `/metrics` in the measured part.
  struct Server: Sendable {
    var growth = PrometheusPage()
    var samples: [SampleLog<PrometheusPage>.Sample] = []
    var trouble: String?
  }

  struct Database: Sendable {
    var growth = DatabaseFigures()
    var samples: [SampleLog<DatabaseFigures>.Sample] = []
    /// The rows and pushes that this run's collectors have stored in the whole run.
    var stored = StoredCounts()
    /// The reason why figures are missing; nil if they are complete.
    var trouble: String?
  }

  var server = Server()
  var database: Database?
  /// Processor time of the server in the measured part.
  var serverCPU: Duration?
  var serverResidentBytes: Int?
  var databaseCPU: Duration?
  /// Whether the run was to be verified.
  var verifies = false
  /// The result of the verification; nil if it was not asked for or the database could not be read.
  var verification: Verification?

  /// Whether the verification was exact or not asked for.
  var isVerified: Bool { !verifies || verification?.isExact == true }
}

/// Carries out the measurements of a run.
final class RunWatch {
  /// The time limit for the last page of the server.
  private static let lastLookLimit: Duration = .seconds(5)

  private struct Mark {
    var server: ProcessFigures?
    var database: ProcessFigures?
    var counters: DatabaseFigures?
  }

  private let plan: WatchPlan
  private let loop: EventLoop
  private let probe: ServerProbe
  private let databaseProbe: DatabaseProbe?
  /// The counts before the run, by server.
  private let storedBefore: [Int: StoredCounts]
  private var begin: Mark?
  private var end: Mark?

  /// Connects, and counts the rows that earlier runs of the same host names have stored. It blocks.
  init(plan: WatchPlan, fleet: FleetPlan, loop: EventLoop) throws {
    self.plan = plan
    self.loop = loop
    probe = ServerProbe(loop: loop, endpoint: fleet.endpoint, token: plan.metricsToken)
    databaseProbe = try plan.databaseURL.map { try DatabaseProbe(url: $0) }
    let hosts = (0..<fleet.collectors).map(Hostname.of)
    storedBefore =
      try plan.databaseURL.map { url throws(DatabaseFailure) in
        try StoredCounts.of(hosts: hosts, in: DatabaseSession(url: url))
      } ?? [:]
    probe.start()
  }

  /// Reads the figures at the start of the measured part.
  func measuringBegins() {
    begin = mark()
    probe.mark()
  }

  /// Reads the figures at the end of the measured part. Only the first call has an effect.
  func measuringEnds() {
    if end != nil { return }
    end = mark()
    probe.ask()
  }

  private func mark() -> Mark {
    Mark(
      server: plan.serverProcess.flatMap { ProcessFigures.of($0) },
      database: plan.databaseProcess.flatMap { ProcessFigures.family(of: $0) },
      counters: databaseProbe?.latest?.value)
  }

  /// Ends the measurements. It blocks for a last page of the server and for counting the stored rows.
  func finish(_ result: FleetResult) -> WatchedFigures {
    measuringEnds()
    lookOnceMore()
    probe.stop()
    databaseProbe?.stop()
    var figures = WatchedFigures(verifies: plan.verifies)
    figures.server.samples = probe.log.samples
    figures.server.trouble = probe.trouble
    if let page = probe.latest?.value, let marked = probe.marked {
      figures.server.growth = page.growth(since: marked)
    } else if figures.server.trouble == nil {
      figures.server.trouble = "/metrics was not answered in the measured part"
    }
    if let before = begin?.server, let after = end?.server {
      figures.serverCPU = after.cpu - before.cpu
      figures.serverResidentBytes = after.residentBytes
    }
    if let before = begin?.database, let after = end?.database { figures.databaseCPU = after.cpu - before.cpu }
    if let url = plan.databaseURL, let databaseProbe { count(result, url, databaseProbe, &figures) }
    return figures
  }

  /// Reads the counts of the database. A database that has gone away does not affect the figures of the clients.
  private func count(
    _ result: FleetResult, _ url: String, _ probe: DatabaseProbe, _ figures: inout WatchedFigures
  ) {
    var database = WatchedFigures.Database(samples: probe.log.samples)
    database.trouble = probe.failure?.description
    if let before = begin?.counters, let after = probe.latest?.value { database.growth = after - before }
    do {
      // A new connection is made, because an older one may not have survived the run.
      let stored = try StoredCounts.of(result.collectors, in: DatabaseSession(url: url))
      for (server, counts) in stored {
        database.stored = database.stored + (counts - (storedBefore[server] ?? StoredCounts()))
      }
      if plan.verifies { figures.verification = Verification(stored: database.stored, tally: result.whole) }
    } catch {
      database.trouble = error.description
    }
    figures.database = database
  }

  private func lookOnceMore() {
    let last = probe.latest?.at
    let limit = MonotonicTime.now() + Self.lastLookLimit
    probe.ask()
    while probe.latest?.at == last, probe.trouble == nil, .now() < limit {
      loop.turn(waitingAtMost: Scoreboard.tick)
    }
  }
}
