// One world from one seed: a lane with its writers, collectors, wires between them, a database; and what must hold of them.

import Logging
import Protocol
import Reactor

@testable import App

final class Simulation {
  struct Outcome {
    /// The first of them; empty if all is well.
    let violations: [String]
    let digest: UInt64
    let events: Int
    let acknowledged: Int
    let virtualTime: Duration
  }

  let kernel: SimulatedKernel
  let loop: EventLoop
  private(set) var lane: Lane!
  private(set) var database: ModelDatabase!
  var openLinks = 0
  /// How often connections of clients are faulty, and everything else goes wrong, in this world.
  let dialogueFaults: Double
  private let trouble: Double
  /// Whether an error in a row says in which line.
  let isPoisonTraced: Bool
  private let faultsEnd: Duration
  private var random: QuickRandom
  private var trace: SimulationTrace
  private var violations: [String] = []
  private var clients: [SimulatedClient] = []
  private var noise: NoiseClient?
  private var poisoned: Set<UUID> = []
  /// Collectors whose predecessors are not ended yet.
  private var successors: Set<UUID> = []
  /// Acknowledged without a row to store: somebody's nonsense.
  private var emptyPushes = 0
  /// In some worlds the server is told to stop in the middle of everything; nobody gets in any more then.
  private(set) var drainBegan: Duration?
  private var hasDrained = false

  init(seed: UInt64, isPrinted: Bool = false) throws {
    random = QuickRandom(seed: seed)
    trace = SimulationTrace(isPrinted: isPrinted)
    kernel = SimulatedKernel(seed: random.next(), wallStart: PushStock.wallStart * 1_000_000)
    loop = try EventLoop(kernel: kernel)
    trouble = [0, 0.5, 1, 3][Int(random.next() % 4)]
    dialogueFaults = [0, 0.2, 0.6][Int(random.next() % 3)]
    isPoisonTraced = random.next() % 3 > 0
    faultsEnd = .seconds(Int(5 + random.next() % 40))
    let stock = PushStock.shared
    let settings = settings()
    let context = LaneContext(
      settings: LiveSettings(settings), tlsContext: stock.tlsContext, tokens: stock.tokens, router: stock.router,
      refusals: IdentityRefusals(perMinute: Live(constant: 60), now: loop.now) { _ in }, errands: ModelErrands(self),
      log: ServerLog(settings),
      pacing: QueryPacing(Live(constant: QueryPacing.Pace(percent: 0, burst: .zero, longest: .zero))), loops: 1)
    lane = Lane(loop: loop, context: context, catalog: stock.catalog, random: QuickRandom(seed: random.next()))
    database = ModelDatabase(self)
    // In some worlds every collector takes the place of another, which has to end before anything of it is stored.
    successors = draw(3) == 0 ? Set(stock.records.keys) : []
    lane.replaceCollectors(stock.records.mapValues { $0.succeeding(successors.contains($0.id)) })
    database.sessions = (0..<2).map { _ in ModelSession(self) }
  }

  private func settings() -> Settings {
    func one<Value>(of values: Value...) -> Value { values[draw(values.count)] }
    var settings = Settings()
    settings.logLevel = "critical"
    settings.clockSkew = .seconds(86_400)
    settings.knownIDs = one(of: 8, 64, 4096)
    settings.bytesInFlight = one(of: 512 << 20, 512 << 20, 600_000)
    settings.pauseBytes = one(of: 64 << 20, 300_000, 100_000)
    settings.collectorBytesInFlight = one(of: 16 << 20, 2000)
    settings.pushesPerMinute = one(of: 120, 120, 4)
    settings.batchPushes = one(of: 1, 2, 64)
    settings.batchRows = one(of: 10_000, 8)
    settings.batchBytes = one(of: 4 << 20, 2000)
    settings.batchLinger = one(of: .zero, .zero, .milliseconds(2), .milliseconds(200))
    settings.commitDeadline = one(of: .seconds(20), .seconds(3))
    return settings
  }

  // MARK: Chance

  /// 0..<limit; 0 for a limit of none.
  func draw(_ limit: Int) -> Int { limit <= 1 ? 0 : Int.random(in: 0..<limit, using: &random) }

  func shuffle(_ numbers: inout [Int]) { numbers.shuffle(using: &random) }

