// One loop's share of the server: its parts, and what is done once a second and at the end. Nothing in it is shared with another
// lane; what comes from outside (collectors, answers of endpoints, certificates) is submitted to its loop.
//
//   Arrivals ─▶ HTTPConnection ─▶ RequestDesk ─▶ Gatekeeper · IngestDesk · endpoints on the cooperative pool

import CEpoll.Process
import Ground
import Protocol
import Reactor

final class Lane: DeadlineHandler {
  private static let housekeepingInterval = Duration.seconds(1)
  private static let trimBytes = 16 * 1024 * 1024

  let loop: EventLoop
  let gatekeeper: Gatekeeper
  let ingest: IngestDesk
  let requests: RequestDesk
  let arrivals: Arrivals
  /// When it was last seen that pushes were refused for want of memory.
  private(set) var memoryRefusedAt: MonotonicTime?
  private(set) lazy var handle = LaneHandle(self)
  private var settings: Settings
  private var draining: Draining?
  private var whenDrained: (@Sendable () -> Void)?
  /// The most that was held since memory was last given back.
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

  /// Listens at `place` and connects to the database. - Returns: where it listens.
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

  /// Starts a writer on each of `sessions`, and the housekeeping.
  /// - Parameter spares: one a writer, for when its session is left to itself.
  func begin(_ sessions: [any CopySession], spares: [any CopySession]) {
    ingest.begin(sessions, spares: spares)
    _ = loop.schedule(self, at: loop.now + Self.housekeepingInterval)
  }

  /// Follows the settings that can change: at once, but for what is in work by the old ones.
  func apply(_ settings: Settings) {
    self.settings = settings
    gatekeeper.apply(settings)
    ingest.apply(settings)
    requests.apply(settings)
    arrivals.apply(settings)
    requests.pressure.resumeReading()
  }

  // MARK: Housekeeping

  func deadlineReached(_ id: TimerID) {
    ingest.expire()
    // Memory could be below the mark without a push having been settled since.
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
    // What the last connection left behind may have been stored since.
    if requests.isDraining { finishDraining() }
    _ = loop.schedule(self, at: loop.now + Self.housekeepingInterval)
  }

  /// The allocator keeps what a burst left behind, for a next one that may never come: gives it back once it is over.
  private func returnMemory() {
    let heldBytes = ingest.intake.admission.heldBytes
    heldBytesPeak = max(heldBytesPeak, heldBytes)
    if heldBytesPeak - heldBytes < Self.trimBytes { return }
    heldBytesPeak = heldBytes
    cepoll_trim_memory()
  }

  // MARK: Draining

  /// Accepts no more, lets requests in work finish, then calls `done` once.
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

  /// The time is up: whoever waits for an answer is told so, and soon afterwards every connection is closed.
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
