// The collectors of one loop, through the phases of a run. All objects here belong to that loop's thread. The
// scoreboard is the only object that several shards share.

internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// One loop's part of the fleet.
final class FleetShard: DeadlineHandler {
  private enum Phase {
    case settingUp  // → ready
    case ready  // waits for the other shards; → running, draining, done
    case running  // → draining
    case draining  // → done
    case done
  }

  /// The time for the last pushes of an interrupted run.
  private static let interruptedDrainLimit: Duration = .seconds(5)

  /// The counts of the current part of the run.
  var tally = Tally()
  var press: PushPress
  /// The file for new identities; nil if identities are not kept.
  let identityFile: IdentityFile?
  /// The times of the run; nil before it begins.
  private(set) var times: RunTimes?

  private let loop: EventLoop
  private let plan: FleetPlan
  private let scoreboard: Scoreboard
  private let log: AcknowledgementLog?
  private let setUpAt: MonotonicTime
  private var phase = Phase.settingUp
  private var collectors: [BenchCollector] = []
  private var enrolments: [EnrolmentConnection] = []
  private var unenrolled: [BenchCollector] = []
  private var nextUnenrolled = 0
  /// The number of collectors that are enrolled or refused.
  private var enrolmentsSettled = 0
  /// Collectors that have an identity and wait until all others have one too. The enrolment of thousands takes longer
  /// than a server keeps idle connections.
  private var waiting: [(collector: BenchCollector, credentials: Credentials)] = []
  private let strangers: Strangers?
  /// The counts before the measured part.
  private var before = Tally()
  private var p99 = Duration.zero
  private var p99Second = 0
  private var measureTimer: TimerID?
  /// The number of collectors that are neither connected nor given up.
  private var unready: Int
  /// The number of collectors that are enrolled and not finished.
  private var unfinished = 0
  private var slots: ConnectSlots
  private var isGranting = false
  private var tickTimer: TimerID?
  /// The timer of the next change of phase: the limit of the start, the end of the run, or the limit of the drain.
  private var phaseTimer: TimerID?

  /// - Throws: an error if the log of acknowledgements or the file of identities cannot be opened, or if no authority
  ///   can be made.
  init(loop: EventLoop, plan: FleetPlan, scoreboard: Scoreboard) throws {
    self.loop = loop
    self.plan = plan
    self.scoreboard = scoreboard
    log = try plan.acknowledgementPath.map { path throws(FileError) in try AcknowledgementLog(path: path) }
    identityFile = try plan.identityPath.map { path throws(FileError) in try IdentityFile(path: path) }
    press = PushPress(templates: plan.templates, compression: plan.compression)
    slots = ConnectSlots(capacity: plan.share(of: plan.handshakesInFlight))
    setUpAt = .now()
    unready = 0
    let buffers = HTTPSConnection.Buffers()
    strangers =
      plan.faults.shares[.wrongCertificate] == nil ? nil : try Strangers(loop: loop, plan: plan, buffers: buffers)
    let shard = plan.shardNumber(loop: loop.index)
    for index in stride(from: shard, to: plan.collectors, by: plan.shards) {
      collectors.append(BenchCollector(index: index, plan: plan, loop: loop, buffers: buffers, shard: self))
    }
    unready = collectors.count
    for number in 0..<min(collectors.count, plan.share(of: plan.registrationsInFlight)) {
      enrolments.append(
        EnrolmentConnection(loop: loop, plan: plan, buffers: buffers, number: shard + number * plan.shards, shard: self)
      )
    }
  }

  /// Begins to enrol and connect. The loop's timers hold the shard from now on.
  func start() {
    tickTimer = loop.schedule(self, at: loop.now + Scoreboard.tick)
    phaseTimer = loop.schedule(self, at: setUpAt + plan.startLimit)
    if collectors.isEmpty { return setUpDone() }
    reuseIdentities()
    for enrolment in enrolments { enrolment.start() }
  }

  private func reuseIdentities() {
    let unixSeconds = WallClock.unixSeconds()
    var jitter = QuickRandom(seed: plan.seed)
    for collector in collectors {
      let stored = plan.identities[collector.index]
      guard
        let credentials = stored?.credentials(now: .now(), unixSeconds: unixSeconds, jitter: jitter.fraction())
      else {
        unenrolled.append(collector)
        continue
      }
      tally.reused += 1
      unfinished += 1
      waiting.append((collector, credentials))
    }
    if unenrolled.isEmpty { connectAll() }
  }

