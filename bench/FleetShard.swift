// The collectors of one loop, through the phases of a run. Everything here lives on that loop's thread; the scoreboard
// is the one thing it shares with the others.

internal import Protocol
internal import Reactor

final class FleetShard: DeadlineHandler {
  private enum Phase {
    case settingUp  // → ready, done
    case ready  // waits for the other shards; → running, done
    case running  // → draining
    case draining  // → done
    case done
  }

  /// How often a shard looks at the scoreboard, and writes on it.
  static let tick: Duration = .milliseconds(50)
  /// For the last pushes of an interrupted run.
  private static let interruptedDrainLimit: Duration = .seconds(5)

  var tally = Tally()
  var press: PushPress
  /// nil before the run.
  private(set) var runEnd: MonotonicTime?

  private let loop: EventLoop
  private let plan: FleetPlan
  private let scoreboard: Scoreboard
  private let log: AcknowledgementLog?
  private let setUpAt: MonotonicTime
  private var phase = Phase.settingUp
  private var collectors: [BenchCollector] = []
  private var enrolments: [Enrolment] = []
  private var nextUnenrolled = 0
  /// Collectors that are neither connected nor given up.
  private var unready: Int
  /// Collectors that are enrolled and not finished.
  private var unfinished = 0
  private var slots: ConnectSlots
  private var isGranting = false
  private var tickTimer: TimerID?
  /// The next change of phase: the limit of the start, the end of the run, or the limit of the drain.
  private var phaseTimer: TimerID?

  /// - Throws: if the log of acknowledgements cannot be opened.
  init(loop: EventLoop, plan: FleetPlan, scoreboard: Scoreboard) throws(LocalFileError) {
    self.loop = loop
    self.plan = plan
    self.scoreboard = scoreboard
    log = try plan.acknowledgementPath.map { path throws(LocalFileError) in try AcknowledgementLog(path: path) }
    press = PushPress(templates: plan.templates, gzipLevel: plan.gzipLevel)
    slots = ConnectSlots(capacity: plan.share(of: plan.handshakesInFlight))
    setUpAt = .now()
    unready = 0
    let buffers = ClientConnection.Buffers()
    for index in stride(from: loop.index, to: plan.collectors, by: plan.loops) {
      collectors.append(BenchCollector(index: index, plan: plan, loop: loop, buffers: buffers, shard: self))
    }
    unready = collectors.count
    for number in 0..<min(collectors.count, plan.share(of: plan.registrationsInFlight)) {
      enrolments.append(
        Enrolment(loop: loop, plan: plan, buffers: buffers, number: loop.index + number * plan.loops, shard: self))
    }
  }

  /// Begins to enrol and connect. The loop's timers keep the shard from here on.
  func start() {
    tickTimer = loop.schedule(self, at: loop.now + Self.tick)
    phaseTimer = loop.schedule(self, at: setUpAt + plan.startLimit)
    if collectors.isEmpty { return setUpDone() }
    for enrolment in enrolments { enrolment.start() }
  }

  // MARK: Enrolment

  /// Who is to be enrolled next, and when at the earliest; nil if nobody is left.
  func peekUnenrolled() -> (collector: BenchCollector, earliest: MonotonicTime)? {
    guard nextUnenrolled < collectors.count else { return nil }
    let collector = collectors[nextUnenrolled]
    return (collector, setUpAt + plan.ramp.scaled(by: Double(collector.index) / Double(plan.collectors)))
  }

  func takeUnenrolled() { nextUnenrolled += 1 }

  func enrolled(_ collector: BenchCollector, _ credentials: Credentials, after duration: Duration) {
    tally.enrolled += 1
    tally.enrolmentLatency.record(duration)
    unfinished += 1
    collector.begin(with: credentials)
  }

