// One collector of the fleet: carries out what its machine decides, on one connection of its own.

internal import Protocol
internal import Reactor

final class BenchCollector: ConnectionOwner, DeadlineHandler {
  /// The push in hand.
  private struct Push {
    let dueAt: MonotonicTime
    /// Made when it is first sent, and then kept as it is.
    var body: PushBody?
  }

  /// Which request is unanswered.
  private enum Outstanding { case push, refresh }
  /// What a pause is followed by.
  private enum Pause { case backOff, wait }

  /// In the whole fleet, 0 and up.
  let index: Int
  let hostname: String
  private let loop: EventLoop
  private let plan: FleetPlan
  private unowned let shard: FleetShard  // because the shard owns its collectors and outlives them
  private let connection: ClientConnection
  private var machine: CollectorMachine
  private var credentials: Credentials?
  private var clock = PushClock()
  private var jitter: SplitMix64
  private var push: Push?
  private var pushesMade = 0
  private var hasBeenConnected = false
  private var holdsSlot = false
  private var outstanding = Outstanding.push
  /// When the next push is due; nil before the run and after it.
  private var nextDue: MonotonicTime?
  private var dueTimer: TimerID?
  /// Ends a back-off or a `.wait`.
  private var pauseTimer: TimerID?
  private var pauseEnds = Pause.backOff
  private var tokenTimer: TimerID?

  init(
    index: Int, plan: FleetPlan, loop: EventLoop, buffers: ClientConnection.Buffers, shard: FleetShard
  ) {
    self.index = index
    self.plan = plan
    self.loop = loop
    self.shard = shard
    let digits = String(index)
    hostname = "bench-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    connection = ClientConnection(loop: loop, endpoint: plan.endpoint, buffers: buffers, spread: index)
    let seed = plan.seed &+ UInt64(index)
    machine = CollectorMachine(backOff: BackOff(limits: plan.backOff, seed: seed))
    jitter = SplitMix64(seed: ~seed)
  }

  /// Its name at the server. Only once it is enrolled.
  var id: UUID { credentials!.collector }
  var isEnrolled: Bool { credentials != nil }
  var isConnected: Bool { connection.isOpen }

  // MARK: Told by the shard

  func begin(with credentials: Credentials) {
    self.credentials = credentials
    armTokenTimer()
    perform(machine.begin())
  }

  /// A handshake slot is ours.
  func connect() {
    holdsSlot = true
    if machine.isFinished { return returnSlot() }
    do {
      try connection.open(identity: credentials!.identity, owner: self)
    } catch {
      connectionLost(error)
    }
  }

  /// Starts the pushes. - Parameter first: when the first one is due.
  func startRun(first: MonotonicTime) {
    if !isEnrolled { return }
    dueTimer = loop.schedule(self, at: first)
    nextDue = first
  }

  /// Ends the schedule. - Parameter end: what was due before it and could not be made counts as unsent.
  func endRun(at end: MonotonicTime) {
    if machine.isFinished || !isEnrolled { return }
    if let push, case .interval(let interval) = plan.pace {
      var due = push.dueAt + interval
      while due < end {
        shard.tally.unsent += 1
        due = due + interval
      }
    }
    cancel(&dueTimer)
    nextDue = nil
    perform(machine.runEnded())
  }

  /// The last moment has come.
  func abandon() {
    if machine.isFinished || !isEnrolled { return }
    if push != nil { shard.tally.unacknowledged += 1 }
    perform(machine.abandoned())
  }

  // MARK: Told by the connection

  func connectionOpened(handshake: Duration) {
    returnSlot()
    shard.tally.handshakes += 1
    shard.tally.handshakeLatency.record(handshake)
    if hasBeenConnected { shard.tally.reconnects += 1 } else { shard.becameReady() }
    hasBeenConnected = true
    perform(machine.connected())
  }

  func connectionLost(_ loss: ConnectionLoss) {
    returnSlot()
    if loss.isFault {
      shard.tally.lostConnections += 1
      shard.countError(code: "connection", slug: loss.slug)
    }
    perform(machine.connectionLost())
  }