  // MARK: Enrolment

  /// The next collector to enrol, and its earliest time; nil if none is left.
  func peekUnenrolled() -> (collector: BenchCollector, earliest: MonotonicTime)? {
    guard nextUnenrolled < unenrolled.count else { return nil }
    let collector = unenrolled[nextUnenrolled]
    return (collector, setUpAt + plan.enrolmentSpread.scaled(by: Double(collector.index) / Double(plan.collectors)))
  }

  func takeUnenrolled() { nextUnenrolled += 1 }

  func enrolled(_ collector: BenchCollector, _ credentials: Credentials, after duration: Duration) {
    tally.enrolled += 1
    tally.enrolmentLatency.record(duration)
    unfinished += 1
    waiting.append((collector, credentials))
    enrolmentSettled()
  }

  func refusedEnrolment(_ collector: BenchCollector, code: String, slug: String) {
    countError(code: code, slug: slug)
    becameReady()
    enrolmentSettled()
  }

  private func enrolmentSettled() {
    enrolmentsSettled += 1
    if enrolmentsSettled == unenrolled.count { connectAll() }
  }

  private func connectAll() {
    let ready = waiting
    waiting = []
    for (collector, credentials) in ready { collector.begin(with: credentials) }
  }

  // MARK: Connections

  func requestSlot(_ collector: BenchCollector) {
    slots.enqueue(collector)
    grantSlots()
  }

  func releaseSlot() {
    slots.release()
    grantSlots()
  }

  /// It is a loop and no recursion, because a collector that fails to connect at once returns its slot from within
  /// `connect`.
  private func grantSlots() {
    if isGranting { return }
    isGranting = true
    while let collector = slots.grant() { collector.connect() }
    isGranting = false
  }

  // MARK: Counting

  /// Records that a collector is connected for the first time, or given up.
  func becameReady() {
    unready -= 1
    if unready == 0, case .settingUp = phase { setUpDone() }
  }

  /// Counts an acknowledged push.
  /// - Parameters: `dueAt`: nil if the push had a fault, because its latency is then the client's own; `sentAt`: the
  ///   time at which the push was last sent.
  func acknowledged(
    _ answer: JSONObject?, of collector: BenchCollector, _ body: PushBody, dueAt: MonotonicTime?,
    sentAt: MonotonicTime
  ) {
    let now = MonotonicTime.now()
    tally.acknowledged += 1
    tally.wireBytes += body.wire.count
    tally.rawBytes += body.rawBytes
    tally.lastAcknowledgement = now
    let rows = answer?.integer("rows_inserted") ?? 0
    note { interval in
      interval.acknowledged += 1
      interval.rows += rows
      interval.wireBytes += body.wire.count
      if let dueAt { interval.latency.record(dueAt.duration(to: now)) }
    }
    if let dueAt {
      tally.pushLatency.record(dueAt.duration(to: now))
      tally.serviceLatency.record(sentAt.duration(to: now))
    }
    guard let answer else { return countError(code: "200", slug: "unreadable_answer") }
    let isDuplicate = answer["duplicate"] == .bool(true)
    tally.rows += rows
    tally.metrics += answer.integer("metrics_inserted") ?? 0
    if isDuplicate {
      tally.duplicates += 1
      tally.duplicateRows += body.rows
    }
    if dueAt != nil, let milliseconds = answer.integer("processing_time_ms") {
      tally.commitLatency.record(.milliseconds(milliseconds))
    }
    if answer.string("status") == "parked" {
      tally.parked += 1
      countError(code: "200", slug: "parked")
    }
    if case .array(let rejects)? = answer["rejected"] {
      tally.rejects += rejects.count
      for case .object(let reject) in rejects { countError(code: "metric", slug: reject.string("code") ?? "unnamed") }
    }
    log?.note(
      push: answer.string("push_id") ?? "-", collector: collector.id, rows: rows, isDuplicate: isDuplicate)
  }

  func countError(code: String, slug: String) {
    tally.countError(code: code, slug: slug)
    note { $0.errors += 1 }
  }

  private func note(_ change: (inout Interval) -> Void) {
    if let times { tally.series.note(at: times.start.duration(to: loop.now), change) }
  }

