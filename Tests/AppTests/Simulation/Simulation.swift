// One world from one seed: a lane with writers, collectors, wires between them and a database, and the rules that must
// hold.

import Ground
import Logging
import Protocol
import Reactor

@testable import App

final class Simulation {
  struct Outcome {
    /// The first violations of the rules; empty if all is well.
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
  /// How often client connections are faulty in this world, and how often everything else fails.
  let dialogueFaults: Double
  private let trouble: Double
  /// Whether an error in a row names its line.
  let isPoisonTraced: Bool
  /// Whether a lasting refusal comes only at the commit.
  let isRefusedAtCommit: Bool
  private let faultsEnd: Duration
  private var random: QuickRandom
  private var trace: SimulationTrace
  private var violations: [String] = []
  private var clients: [SimulatedClient] = []
  private var noise: NoiseClient?
  private var poisoned: Set<UUID> = []
  /// Collectors whose predecessors have not ended yet.
  private var successors: Set<UUID> = []
  /// Acknowledged pushes without a row to store. They come from the client that sends nonsense.
  private var emptyPushes = 0
  /// When the drain began. In some worlds the server drains in the middle of the run, and no client connects
  /// afterwards.
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
    isRefusedAtCommit = random.next() % 3 == 0
    faultsEnd = .seconds(Int(5 + random.next() % 40))
    let stock = PushStock.shared
    let settings = settings()
    let context = LaneContext(
      settings: LiveSettings(settings), tlsContext: stock.tlsContext, tokens: stock.tokens, router: stock.router,
      refusals: IdentityRefusals(perMinute: Live(constant: 60), now: loop.now) { _ in }, errands: ModelErrands(self),
      log: ServerLog(settings),
      pacing: QueryPacing(Live(constant: Settings().queryAim)), legacyLedger: LegacyLedger(), loops: 1)
    lane = Lane(loop: loop, context: context, catalog: stock.catalog, random: QuickRandom(seed: random.next()))
    database = ModelDatabase(self)
    // In some worlds every collector replaces another one, which has to end before the server stores a push of its
    // successor.
    successors = draw(3) == 0 ? Set(stock.records.keys) : []
    lane.gatekeeper.replaceCollectors(stock.records.mapValues { $0.succeeding(successors.contains($0.id)) })
    database.sessions = (0..<4).map { _ in ModelSession(self) }
  }

  private func settings() -> Settings {
    func one<Value>(of values: Value...) -> Value { values[draw(values.count)] }
    var settings = Settings()
    settings.logLevel = "critical"
    settings.clockSkew = .seconds(20 * 86_400)
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
    settings.witnessWait = one(of: .seconds(3), .milliseconds(300))
    settings.divisionRest = one(of: .seconds(30), .seconds(2))
    settings.connections = one(of: 10_000, 10_000, 6)
    settings.unfinishedHandshakes = one(of: 1024, 1)
    settings.handshakesPerAddress = one(of: 128, 1)
    settings.anonymousPerAddress = one(of: 256, 1)
    return settings
  }

  // MARK: Chance

  /// A number in 0..<limit; 0 if the limit is 1 or less.
  func draw(_ limit: Int) -> Int { limit <= 1 ? 0 : Int.random(in: 0..<limit, using: &random) }

  func shuffle(_ numbers: inout [Int]) { numbers.shuffle(using: &random) }

  /// Whether a fault happens that has this probability in a usual world. No fault happens once the faults have ended.
  func chance(_ probability: Double) -> Bool {
    !isQuiet(for: .zero) && Double.random(in: 0..<1, using: &random) < min(probability * trouble, 0.9)
  }

  /// How long an operation takes: mostly next to nothing.
  var pause: Duration {
    chance(0.02) ? .milliseconds(draw(4000)) : .microseconds(draw(draw(8) == 0 ? 100_000 : 2000))
  }

  /// Whether the faults ended at least `duration` ago.
  func isQuiet(for duration: Duration) -> Bool { kernel.elapsed >= faultsEnd + duration }

  // MARK: Events

  func note(_ event: StaticString, _ values: [Int]) { trace.note(kernel.time, event, values) }

  func violated(_ rule: String) {
    note("VIOLATED", [])
    if violations.count < 5 { violations.append("\(rule) (at \(kernel.elapsed))") }
  }

  func isPoisoned(_ id: UUID) -> Bool { poisoned.contains(id) }

