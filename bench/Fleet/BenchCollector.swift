// One collector of the fleet. It carries out the actions of its machine on its own connection.

internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// A collector with its credentials, its connection and its push.
final class BenchCollector: HTTPSConnectionOwner, DeadlineHandler {
  /// The request that is unanswered.
  private enum Outstanding { case push, refresh }
  /// The step after a pause.
  private enum Pause { case backOff, wait }

  /// The collector's number in the whole fleet, from 0.
  let index: Int
  let hostname: String
  private let loop: EventLoop
  private let plan: FleetPlan
  private unowned let shard: FleetShard  // because the shard owns its collectors and outlives them
  private let connection: HTTPSConnection
  /// Made for the first push that is sent slowly or in part.
  private var faultyDelivery: FaultyDelivery?
  private var machine: CollectorMachine
  private var credentials: Credentials?
  private var clock = PushClock()
  private var jitter: QuickRandom
  private var push: PushInHand?
  private var pushHead: HTTPRequestTemplate?
  private var pushesMade = 0
  private var hasBeenConnected = false
  private var holdsSlot = false
  private var outstanding = Outstanding.push
  /// The schedule of pushes; nil before the run and after it.
  private var schedule: ArrivalSchedule?
  /// The due time of the next push, or of the one in hand.
  private var nextDue = MonotonicTime(nanoseconds: 0)
  private var dueTimer: TimerID?
  /// The end of a back-off or of a `.wait`.
  private var pauseTimer: TimerID?
  private var pauseEnds = Pause.backOff
  private var tokenTimer: TimerID?

  init(
    index: Int, plan: FleetPlan, loop: EventLoop, buffers: HTTPSConnection.Buffers, shard: FleetShard
  ) {
    self.index = index
    self.plan = plan
    self.loop = loop
    self.shard = shard
    hostname = Hostname.of(index)
    connection = HTTPSConnection(loop: loop, destination: plan.endpoint, buffers: buffers, spread: index)
    let seed = plan.seed &+ UInt64(index)
    machine = CollectorMachine(backOff: BackOff(limits: plan.backOff, seed: seed))
    jitter = QuickRandom(seed: ~seed)
  }

  /// The collector's id at the server. Only valid once it is enrolled.
  var id: UUID { credentials!.collector }
  var isEnrolled: Bool { credentials != nil }
  var isConnected: Bool { connection.isOpen }

  // MARK: Calls from the shard

  /// Takes the credentials and begins to connect.
  func begin(with credentials: Credentials) {
    take(credentials)
    // The machine returns no action yet. It refreshes the token when it is connected.
    if credentials.needsRefresh(unixSeconds: WallClock.unixSeconds()) { perform(machine.tokenAged()) }
    perform(machine.begin())
  }

  /// Connects. The shard has granted a handshake slot.
  func connect() {
    holdsSlot = true
    if machine.isFinished { return returnSlot() }
    do {
      try connection.open(identity: credentials!.identity, owner: self)
    } catch {
      connectionLost(error)
    }
  }

  /// Starts the pushes.
  /// - Parameter start: the start of the whole fleet. With a ramp, this collector begins later.
  func startRun(at start: MonotonicTime) {
    if !isEnrolled { return }
    schedule = ArrivalSchedule(of: index, in: plan, start: start)
    nextDue = schedule!.first()
    dueTimer = loop.schedule(self, at: nextDue)
  }

  /// Ends the schedule.
  /// - Parameter end: the end of the run. Pushes that were due before it and could not be made count as unsent.
  func endRun(at end: MonotonicTime) {
    if machine.isFinished || !isEnrolled { return }
    if let push, plan.pace.isOpen, schedule != nil {
      var due = schedule!.next(answeredAt: end)
      while due < end {
        if push.fault == .slowBody { shard.tally.heldUp += 1 } else { shard.tally.unsent += 1 }
        shard.tally.pushLatency.record(due.duration(to: end))
        due = schedule!.next(answeredAt: end)
      }
    }
    cancel(&dueTimer)
    schedule = nil
    perform(machine.runEnded())
  }

