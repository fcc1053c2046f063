// One loop's share of the server: its parts, the work that is done once a second, and the shutdown. Lanes share nothing
// with each other. Data from outside (collectors, answers of endpoints, certificates) is submitted to the lane's loop.
//
//   Arrivals ─▶ HTTPConnection ─▶ RequestDesk ─▶ Gatekeeper · IngestDesk · endpoints on the cooperative pool

import CEpoll.Process
import Ground
import Protocol
import Reactor

/// Builds the parts of one loop, and owns them. It is used on that loop only; other threads reach it through `handle`.
final class Lane: DeadlineHandler {
  private static let housekeepingInterval = Duration.seconds(1)
  private static let trimBytes = 16 * 1024 * 1024

  let loop: EventLoop
  let gatekeeper: Gatekeeper
  let ingest: IngestDesk
  let requests: RequestDesk
  let arrivals: Arrivals
  /// The time at which the lane last found that pushes were refused for lack of memory.
  private(set) var memoryRefusedAt: MonotonicTime?
  /// The handle by which other threads reach the lane.
  private(set) lazy var handle = LaneHandle(self)
  private var settings: Settings
  private var draining: Draining?
  private var whenDrained: (@Sendable () -> Void)?
  /// The largest number of held bytes since the allocator last returned memory to the system.
  private var heldBytesPeak = 0

  init(loop: EventLoop, context: LaneContext, catalog: CompiledCatalog, random: QuickRandom = QuickRandom()) {
    self.loop = loop
    settings = context.settings.now
    var seeds = random
    let clock = LoopClock(loop)
    gatekeeper = Gatekeeper(
      loop: loop, clock: clock, settings: settings, tlsContext: context.tlsContext, tokens: context.tokens,
      errands: context.errands, refusals: context.refusals)
    ingest = IngestDesk(
      loop: loop, clock: clock, settings: settings,
      surroundings: IngestSurroundings(
        catalog: catalog, errands: context.errands, log: context.log, pacing: context.pacing,
        legacyLedger: context.legacyLedger, loops: context.loops),
      random: random)
    requests = RequestDesk(
      loop: loop, clock: clock, settings: settings, ingest: ingest, gatekeeper: gatekeeper,
      surroundings: RequestSurroundings(
        router: context.router, errands: context.errands, log: context.log, loops: context.loops),
      random: QuickRandom(seed: ~seeds.next()))
    arrivals = Arrivals(desk: requests, settings: settings, loops: context.loops)
  }

  /// Listens at `place` and connects to the database.
  /// - Returns: the addresses of the listeners.
  func start(at place: ListeningPlace, database: DatabaseAddress) throws(SystemCallError) -> [SocketAddress] {
    let sessions = (0..<settings.writerConnections).map { index in
      (0..<2).map { _ in
        var session = settings.databaseSettings(database)
        session.applicationName = "pganalytics writer \(loop.index).\(index)"
        return DatabaseConnection(loop: loop, settings: session)
      }
    }
    begin(sessions.map { $0[0] }, spares: sessions.map { $0[1] })
    var options = Listener.Options()
    options.maximumAcceptsPerTurn = settings.acceptsPerTurn
    options.joinsOthers = place.joinsOthers
    let listeners = try place.listen { address throws(SystemCallError) in
      try Listener(loop: loop, address: address, options: options, handler: arrivals)
    }
    arrivals.listen(listeners)
    return listeners.map(\.localAddress)
  }

  /// Starts a writer on each of `sessions`, and the work that is done once a second.
  /// - Parameter spares: one session per writer. It replaces the writer's session if that one is set aside.
  func begin(_ sessions: [any CopySession], spares: [any CopySession]) {
    ingest.begin(sessions, spares: spares)
    _ = loop.schedule(self, at: loop.now + Self.housekeepingInterval)
  }

  /// Uses `settings` from now on. Requests in work keep the old ones.
  func apply(_ settings: Settings) {
    self.settings = settings
    gatekeeper.apply(settings)
    ingest.apply(settings)
    requests.apply(settings)
    arrivals.apply(settings)
    requests.pressure.resumeReading()
  }

  // MARK: Housekeeping

  /// Does the work that is due once a second.
  func deadlineReached(_ id: TimerID) {
    ingest.expire()
    // The held memory may have fallen below its limit although no push was settled.
    requests.pressure.resumeReading()
    if ingest.intake.takeMemoryRefusals() {
      memoryRefusedAt = loop.now
      requests.pressure.makeRoom()
    }
    ingest.intake.sweep()
    ingest.records.logUnwritten()
    requests.records.logUnwritten()
    returnMemory()
    ingest.settleNotes()
    // The pushes of the last connection may have been stored since.
    if requests.isDraining { finishDraining() }
    _ = loop.schedule(self, at: loop.now + Self.housekeepingInterval)
  }

  /// Returns free memory to the system after a burst of pushes. The allocator would keep it for a burst that may never
  /// come.
  private func returnMemory() {
    let heldBytes = ingest.intake.admission.heldBytes
    heldBytesPeak = max(heldBytesPeak, heldBytes)
    if heldBytesPeak - heldBytes < Self.trimBytes { return }
    heldBytesPeak = heldBytes
    cepoll_trim_memory()
  }

  // MARK: Draining

  /// Shuts down: closes the listeners, lets requests in work finish, then calls `done` once.
  func drain(_ done: @escaping @Sendable () -> Void) {
    requests.isDraining = true
    whenDrained = done
    arrivals.close()
    arrivals.whenEmpty = { [unowned self] in finishDraining() }
    let draining = Draining(requests.connections, loop: loop, window: settings.drainSpread)
    self.draining = draining
    draining.proceed()
    finishDraining()
  }

  /// Ends the shutdown: refuses the requests that still wait for an answer, and closes every connection soon
  /// afterwards.
  func cutOff() {
    ingest.close()
    draining?.cutOff()
    finishDraining()
  }

  private func finishDraining() {
    guard requests.connections.count == 0, ingest.isDrained, let done = whenDrained else { return }
    whenDrained = nil
    ingest.close()
    done()
  }
}