  /// Opens a connection of a client to the lane.
  func open(_ wire: Wire, saysHello: Bool = true) {
    if saysHello { wire.send(Wire.hello, after: pause) }
    let network = 1 + draw(3)
    let waiting = LoopBound((simulation: self, wire: wire), on: loop)
    let handle = lane.handle
    kernel.after(pause) { [self] in
      if drainBegan != nil { return wire.refuse() }
      handle.submit { lane in
        let (simulation, wire) = waiting.value(on: lane.loop)
        lane.arrivals.adopt(WireLink(simulation, wire), from: SocketAddress(ip: "192.0.2.\(network)", port: 4711)!)
      }
    }
  }

  /// The database has ended the predecessors of `collector`, and the lane learns of it.
  func endPredecessors(of collector: UUID) {
    guard successors.remove(collector) != nil, let record = PushStock.shared.records[collector] else { return }
    note("succession", [])
    lane.gatekeeper.setCollectors([collector: record])
  }

  /// Checks an answer when the lane makes it: it has to be true at that moment.
  func answered(_ answer: Answer, _ collector: Int) {
    note("answer", [collector, answer.status])
    if answer.status == 429 || answer.status == 503, !(1...3600).contains(answer.retryAfter ?? 0) {
      violated("\(answer.status) without Retry-After")
    }
    guard answer.status == 200 else { return }
    if successors.contains(PushStock.id(ofCollector: collector)) {
      violated("a push was stored before the predecessors of its collector ended")
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
    guard database.holds(push) else { return violated("\(id) was answered before its commit") }
    if push.collector != collector { violated("\(id) is another collector's") }
    let repeated = answer.member("metrics_repeated").flatMap { Int($0) } ?? -1
    if isDuplicate, repeated != push.metrics {
      violated("\(id) is a repeat, but \(repeated) metrics are called repeated")
    }
    if status == "parked" {
      if database.ledger[id]?.isParked != true { violated("\(id) was called parked, and is not") }
    } else if !isDuplicate {
      let before = repeated == 0 ? 0 : PushStock.shared.beginning(of: push, metrics: repeated)?.rowCount ?? -1
      let linesRepeated = (answer.member("rows_repeated").flatMap { Int($0) } ?? -1) - push.rowsRepeated
      if rows + linesRepeated != push.rowCount - before || linesRepeated < 0 {
        violated("the answer to \(id) counts \(rows) rows behind \(repeated) metrics")
      }
    }
  }

  // MARK: The run

  func run() -> Outcome {
    lane.begin(Array(database.sessions[..<2]), spares: Array(database.sessions[2...]))
    clients = (0..<2 + draw(3)).map { SimulatedClient(self, collector: $0) }
    for client in clients { client.start() }
    for errand in clients.flatMap(\.errands) where errand.kind == .good && !errand.canGrow && draw(12) == 0 {
      poisoned.insert(errand.push.id)
    }
    plan()
    while violations.isEmpty, !isAtRest {
      loop.turn()
      if kernel.elapsed > faultsEnd + .seconds(900) { violated("something hangs: \(unrest)") }
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

  /// Plans the faults of the world and their times.
  private func plan() {
    func some(_ most: Int, _ work: @escaping () -> Void) {
      let count = Int(Double(draw(most + 1)) * trouble)
      for _ in 0..<count { kernel.after(faultsEnd * Double(draw(1000)) / 1000, work) }
    }
    some(2) { [unowned self] in database.restart(for: min(.milliseconds(draw(12_000)), faultsEnd)) }
    some(2) { [unowned self] in database.sessions[draw(4)].lose("killed") }
    some(2) { [unowned self] in database.forgetDay() }
    func rest() -> Duration { min(.milliseconds(draw(20_000)), faultsEnd - kernel.elapsed) }
    some(2) { [unowned self] in database.breakTable(for: rest()) }
    some(1) { [unowned self] in database.refuseAll(for: rest()) }
    some(2) { [unowned self] in
      let jump = Int64(draw(14_400) - 7200) + (draw(3) == 0 ? Int64(draw(7) - 3) * 86_400 : 0)
      note("clock jumps", [Int(jump)])
      kernel.wallOffset += jump * 1_000_000
    }
    // Clients that connect and send nothing for as long as the server permits.
    some(6) { [unowned self] in open(Wire(self, collector: 0, readingDelay: .zero), saysHello: false) }
    some(6) { [unowned self] in pushElsewhere() }
    if draw(6) == 0 { kernel.after(.milliseconds(draw(30_000))) { [unowned self] in drain() } }
    if trouble > 0, draw(3) == 0 {
      let noise = NoiseClient(self)
      self.noise = noise
      some(2) { noise.shout() }
    }
  }

  /// Sends a try of a collector to another server of the same database, which reports nothing. That server holds the
  /// ledger's lock for a while, and then commits or not.
  private func pushElsewhere() {
    let growing = clients.flatMap(\.errands).filter { $0.number >= 100 && !$0.isOver }
    if growing.isEmpty { return }
    let push = growing[draw(growing.count)].push
    let isDated = draw(4) > 0
    if isDated { database.addDays([push.day]) }
    let transaction = ModelTransaction(
      ModelTransaction.Entry(
        id: push.id, serverID: PushStock.serverID(ofCollector: push.collector), day: push.day, isDated: isDated,
        head: push.head, metrics: push.metrics,
        chain: push.digests.dropFirst().dropLast().flatMap { $0.bytes.prefix(8) }, key: nil))
    if database.lock(transaction).isEmpty { return }
    note("elsewhere", [push.collector, push.metrics])
    _ = database.enterCarefully(transaction, day: push.day)
    database.fill(transaction, with: push)
    kernel.after(.milliseconds(draw(3000))) { [self] in
      if draw(3) > 0, !transaction.new.isEmpty { database.commit(transaction) } else { database.unlock(transaction) }
    }
  }

  /// A description of everything that is not at rest.
  private var unrest: String {
    let writers = lane.ingest.writers.map {
      "\($0.state) drained \($0.isDrained) waits \($0.waitingSince != nil) has \($0.backlogPushes)"
    }
    return "\(lane.requests.connections.count) connections, \(openLinks) links, "
      + "clients \(clients.map(\.isDone)), drained \(hasDrained), writers \(writers)"
  }

  private var isAtRest: Bool {
    isQuiet(for: .zero) && lane.requests.connections.count == 0 && clients.allSatisfy(\.isDone) && openLinks == 0
      && hasDrained == (drainBegan != nil)
      && lane.ingest.writers.allSatisfy { $0.isDrained && $0.waitingSince == nil && ($0.isConnected || hasDrained) }
  }

  private func checkRest() {
    let counters = lane.counters
    let settled =
      counters.pushesStored + counters.pushesDuplicate + counters.pushesParked + counters.pushesAbandoned
      + counters.pushesRefused.values.reduce(0, +)
    if counters.pushesReceived != settled {
      violated("received \(counters.pushesReceived), settled \(settled): \(counters)")
    }
    let stored = database.ledger.pushes.values.count { !$0.isParked }
    if counters.pushesStored > stored + emptyPushes {
      violated("\(counters.pushesStored) pushes were called stored, and \(stored) are")
    }
    let heldBytes = lane.ingest.intake.admission.heldBytes
    if heldBytes != 0 { violated("\(heldBytes) bytes are held for nobody") }
    if lane.requests.pressure.gatheredBytes != 0
      || lane.ingest.writers.contains(where: { $0.backlogBytes != 0 || $0.backlogPushes != 0 })
    {
      violated("a backlog of nothing")
    }
    // The housekeeping has one deadline. The spreading of the drain may have another.
    if !(1...(hasDrained ? 2 : 1)).contains(loop.deadlineCount) {
      violated("\(loop.deadlineCount) deadlines are armed")
    }
    if kernel.registeredDescriptors != (hasDrained ? 0 : 2) {
      violated("\(kernel.registeredDescriptors) descriptors are registered")
    }
    if counters.connectionsAccepted != counters.connectionsClosed { violated("connections are unaccounted for") }
    for errand in clients.flatMap(\.errands) {
      let id = errand.push.id
      let stored = database.ledger[id]
      switch errand.state {
      case .acknowledged:
        // A push that has grown since it was sent is acknowledged as it was then.
        if errand.number < 100, stored == nil { violated("\(id) was acknowledged and is not stored") }
        if let stored, stored.isParked != isPoisoned(id) { violated("\(id) was parked without need, or not parked") }
      case .unwitnessed:
        if !isPoisoned(id) { violated("\(id) was given up, and nothing is wrong with it") }
      case .refusedForGood: if stored != nil { violated("\(id) was refused for good and is stored") }
      case .waiting, .underway: if !hasDrained { violated("\(id) was never settled") }
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

  /// Stops the loop, and drops all events and the objects that they hold.
  private func end() {
    loop.stop()
    loop.run()
    kernel.forgetEvents()
  }
}

extension CollectorRecord {
  /// The same record, with or without predecessors.
  fileprivate func succeeding(_ hasPredecessors: Bool) -> CollectorRecord {
    CollectorRecord(
      id: id, serverID: serverID, hostname: hostname, configVersion: configVersion, isRevoked: isRevoked,
      certificates: certificates, revokedCertificates: revokedCertificates, hasPredecessors: hasPredecessors)
  }
}