  func refusedEnrolment(_ collector: BenchCollector, code: String, slug: String) {
    countError(code: code, slug: slug)
    becameReady()
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

  /// A loop, not a recursion: a collector that fails to connect at once gives its slot back from within `connect`.
  private func grantSlots() {
    if isGranting { return }
    isGranting = true
    while let collector = slots.grant() { collector.connect() }
    isGranting = false
  }

  // MARK: Counting

  /// A collector is connected for the first time, or given up.
  func becameReady() {
    unready -= 1
    if unready == 0, case .settingUp = phase { setUpDone() }
  }

  func acknowledged(_ answer: JSONObject?, of collector: BenchCollector, _ body: PushBody, dueAt: MonotonicTime) {
    let now = MonotonicTime.now()
    tally.acknowledged += 1
    tally.wireBytes += body.wire.count
    tally.rawBytes += body.rawBytes
    tally.pushLatency.record(dueAt.duration(to: now))
    tally.lastAcknowledgement = now
    guard let answer else { return countError(code: "200", slug: "unreadable_answer") }
    let rows = answer.integer("rows_inserted") ?? 0
    let isDuplicate = answer["duplicate"] == .bool(true)
    tally.rows += rows
    tally.metrics += answer.integer("metrics_inserted") ?? 0
    if isDuplicate { tally.duplicates += 1 }
    if case .array(let rejects)? = answer["rejected"] {
      tally.rejects += rejects.count
      for case .object(let reject) in rejects { countError(code: "metric", slug: reject.string("code") ?? "unnamed") }
    }
    log?.note(
      push: answer.string("push_id") ?? "-", collector: collector.id, rows: rows, isDuplicate: isDuplicate)
  }

  func countError(code: String, slug: String) { tally.countError(code: code, slug: slug) }

  func finished(_ collector: BenchCollector) {
    unfinished -= 1
    if unfinished == 0, case .draining = phase { conclude() }
  }

  // MARK: Phases

  func deadlineReached(_ id: TimerID) {
    if id == phaseTimer {
      phaseTimer = nil
      switch phase {
      case .settingUp: setUpDone()
      case .running: endRun(at: runEnd!, drainLimit: plan.drainLimit)
      case .draining: abandonRest()
      case .ready, .done: break
      }
    } else {
      tickTimer = loop.schedule(self, at: loop.now + Self.tick)
      look()
    }
  }

  private func look() {
    log?.flush()
    scoreboard.publish(
      Progress(
        enrolled: tally.enrolled, ready: collectors.count - unready, acknowledged: tally.acknowledged,
        rows: tally.rows, wireBytes: tally.wireBytes, errors: tally.errors.values.reduce(0, +)),
      shard: loop.index)
    switch phase {
    case .settingUp: if scoreboard.interruptions > 0 { setUpDone() }
    case .ready:
      if scoreboard.interruptions > 0 { return endRun(at: loop.now, drainLimit: .zero) }
      if let start = scoreboard.start { startRun(at: start) }
    case .running:
      if scoreboard.interruptions > 0 {
        endRun(at: loop.now, drainLimit: min(plan.drainLimit, Self.interruptedDrainLimit))
      }
    case .draining: if scoreboard.interruptions > 1 { abandonRest() }
    case .done: break
    }
  }

  private func setUpDone() {
    phase = .ready
    disarmPhaseTimer()
    for enrolment in enrolments { enrolment.stop() }
    tally.unenrolled = collectors.count - tally.enrolled
    scoreboard.becameReady()
  }

  private func startRun(at start: MonotonicTime) {
    phase = .running
    let end = start + plan.duration
    runEnd = end
    phaseTimer = loop.schedule(self, at: end)
    for collector in collectors {
      if collector.isConnected { tally.connected += 1 }
      switch plan.pace {
      case .interval(let interval):
        collector.startRun(
          first: start + interval.scaled(by: Double(collector.index) / Double(plan.collectors)))
      case .closedLoop: collector.startRun(first: start)
      }
    }
  }

  private func endRun(at end: MonotonicTime, drainLimit: Duration) {
    disarmPhaseTimer()
    for collector in collectors { collector.endRun(at: end) }
    phase = .draining
    phaseTimer = loop.schedule(self, at: .now() + drainLimit)
    if unfinished == 0 { conclude() }
  }

  private func abandonRest() {
    for collector in collectors { collector.abandon() }
  }

  private func conclude() {
    phase = .done
    disarmPhaseTimer()
    log?.flush()
    scoreboard.finish(tally)
    loop.stop()
  }

  private func disarmPhaseTimer() {
    if let phaseTimer { loop.cancel(phaseTimer) }
    phaseTimer = nil
  }
}
