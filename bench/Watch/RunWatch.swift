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
  }

  var server = Server()
  var database: Database?
  /// Processor time of the measured part.
  var serverCPU: Duration?
  var serverResidentBytes: Int?
  var databaseCPU: Duration?
  var verification: Verification?
}

final class RunWatch {
  /// For the last page of the server, and the last sample of the database.
  private static let lastLookLimit: Duration = .seconds(5)

  private struct Mark {
    var server: ProcessFigures?
    var database: ProcessFigures?
    var page: PrometheusPage?
    var counters: DatabaseFigures?
  }

  private let plan: WatchPlan
  private let loop: EventLoop
  private let probe: ServerProbe
  private let session: DatabaseSession?
  private let databaseProbe: DatabaseProbe?
  private let storedBefore: StoredCounts
  private var begin: Mark?
  private var end: Mark?

  /// Connects, and counts what earlier runs of the same identities have left. Blocks.
  init(plan: WatchPlan, fleet: FleetPlan, loop: EventLoop) throws {
    self.plan = plan
    self.loop = loop
    probe = ServerProbe(loop: loop, endpoint: fleet.endpoint, token: plan.metricsToken)
    session = try plan.databaseURL.map { url throws(DatabaseFailure) in try DatabaseSession(url: url) }
    databaseProbe = try plan.databaseURL.map { try DatabaseProbe(url: $0) }
    let known = fleet.identities.values.filter { $0.index < fleet.collectors }.map(\.collector)
    storedBefore =
      try session.map { session throws(DatabaseFailure) in try StoredCounts.of(known, in: session) }
      ?? StoredCounts()
    probe.start()
  }

  func measuringBegins() {
    begin = mark()
    probe.ask()
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
      database: plan.databaseProcess.flatMap { ProcessFigures.family(of: $0) }, page: probe.latest?.value,
      counters: databaseProbe?.latest?.value)
  }

  /// The run is over. Blocks for a last look, and to count.
  func finish(_ result: FleetResult) throws -> WatchedFigures {
    measuringEnds()
    lookOnceMore()
    probe.stop()
    databaseProbe?.stop()
    if let failure = databaseProbe?.failure { throw failure }
    var figures = WatchedFigures()
    figures.server.samples = probe.log.samples
    figures.server.trouble = probe.trouble
    if let page = probe.latest?.value { figures.server.growth = page.growth(since: begin?.page ?? PrometheusPage()) }
    if let before = begin?.server, let after = end?.server {
      figures.serverCPU = after.cpu - before.cpu
      figures.serverResidentBytes = after.residentBytes
    }
    if let before = begin?.database, let after = end?.database { figures.databaseCPU = after.cpu - before.cpu }
    if let session, let databaseProbe {
      var database = WatchedFigures.Database()
      database.samples = databaseProbe.log.samples
      if let before = begin?.counters, let after = databaseProbe.latest?.value { database.growth = after - before }
      database.stored = try StoredCounts.of(result.collectors, in: session) - storedBefore
      figures.database = database
      if plan.verifies { figures.verification = Verification(stored: database.stored, tally: result.whole) }
    }
    return figures
  }

  private func lookOnceMore() {
    let last = probe.latest?.at
    let limit = MonotonicTime.now() + Self.lastLookLimit
    probe.ask()
    while probe.latest?.at == last, probe.trouble == nil, .now() < limit {
      loop.turn(waitingAtMost: FleetShard.tick)
    }
  }
}