  func connectionAnswered(_ answer: Answer) {
    if answer.meaning != .accepted { shard.countError(code: "\(answer.status.code)", slug: answer.slug) }
    switch outstanding {
    case .push: pushAnswered(answer)
    case .refresh: refreshAnswered(answer)
    }
  }

  private func pushAnswered(_ answer: Answer) {
    let keeps = answer.keepsConnection
    switch answer.meaning {
    case .accepted:
      let push = self.push!
      shard.acknowledged(answer.object, of: self, push.body!, dueAt: push.dueAt)
      settle(keepsConnection: keeps)
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

  private func refreshAnswered(_ answer: Answer) {
    let token =
      answer.meaning == .accepted
      ? answer.object.flatMap {
        Credentials.Token($0, now: .now(), unixSeconds: WallClock.unixSeconds(), jitter: jitter.fraction())
      } : nil
    guard let token else {
      let action = machine.refreshRefused(retryAfter: answer.retryAfter, keepsConnection: answer.keepsConnection)
      return perform(action)
    }
    credentials!.token = token
    shard.tally.refreshes += 1
    armTokenTimer()
    perform(machine.tokenRefreshed(keepsConnection: answer.keepsConnection))
  }

  func deadlineReached(_ id: TimerID) {
    if id == dueTimer {
      dueTimer = nil
      makeDue(nextDue!)
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

  // MARK: Doing

  private func perform(_ action: CollectorMachine.Action) {
    switch action {
    case .none: break
    case .connect(after: .zero): shard.requestSlot(self)
    case .connect(after: let pause): self.pause(pause, then: .backOff)
    // What the server asked for, and up to a tenth more: those it put off together should not return together.
    case .wait(let pause): self.pause(pause.scaled(by: 1 + 0.1 * jitter.fraction()), then: .wait)
    case .sendPush(let isResend): sendPush(isResend: isResend)
    case .refreshToken: sendRefresh()
    case .finish: finish()
    }
  }

  private func sendPush(isResend: Bool) {
    if isResend { shard.tally.resent += 1 } else { makeBody() }
    outstanding = .push
    let isCompressed = shard.press.isCompressing
    connection.send(
      request("metrics/push", isCompressed ? [HTTPField("Content-Encoding", "gzip")] : [], push!.body!.wire))
  }

  private func makeBody() {
    push!.body = shard.press.make(
      turn: index &+ pushesMade, collector: credentials!.collector, hostname: hostname,
      now: WallClock.unixSeconds(), clock: &clock)
    pushesMade += 1
  }

  private func sendRefresh() {
    outstanding = .refresh
    connection.send(request("collectors/refresh-token", [], []))
  }

  private func request(_ path: String, _ fields: [HTTPField], _ body: [UInt8]) -> HTTPRequest {
    HTTPRequest(
      method: .post, target: plan.endpoint.url.target(path), authority: plan.endpoint.url.authority,
      fields: [
        HTTPField("Authorization", "Bearer " + credentials!.token.text), HTTPField("Content-Type", "application/json"),
      ] + fields, body: .bytes(body))
  }

  /// The push in hand is done with; the next one's turn comes, perhaps at once.
  private func settle(keepsConnection: Bool) {
    let previous = push!.dueAt
    push = nil
    perform(machine.pushSettled(keepsConnection: keepsConnection))
    guard nextDue != nil, let end = shard.runEnd else { return }
    let now = MonotonicTime.now()
    let due: MonotonicTime
    switch plan.pace {
    case .interval(let interval): due = previous + interval
    case .closedLoop: due = now
    }
    nextDue = due
    if due >= end { return }
    if due <= now { makeDue(due) } else { dueTimer = loop.schedule(self, at: due) }
  }

  private func makeDue(_ due: MonotonicTime) {
    push = Push(dueAt: due)
    perform(machine.pushDue())
  }

  private func pause(_ duration: Duration, then next: Pause) {
    pauseEnds = next
    pauseTimer = loop.schedule(self, at: .now() + duration)
  }

  private func armTokenTimer() {
    cancel(&tokenTimer)
    tokenTimer = loop.schedule(self, at: credentials!.token.refreshAt)
  }

  private func finish() {
    cancel(&dueTimer)
    cancel(&pauseTimer)
    cancel(&tokenTimer)
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
