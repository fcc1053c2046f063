// One loop's share of the server: its listener, connections, writers, pools and counters. Nothing in it is shared with
// another lane; what comes from outside (collectors, answers of endpoints, certificates) is submitted to its loop.

import CEpoll.Process
import Ground
import Protocol
import Reactor

/// What every lane of a process has in common: immutable, or safe to share.
struct LaneContext: Sendable {
  let settings: LiveSettings
  let tlsContext: TLSContext
  let tokens: Tokens
  let router: Router
  let refusals: IdentityRefusals
  let errands: any LaneErrands
  let log: ServerLog
  let pacing: QueryPacing
  let legacyLedger: LegacyLedger
  let loops: Int
}

/// Names a lane for other threads.
struct LaneHandle: Sendable {
  private let loop: LoopHandle
  private let lane: LoopBound<Lane>

  init(_ lane: Lane) {
    loop = lane.loop.handle
    self.lane = LoopBound(lane, on: lane.loop)
  }

  /// Runs `job` on the lane's loop. - Returns: false if the loop has ended; the job is dropped then.
  @discardableResult
  func submit(_ job: @escaping @Sendable (Lane) -> Void) -> Bool {
    loop.submit { [lane] in job(lane.value(on: $0)) }
  }

  func stop() { loop.stop() }
}

final class Lane: AcceptHandler, DeadlineHandler, TurnEndHandler {
  /// An answer that never comes must not keep a connection for ever.
  static let answerDeadline = Duration.seconds(90)
  private static let housekeepingInterval = Duration.seconds(1)
  private static let pooledPushes = 64
  private static let pooledReaders = 16
  private static let trimBytes = 16 * 1024 * 1024

  let loop: EventLoop
  /// As they were told last: see `use`.
  private(set) var settings: Settings
  let context: LaneContext
  private(set) var httpLimits: HTTPLimits
  private(set) var tlsContext: TLSContext
  private(set) var tokens: Tokens
  /// Counts the changes of `tokens`: what was verified before one has to be verified again.
  private(set) var tokensVersion = 0
  private(set) var connections = ConnectionTable()
  private(set) var collectors: [UUID: CollectorRecord] = [:]
  /// Texts and objects that this lane knows to be stored.
  var known: KnownIDs
  var admission: Admission
  var pushLog: PushLog
  /// Days (since 2000-01-01) that have partitions for certain.
  var knownDays: Set<Int32> = []
  var writers: [CopyWriter] = []
  var counters: LaneCounters
  /// Connections whose reading is paused because the lane holds too much.
  var paused: [ConnectionID] = []
  /// Bytes of bodies for endpoints of the admin lane, until they are answered.
  var gatheredBytes = 0
  /// Bytes of answers for clients that do not take them.
  var untakenBytes = 0
  /// For what must differ and need not be secret: the names of requests, jitter.
  var random: QuickRandom
  private(set) var isDraining = false
  private(set) lazy var handle = LaneHandle(self)

  let catalog: CompiledCatalog
  private var connectionsMaximum: Int
  private var listeners: [Listener] = []
  var newcomers: Newcomers
  var handshakeTurns = HandshakeTurns()
  var areHandshakesQueued = false
  var refusalLines = RefusalLines()
  var plaintext = ReusedBuffer(keptBytes: 4 * EventLoop.scratchBytes, minimumCapacity: EventLoop.scratchBytes)
  var responseBuffer = ByteBuffer()
  /// The body of one answer to a push.
  var answerBody = ReusedBuffer(keptBytes: EventLoop.scratchBytes)
  /// What the answers to pushes begin with, for this second.
  var pushAnswerTemplate: HTTPResponseTemplate?
  private var pushPool: [Push] = []
  private var readerPool: [PushReader] = []
  /// Counts the changes of what readers are made by.
  private var readersVersion = 0
  private var seenCollectors: Set<UUID> = []
  /// What was rejected of pushes, until the database is told.
  var rejects = RejectNotes()
  /// Collectors of which the database is just told that somebody came with their identity.
  private var arriving: Set<UUID> = []
  private var touchedAt: MonotonicTime
  private var clock = LoopClock()
  private var draining: Draining?
  private var whenDrained: (@Sendable () -> Void)?
  /// When it was last seen that pushes were refused for want of memory.
  private(set) var memoryRefusedAt: MonotonicTime?
  /// When a batch of this lane was last committed.
  var committedAt: MonotonicTime
  /// The most that was held since memory was last given back.
  private var heldBytesPeak = 0