  /// Whether something goes wrong that does so with this probability in a usual world. Never once the world is well.
  func chance(_ probability: Double) -> Bool {
    !isQuiet(for: .zero) && Double.random(in: 0..<1, using: &random) < min(probability * trouble, 0.9)
  }

  /// How long things take: mostly next to nothing.
  var pause: Duration {
    chance(0.02) ? .milliseconds(draw(4000)) : .microseconds(draw(draw(8) == 0 ? 100_000 : 2000))
  }

  /// Whether the faults ended that long ago.
  func isQuiet(for duration: Duration) -> Bool { kernel.elapsed >= faultsEnd + duration }

  // MARK: What the world tells

  func note(_ event: StaticString, _ values: [Int]) { trace.note(kernel.time, event, values) }

  func violated(_ rule: String) {
    note("VIOLATED", [])
    if violations.count < 5 { violations.append("\(rule) (at \(kernel.elapsed))") }
  }

  func isPoisoned(_ id: UUID) -> Bool { poisoned.contains(id) }

  /// A client connects.
  func open(_ wire: Wire) {
    let waiting = LoopBound((simulation: self, wire: wire), on: loop)
    let handle = lane.handle
    kernel.after(pause) { [self] in
      if drainBegan != nil { return wire.refuse() }
      handle.submit { lane in
        let (simulation, wire) = waiting.value(on: lane.loop)
        lane.adopt(WireLink(simulation, wire), from: SocketAddress(ip: "192.0.2.1", port: 4711)!)
      }
    }
  }

  /// The database has ended those before `collector`; the lane hears of it.
  func endPredecessors(of collector: UUID) {
    guard successors.remove(collector) != nil, let record = PushStock.shared.records[collector] else { return }
    note("succession", [])
    lane.setCollectors([collector: record])
  }

  /// The lane has made an answer: it has to be true now.
  func answered(_ answer: Answer, _ collector: Int) {
    note("answer", [collector, answer.status])
    if answer.status == 429 || answer.status == 503, !(1...3600).contains(answer.retryAfter ?? 0) {
      violated("\(answer.status) without Retry-After")
    }
    guard answer.status == 200 else { return }
    if successors.contains(PushStock.id(ofCollector: collector)) {
      violated("stored beside an identity that should end")
    }
    guard let id = answer.member("push_id").flatMap({ UUID(String($0)) }) else {
      return violated("200 without push_id: \(answer.body)")
    }
    let rows = answer.member("rows_inserted").flatMap { Int($0) } ?? -1
    let status = answer.member("status")
    let isDuplicate = answer.member("duplicate") == "true"
    guard let push = PushStock.shared.push(id) else {
      if database.ledger[id] == nil, rows > 0 { violated("\(id) was answered before its commit") }
      if database.ledger[id] == nil { emptyPushes += 1 }
      return
    }
    guard let stored = database.ledger[id] else { return violated("\(id) was answered before its commit") }
    if stored.serverID != PushStock.serverID(ofCollector: collector) { violated("\(id) is another collector's") }
    if status == "parked" {
      if !stored.isParked { violated("\(id) was called parked, and is not") }
    } else if !isDuplicate, rows != push.rowCount {
      violated("\(id) was said to have \(rows) rows")
    }
  }

  // MARK: The run

  func run() -> Outcome {
    lane.begin(database.sessions)
    clients = (0..<2 + draw(3)).map { SimulatedClient(self, collector: $0) }
    for client in clients { client.start() }
    for errand in clients.flatMap(\.errands) where errand.kind == .good && draw(12) == 0 { poisoned.insert(errand.id) }
    plan()
    while violations.isEmpty, !isAtRest {
      loop.turn()
      if kernel.elapsed > faultsEnd + .seconds(900) { violated("somebody hangs") }
      if let drainBegan, !hasDrained, kernel.elapsed > drainBegan + .seconds(90) { violated("the drain never ends") }
    }
    if violations.isEmpty { checkRest() }
    if violations.isEmpty, drainBegan == nil { checkDrain() }
    let outcome = Outcome(
      violations: violations, digest: trace.digest, events: trace.count,
      acknowledged: clients.flatMap(\.errands).count { $0.state == .acknowledged }, virtualTime: kernel.elapsed)
    end()
    return outcome
  }