  /// Gives up the push in hand, because the time limit of the drain has passed.
  func abandon() {
    if machine.isFinished || !isEnrolled { return }
    if let push {
      if push.isAcknowledged {
        shard.tally.judge(.duplicate, .open)
      } else {
        if let fault = push.fault, fault != .wrongCertificate { shard.tally.judge(fault, .open) }
        shard.tally.unacknowledged += 1
        if push.wasSentWhole { shard.tally.unacknowledgedRows += push.body?.rows ?? 0 }
        if push.fault == nil { shard.tally.pushLatency.record(push.dueAt.duration(to: .now())) }
      }
    }
    perform(machine.abandoned())
  }

  // MARK: Events of the connection

  func connectionOpened(connect: Duration, handshake: Duration) {
    returnSlot()
    shard.tally.handshakes += 1
    shard.tally.connectLatency.record(connect)
    shard.tally.handshakeLatency.record(handshake)
    if hasBeenConnected { shard.tally.reconnects += 1 } else { shard.becameReady() }
    hasBeenConnected = true
    perform(machine.connected())
  }

  func connectionLost(_ loss: ConnectionLoss) {
    faultyDelivery?.cancel()
    returnSlot()
    if loss.isFault {
      shard.tally.lostConnections += 1
      shard.countError(code: "connection", slug: loss.slug)
    }
    if let open = push?.connectionLost(byUs: loss == .cutOff) { shard.tally.judge(open, .open) }
    perform(machine.connectionLost())
  }

  func connectionAnswered(_ answer: HTTPAnswer) {
    faultyDelivery?.cancel()
    switch outstanding {
    case .push: pushAnswered(answer)
    case .refresh: refreshAnswered(answer)
    }
  }

  private func pushAnswered(_ answer: HTTPAnswer) {
    let keeps = answer.keepsConnection
    let object = answer.object
    let isDuplicate = object?["duplicate"] == .bool(true)
    let slug = answer.meaning == .accepted ? "" : answer.slug
    let step = push!.answered(answer.meaning, status: answer.status.code, isDuplicate: isDuplicate, slug: slug)
    if let (fault, verdict) = step.verdict { shard.tally.judge(fault, verdict) }
    if answer.meaning != .accepted, !step.isExpected {
      shard.countError(code: "\(answer.status.code)", slug: slug)
    }
    if step.isAcknowledged {
      let push = self.push!
      shard.acknowledged(
        object, of: self, push.body!, dueAt: push.isFaultless ? push.dueAt : nil, sentAt: push.sentAt)
    }
    switch step.next {
    case .again: perform(machine.pushAgain(keepsConnection: keeps))
    case .settled: settle(keepsConnection: keeps)
    case .refused:
      shard.tally.refusedPushes += 1
      settle(keepsConnection: keeps)
    case .unauthorized: perform(machine.pushUnauthorized(keepsConnection: keeps))
    case .unavailable:
      shard.tally.unavailable += 1
      perform(machine.pushDeferred(retryAfter: answer.retryAfter, keepsConnection: keeps))
    case .deferred:
      shard.tally.deferred += 1
      perform(machine.pushDeferred(retryAfter: answer.retryAfter, keepsConnection: keeps))
    }
  }

  private func refreshAnswered(_ answer: HTTPAnswer) {
    if answer.meaning != .accepted { shard.countError(code: "\(answer.status.code)", slug: answer.slug) }
    let token =
      answer.meaning == .accepted
      ? answer.object.flatMap {
        Credentials.Token($0, now: .now(), unixSeconds: WallClock.unixSeconds(), jitter: jitter.fraction())
      } : nil
    guard let token else {
      let action = machine.refreshRefused(retryAfter: answer.retryAfter, keepsConnection: answer.keepsConnection)
      return perform(action)
    }
    var credentials = self.credentials!
    credentials.token = token
    take(credentials)
    shard.tally.refreshes += 1
    perform(machine.tokenRefreshed(keepsConnection: answer.keepsConnection))
  }

  func deadlineReached(_ id: TimerID) {
    if id == dueTimer {
      dueTimer = nil
      makeDue(nextDue)
    } else if id == tokenTimer {
      tokenTimer = nil
      perform(machine.tokenAged())
    } else if id == pauseTimer {
      pauseTimer = nil
      switch pauseEnds {
      case .backOff: shard.requestSlot(self)
      case .wait: perform(machine.retryDue())
      }
    }
  }