  /// Sends the push of `collector` with a forged certificate, beside the push itself.
  func trespass(as collector: BenchCollector, _ head: HTTPRequestTemplate, _ body: PushBody) {
    strangers?.trespass(as: collector.id, of: collector.hostname, head, body) { [weak self] verdict in
      self?.tally.judge(.wrongCertificate, verdict)
      self?.concludeIfDone()
    }
  }

  func finished(_ collector: BenchCollector) {
    unfinished -= 1
    concludeIfDone()
  }

  // MARK: Phases

  func deadlineReached(_ id: TimerID) {
    if id == phaseTimer {
      phaseTimer = nil
      switch phase {
      case .settingUp: setUpDone()
      case .running: endRun(at: times!.end, drainLimit: plan.drainLimit)
      case .draining: abandonRest()
      case .ready, .done: break
      }
    } else if id == measureTimer {
      measureTimer = nil
      beginMeasuring()
    } else {
      tickTimer = loop.schedule(self, at: loop.now + Scoreboard.tick)
      look()
    }
  }

  private func look() {
    log?.flush()
    publish()
    switch phase {
    case .settingUp: if scoreboard.interruptions > 0 { setUpDone() }
    case .ready:
      if scoreboard.interruptions > 0 { return endRun(at: loop.now, drainLimit: .zero) }
      if let times = scoreboard.times { startRun(times) }
    case .running:
      if scoreboard.interruptions > 0 {
        endRun(at: loop.now, drainLimit: min(plan.drainLimit, Self.interruptedDrainLimit))
      }
    case .draining: if scoreboard.interruptions > 1 { abandonRest() }
    case .done: break
    }
  }

  private func publish() {
    let series = tally.series.intervals
    if series.count != p99Second {  // a second is over
      p99Second = series.count
      p99 = series.count < 2 ? .zero : series[series.count - 2].latency.percentile(99)
    }
    scoreboard.publish(
      Progress(
        enrolled: before.enrolled + before.reused + tally.enrolled + tally.reused, ready: collectors.count - unready,
        acknowledged: before.acknowledged + tally.acknowledged, rows: before.rows + tally.rows,
        wireBytes: before.wireBytes + tally.wireBytes,
        errors: before.errors.values.reduce(0, +) + tally.errors.values.reduce(0, +), p99: p99),
      shard: loop.index)
  }

  private func setUpDone() {
    phase = .ready
    disarmPhaseTimer()
    for enrolment in enrolments { enrolment.stop() }
    connectAll()
    tally.unenrolled = collectors.count - tally.enrolled - tally.reused
    scoreboard.becameReady()
  }

  private func startRun(_ times: RunTimes) {
    if unfinished == 0 { return conclude() }  // no collector is enrolled
    phase = .running
    self.times = times
    phaseTimer = loop.schedule(self, at: times.end)
    for collector in collectors {
      if collector.isConnected { tally.connected += 1 }
      collector.startRun(at: times.start)
    }
    if times.measureStart <= times.start {
      beginMeasuring()
    } else {
      measureTimer = loop.schedule(self, at: times.measureStart)
    }
  }

  private func beginMeasuring() {
    before = tally
    tally = Tally()
  }

  private func endRun(at end: MonotonicTime, drainLimit: Duration) {
    disarmPhaseTimer()
    if let measureTimer { loop.cancel(measureTimer) }
    measureTimer = nil
    for collector in collectors { collector.endRun(at: end) }
    phase = .draining
    phaseTimer = loop.schedule(self, at: .now() + drainLimit)
    concludeIfDone()
  }

  private func abandonRest() {
    strangers?.abandon()
    for collector in collectors { collector.abandon() }
  }

  private func concludeIfDone() {
    if case .draining = phase, unfinished == 0, strangers?.isIdle != false { conclude() }
  }

  private func conclude() {
    phase = .done
    disarmPhaseTimer()
    log?.flush()
    var result = FleetResult(before: before, measured: tally)
    if plan.namesCollectors { result.collectors = collectors.filter(\.isEnrolled).map(\.id) }
    scoreboard.finish(result)
    loop.stop()
  }

  private func disarmPhaseTimer() {
    if let phaseTimer { loop.cancel(phaseTimer) }
    phaseTimer = nil
  }
}