  init(loop: EventLoop, context: LaneContext, catalog: CompiledCatalog, random: QuickRandom = QuickRandom()) {
    self.loop = loop
    self.random = random
    self.context = context
    self.catalog = catalog
    counters = LaneCounters(targets: catalog.targets.count)
    settings = context.settings.now
    tlsContext = context.tlsContext
    tokens = context.tokens
    httpLimits = settings.httpLimits
    known = KnownIDs(capacity: settings.knownIDs)
    admission = Admission(
      settings: settings, loops: context.loops, random: QuickRandom(seed: self.random.next()))
    pushLog = PushLog(settings: settings, loops: context.loops, now: loop.now)
    touchedAt = loop.now
    committedAt = loop.now
    connectionsMaximum = settings.connectionsMaximum(loops: context.loops)
    newcomers = Newcomers(shares: settings.shares)
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
    listeners = try place.listen { address throws(SystemCallError) in
      try Listener(loop: loop, address: address, options: options, handler: self)
    }
    return listeners.map(\.localAddress)
  }

  /// Starts a writer on each of `sessions`, and the housekeeping.
  /// - Parameter spares: one a writer, for when its session is left to itself.
  func begin(_ sessions: [any CopySession], spares: [any CopySession]) {
    let targets = CopyTargets(catalog)
    for (index, session) in sessions.enumerated() {
      let writer = CopyWriter(
        index: index, loop: loop, owner: self, targets: targets, settings: settings, session: session,
        spare: spares[index], random: QuickRandom(seed: random.next()))
      writers.append(writer)
      writer.start()
    }
    _ = loop.schedule(self, at: loop.now + Self.housekeepingInterval)
  }

  /// Follows the settings that can change: at once, but for what is in work by the old ones.
  func use(_ settings: Settings) {
    self.settings = settings
    httpLimits = settings.httpLimits
    connectionsMaximum = settings.connectionsMaximum(loops: context.loops)
    admission.use(settings, loops: context.loops)
    pushLog.use(settings, loops: context.loops)
    // Those in use are not taken back: see `recycle`.
    readerPool.removeAll()
    readersVersion += 1
    for writer in writers { writer.use(settings) }
    newcomers.use(settings.shares)
    for listener in listeners { listener.accept(atMost: settings.acceptsPerTurn) }
    updateListening()
    handshakeMayBegin()
    relieveIfPossible()
  }

  // MARK: Connections

