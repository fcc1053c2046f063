// Looks at the server and its database while the fleet pushes: what they say of themselves belongs beside what the
// clients saw.

internal import Protocol
internal import Reactor

/// What is to be watched.
struct WatchPlan: Sendable {
  /// Of `/metrics`; empty if it asks for none.
  var metricsToken = ""
  var databaseURL: String?
  /// The server's process, if it runs here.
  var serverProcess: Int?
  /// The database's first process, if it runs here.
  var databaseProcess: Int?
  var verifies = false
}

/// What was seen.
struct WatchedFigures: Sendable {
  /// Of the measured part.
  struct Server: Sendable {
    var growth = PrometheusPage()
    var samples: [SampleLog<PrometheusPage>.Sample] = []
    var trouble: String?
  }

  struct Database: Sendable {
    var growth = DatabaseFigures()
    var samples: [SampleLog<DatabaseFigures>.Sample] = []
    /// Of the whole run, by this run's collectors.
    var stored = StoredCounts()
    /// Why some of it is missing.
    var trouble: String?
  }

  var server = Server()
  var database: Database?
  /// Processor time of the measured part.
  var serverCPU: Duration?
  var serverResidentBytes: Int?
  var databaseCPU: Duration?
  /// Whether the run was to be verified.
  var verifies = false
  /// nil also if the database could not be asked.
  var verification: Verification?

  /// Not found wanting: verified, or not asked for.
  var isVerified: Bool { !verifies || verification?.isExact == true }
}

final class RunWatch {
  /// For the last page of the server, and the last sample of the database.
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
  /// By server.
  private let storedBefore: [Int: StoredCounts]
  private var begin: Mark?
  private var end: Mark?

  /// Connects, and counts what earlier runs of the same identities have left. Blocks.
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

  func measuringBegins() {
    begin = mark()
    probe.mark()
  }

  /// May be called again and again; the first call counts.
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

  /// The run is over. Blocks for a last look, and to count.
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

  /// What the database says; a database that went away does not take the clients' figures with it.
  private func count(
    _ result: FleetResult, _ url: String, _ probe: DatabaseProbe, _ figures: inout WatchedFigures
  ) {
    var database = WatchedFigures.Database(samples: probe.log.samples)
    database.trouble = probe.failure?.description
    if let before = begin?.counters, let after = probe.latest?.value { database.growth = after - before }
    do {
      // A connection of before the run may not have survived it.
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