  // MARK: Actions

  private func perform(_ action: CollectorMachine.Action) {
    switch action {
    case .none: break
    case .connect(after: .zero): shard.requestSlot(self)
    case .connect(after: let pause): self.pause(pause, then: .backOff)
    // The pause that the server asked for, and up to a tenth more, so that collectors that were put off together do not
    // return together.
    case .wait(let pause): self.pause(pause.scaled(by: 1 + 0.1 * jitter.fraction()), then: .wait)
    case .sendPush: sendPush()
    case .refreshToken: sendRefresh()
    case .finish: finish()
    }
  }

  private func sendPush() {
    outstanding = .push
    if push!.body == nil { makeBody() }
    let head = pushHead!
    let sending = push!.send(now: .now(), slowBodyTime: plan.slowBodyTime)
    if sending.isResend { shard.tally.resent += 1 }
    if sending.isTrespassed { shard.trespass(as: self, head, push!.body!) }
    switch sending.content {
    case .whole: deliver(head, push!.body!.wire, sending.delivery)
    case .broken:
      let broken = shard.press.makeBroken(
        turn: index &+ pushesMade, collector: id, hostname: hostname, now: WallClock.unixSeconds())
      connection.send(head, broken.wire)
    }
  }

  private func deliver(_ head: HTTPRequestTemplate, _ body: [UInt8], _ delivery: Delivery) {
    if delivery == .atOnce { return connection.send(head, body) }
    let faulty = faultyDelivery ?? FaultyDelivery(loop: loop, connection: connection)
    faultyDelivery = faulty
    faulty.send(head, body, delivery)
  }

  private func makeBody() {
    push!.body = shard.press.make(
      turn: index &+ pushesMade, collector: id, hostname: hostname, now: WallClock.unixSeconds(), clock: &clock)
    pushesMade += 1
  }

  private func sendRefresh() {
    outstanding = .refresh
    connection.send(head("collectors/refresh-token", []), [])
  }

  private func head(_ path: String, _ fields: [HTTPField]) -> HTTPRequestTemplate {
    HTTPRequestTemplate(
      own: .post, target: plan.endpoint.url.target(path), authority: plan.endpoint.url.authority,
      fields: [
        HTTPField("Authorization", "Bearer " + credentials!.token.text), HTTPField("Content-Type", "application/json"),
      ] + fields)
  }

  private func take(_ credentials: Credentials) {
    self.credentials = credentials
    pushHead = head("metrics/push", shard.press.isCompressing ? [HTTPField("Content-Encoding", "gzip")] : [])
    cancel(&tokenTimer)
    tokenTimer = loop.schedule(self, at: credentials.token.refreshAt)
  }

  /// Ends the push in hand. The next one may be due at once.
  private func settle(keepsConnection: Bool) {
    push = nil
    perform(machine.pushSettled(keepsConnection: keepsConnection))
    guard schedule != nil, let end = shard.times?.end else { return }
    let now = MonotonicTime.now()
    nextDue = schedule!.next(answeredAt: now)
    if nextDue >= end { return }
    if nextDue <= now { makeDue(nextDue) } else { dueTimer = loop.schedule(self, at: nextDue) }
  }

  private func makeDue(_ due: MonotonicTime) {
    push = PushInHand(dueAt: due, fault: plan.faults.isEmpty ? nil : plan.faults.fault(at: jitter.fraction()))
    perform(machine.pushDue())
  }

  private func pause(_ duration: Duration, then next: Pause) {
    pauseEnds = next
    pauseTimer = loop.schedule(self, at: .now() + duration)
  }

  private func finish() {
    cancel(&dueTimer)
    cancel(&pauseTimer)
    cancel(&tokenTimer)
    faultyDelivery?.cancel()
    connection.close()
    returnSlot()
    shard.finished(self)
  }

  private func returnSlot() {
    if !holdsSlot { return }
    holdsSlot = false
    shard.releaseSlot()
  }

  private func cancel(_ timer: inout TimerID?) {
    if let id = timer { loop.cancel(id) }
    timer = nil
  }
}