  func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress) {
    adopt(TLSLink(socket), from: peer)
  }

  func insert(_ link: any ClientLink, from peer: SocketAddress) -> HTTPConnection {
    connections.insert { HTTPConnection(id: $0, link: link, peer: peer, lane: self) }
  }

  /// Whether one more connection may come in without another one having to go.
  var hasRoom: Bool { connections.count < connectionsMaximum }

  /// What waits in the kernel's backlog costs us nothing, but it waits behind everybody. It is left there only while there is
  /// no room, and nobody who would have to make room.
  func updateListening() {
    let isListening = !isDraining && (hasRoom || newcomers.hasCrowd)
    for listener in listeners { if isListening { listener.resume() } else { listener.pause() } }
  }

  func forget(_ connection: HTTPConnection) {
    newcomers.remove(connection.id.slot)
    handshakeTurns.remove(connection.id.slot)
    connections.remove(connection.id)
    counters.connectionsClosed += 1
    updateListening()
    handshakeMayBegin()
    if isDraining { finishDraining() }
  }

  var httpDate: String { clock.httpDate(of: loop) }
  var unixSeconds: Int64 { clock.unixSeconds(of: loop) }
  var unixMicroseconds: Int64 { clock.unixMicroseconds(of: loop) }

  // MARK: Pools

  func borrowPush() -> Push { pushPool.popLast() ?? Push(catalog: catalog) }
  func borrowReader() -> PushReader {
    readerPool.popLast()
      ?? PushReader(
        settings: settings, catalog: catalog, version: readersVersion, clock: { [loop] in loop.readClock() })
  }

  /// Updates what a push in reading holds.
  func account(_ push: Push, _ reader: PushReader) {
    let held = push.rows.allocatedBytes + reader.heldBytes
    if held == push.heldBytes { return }
    admission.hold(held - push.heldBytes, serverID: push.serverID)
    push.heldBytes = held
  }

  func recycle(_ reader: PushReader) {
    reader.end()
    if readerPool.count < Self.pooledReaders, reader.version == readersVersion { readerPool.append(reader) }
  }

  func recycle(_ push: Push) {
    admission.release(push.heldBytes, announced: push.announcedBytes, serverID: push.serverID)
    push.reset()
    // A push that was unusually large gives its memory back; the pool keeps the usual ones.
    if pushPool.count < Self.pooledPushes, push.rows.allocatedBytes <= settings.batchBytes { pushPool.append(push) }
    relieveIfPossible()
  }

  func recycle(_ push: Push, _ reader: PushReader) {
    recycle(reader)
    recycle(push)
  }

  // MARK: Collectors

  func replaceCollectors(_ records: [UUID: CollectorRecord]) {
    let known = collectors
    collectors = records
    closeRevoked { known[$0] != nil || records[$0] != nil }
  }

  /// - Parameter changes: nil for a collector that is no more.
  func setCollectors(_ changes: [UUID: CollectorRecord?]) {
    var revoked: Set<UUID> = []
    for (id, record) in changes {
      if record != collectors[id], record?.hasRevocations ?? true { revoked.insert(id) }
      collectors[id] = record
    }
    if !revoked.isEmpty { closeRevoked { revoked.contains($0) } }
  }

  /// Closes connections of those among the collectors who may not come in any more. A look at every connection: it is
  /// rare, and an index by collector would have to be kept right by every handshake and every token.
  private func closeRevoked(_ isAmong: (UUID) -> Bool) {
    for connection in connections.all {
      for id in connection.collectors where isAmong(id) {
        guard let record = collectors[id] else {
          connection.sever(Problem(.collectorRevoked, "there is no such collector"))
          break
        }
        guard let problem = record.severance(of: connection.certificate) else { continue }
        connection.sever(problem)
        break
      }
    }
  }

  // MARK: Keys and certificates

  /// For the connections to come. Those that came in by an authority that is trusted no longer are closed.
  func replace(tls context: TLSContext) {
    let isTrustLost = !tlsContext.clientAuthorityKeyIDs.isSubset(of: context.clientAuthorityKeyIDs)
    tlsContext = context
    if !isTrustLost { return }
    for connection in connections.all {
      guard let certificate = connection.certificate, certificate.isGenuine,
        !certificate.isSigned(byOneOf: context.clientAuthorityKeyIDs)
      else { continue }
      connection.sever(Problem(.certificateRequired, "the authority of the certificate is trusted no longer"))
    }
  }

  func replace(tokens: Tokens) {
    self.tokens = tokens
    tokensVersion += 1
  }

  func saw(_ collector: UUID) { seenCollectors.insert(collector) }

  /// A request with the identity of `collector` was admitted: an answer to its enrolment was not lost.
  func sawIdentity(of collector: UUID) {
    guard collectors[collector]?.isUsed == false, arriving.insert(collector).inserted else { return }
    let handle = handle
    // Whether it worked or not: a record that is unchanged brings the next request here again.
    context.errands.use(collector) { _ in handle.submit { lane in lane.arriving.remove(collector) } }
  }

  // MARK: Housekeeping

  func deadlineReached(_ id: TimerID) {
    for writer in writers { writer.expire() }
    // Memory could be below the mark without a push having been settled since.
    relieveIfPossible()
    if admission.takeMemoryRefusals() > 0 {
      memoryRefusedAt = loop.now
      makeRoom()
    }
    admission.sweep(now: loop.now)
    logUnwritten()
    logUnsaidRefusals()
    returnMemory()
    if loop.now - touchedAt > .seconds(10), !seenCollectors.isEmpty {
      touchedAt = loop.now
      let seen = Array(seenCollectors)
      seenCollectors.removeAll(keepingCapacity: true)
      context.errands.touch(seen)
      if !rejects.isEmpty { context.errands.note(rejects.take()) }
    }
    // What the last connection left behind may have been stored since.
    if isDraining { finishDraining() }
    _ = loop.schedule(self, at: loop.now + Self.housekeepingInterval)
  }

  /// The allocator keeps what a burst left behind, for a next one that may never come: gives it back once it is over.
  private func returnMemory() {
    heldBytesPeak = max(heldBytesPeak, admission.heldBytes)
    if heldBytesPeak - admission.heldBytes < Self.trimBytes { return }
    heldBytesPeak = admission.heldBytes
    cepoll_trim_memory()
  }

  // MARK: Draining

  /// Accepts no more, lets requests in work finish, then calls `done` once.
  func drain(_ done: @escaping @Sendable () -> Void) {
    isDraining = true
    whenDrained = done
    for listener in listeners { listener.close() }
    listeners = []
    let draining = Draining(self, window: settings.drainSpread)
    self.draining = draining
    draining.proceed()
    finishDraining()
  }

  /// The time is up: whoever waits for an answer is told so, and soon afterwards every connection is closed.
  func cutOff() {
    for writer in writers { writer.close() }
    draining?.cutOff()
    finishDraining()
  }

  private func finishDraining() {
    guard connections.count == 0, writers.allSatisfy(\.isDrained), let done = whenDrained else { return }
    whenDrained = nil
    for writer in writers { writer.close() }
    done()
  }
}