  /// What goes wrong of itself, and when.
  private func plan() {
    func some(_ most: Int, _ work: @escaping () -> Void) {
      let count = Int(Double(draw(most + 1)) * trouble)
      for _ in 0..<count { kernel.after(faultsEnd * Double(draw(1000)) / 1000, work) }
    }
    some(2) { [unowned self] in database.restart(for: min(.milliseconds(draw(12_000)), faultsEnd)) }
    some(2) { [unowned self] in database.sessions[draw(2)].lose("killed") }
    some(2) { [unowned self] in database.forgetDay() }
    some(2) { [unowned self] in
      let jump = Int64(draw(14_400) - 7200)
      note("clock jumps", [Int(jump)])
      kernel.wallOffset += jump * 1_000_000
    }
    if draw(6) == 0 { kernel.after(.milliseconds(draw(30_000))) { [unowned self] in drain() } }
    if trouble > 0, draw(3) == 0 {
      let noise = NoiseClient(self)
      self.noise = noise
      some(2) { noise.shout() }
    }
  }

  private var isAtRest: Bool {
    isQuiet(for: .zero) && lane.connections.count == 0 && clients.allSatisfy(\.isDone) && openLinks == 0
      && hasDrained == (drainBegan != nil)
      && lane.writers.allSatisfy { $0.isDrained && ($0.isConnected || hasDrained) }
  }

  private func checkRest() {
    let counters = lane.counters
    let settled =
      counters.pushesStored + counters.pushesDuplicate + counters.pushesParked + counters.pushesAbandoned
      + counters.pushesRefused.values.reduce(0, +)
    if counters.pushesReceived != settled {
      violated("received \(counters.pushesReceived), settled \(settled): \(counters)")
    }
    let stored = database.ledger.values.count { !$0.isParked }
    if counters.pushesStored > stored + emptyPushes {
      violated("\(counters.pushesStored) called stored, \(stored) are")
    }
    if lane.admission.heldBytes != 0 { violated("\(lane.admission.heldBytes) bytes are held for nobody") }
    if lane.gatheredBytes != 0 || lane.writers.contains(where: { $0.backlogBytes != 0 || $0.backlogPushes != 0 }) {
      violated("a backlog of nothing")
    }
    // The housekeeping has one; what spreads the drain may have another.
    if !(1...(hasDrained ? 2 : 1)).contains(loop.deadlineCount) {
      violated("\(loop.deadlineCount) deadlines are armed")
    }
    if kernel.registeredDescriptors != (hasDrained ? 0 : 2) {
      violated("\(kernel.registeredDescriptors) descriptors are registered")
    }
    if counters.connectionsAccepted != counters.connectionsClosed { violated("connections are unaccounted for") }
    for errand in clients.flatMap(\.errands) {
      let stored = database.ledger[errand.id]
      switch errand.state {
      case .acknowledged:
        if stored == nil { violated("\(errand.id) was acknowledged and is not stored") }
        if stored?.isParked != isPoisoned(errand.id) { violated("\(errand.id) was parked without need, or not parked") }
      case .refusedForGood: if stored != nil { violated("\(errand.id) was refused for good and is stored") }
      case .waiting, .underway: if !hasDrained { violated("\(errand.id) has no end") }
      }
    }
  }

  private func drain() {
    note("drain", [])
    drainBegan = kernel.elapsed
    let here = LoopBound(self, on: loop)
    let handle = lane.handle
    handle.submit { $0.drain { handle.submit { here.value(on: $0.loop).hasDrained = true } } }
  }

  private func checkDrain() {
    drain()
    let end = kernel.elapsed + .seconds(60)
    while kernel.elapsed < end { loop.turn(waitingAtMost: .seconds(1)) }
    if !hasDrained { violated("the drain never ended") }
    if kernel.registeredDescriptors != 0 { violated("the drain left descriptors behind") }
    if loop.deadlineCount > 1 { violated("the drain left deadlines behind") }
  }

  /// Lets go of everything, and looks whether it goes.
  private func end() {
    loop.stop()
    loop.run()
    kernel.forgetEvents()
  }
}

extension CollectorRecord {
  /// The same, with or without those whose place it takes.
  fileprivate func succeeding(_ hasPredecessors: Bool) -> CollectorRecord {
    CollectorRecord(
      id: id, serverID: serverID, hostname: hostname, configVersion: configVersion, isRevoked: isRevoked,
      certificates: certificates, revokedCertificates: revokedCertificates, hasPredecessors: hasPredecessors)
  }
}
