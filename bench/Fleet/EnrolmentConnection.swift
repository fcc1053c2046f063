// Enrols collectors, one after the other over one connection.

internal import Ground
internal import HTTPClient
internal import Protocol
internal import Reactor

/// One of the connections over which a shard enrols its collectors.
final class EnrolmentConnection: HTTPSConnectionOwner, DeadlineHandler {
  private let loop: EventLoop
  private let connection: HTTPSConnection
  private let head: HTTPRequestTemplate
  private unowned let shard: FleetShard  // because the shard owns its enrolments and outlives them
  private var backOff: BackOff
  private var jitter: QuickRandom
  private var current: Candidate?
  private var timer: TimerID?
  private var isStopped = false

  private struct Candidate {
    let collector: BenchCollector
    let request: EnrolmentRequest
    let startedAt: MonotonicTime
  }

  init(loop: EventLoop, plan: FleetPlan, buffers: HTTPSConnection.Buffers, number: Int, shard: FleetShard) {
    self.loop = loop
    self.shard = shard
    connection = HTTPSConnection(loop: loop, destination: plan.endpoint, buffers: buffers, spread: number)
    head = HTTPRequestTemplate(
      own: .post, target: plan.endpoint.url.target("collectors/register"), authority: plan.endpoint.url.authority,
      fields: [
        HTTPField("Content-Type", "application/json"), HTTPField("X-Registration-Secret", plan.registrationSecret),
      ])
    let seed = plan.seed &+ 0x1_0000_0000 &+ UInt64(number)
    backOff = BackOff(limits: plan.backOff, seed: seed)
    jitter = QuickRandom(seed: ~seed)
  }

  /// Enrols collectors until the shard has none left.
  func start() { takeNext() }

  /// Stops. A collector whose enrolment is unanswered stays without an identity.
  func stop() {
    isStopped = true
    if let timer { loop.cancel(timer) }
    timer = nil
    connection.close()
  }

  private func takeNext() {
    if isStopped { return }
    guard let (collector, earliest) = shard.peekUnenrolled() else { return connection.close() }
    if earliest > loop.now {
      timer = loop.schedule(self, at: earliest)
      return
    }
    shard.takeUnenrolled()
    let startedAt = MonotonicTime.now()
    current = Candidate(
      collector: collector, request: EnrolmentRequest(hostname: collector.hostname), startedAt: startedAt)
    proceed()
  }

  private func proceed() {
    guard let current, !isStopped else { return }
    guard connection.isOpen else {
      do {
        try connection.open(identity: nil, owner: self)
      } catch {
        connectionLost(error)
      }
      return
    }
    connection.send(head, current.request.body)
  }

  func connectionOpened(connect: Duration, handshake: Duration) { proceed() }

  func connectionAnswered(_ answer: HTTPAnswer) {
    let candidate = current!
    switch answer.meaning {
    case .accepted:
      backOff.reset()
      current = nil
      if let credentials = candidate.request.credentials(from: answer, jitter: jitter.fraction()) {
        keep(credentials, of: candidate, answer)
        shard.enrolled(candidate.collector, credentials, after: candidate.startedAt.duration(to: .now()))
      } else {
        shard.refusedEnrolment(candidate.collector, code: "\(answer.status.code)", slug: "unusable_enrolment")
      }
      takeNext()
    case .unavailable, .deferred:
      shard.countError(code: "\(answer.status.code)", slug: answer.slug)
      retry(after: answer.retryAfter ?? backOff.next())
    case .unauthorized, .refused:
      current = nil
      shard.refusedEnrolment(candidate.collector, code: "\(answer.status.code)", slug: answer.slug)
      takeNext()
    }
  }

  func connectionLost(_ loss: ConnectionLoss) {
    if loss.isFault { shard.countError(code: "enrolment", slug: loss.slug) }
    // Without an enrolment in work, the loss does not matter: the connection is opened again when it is needed.
    if current != nil, timer == nil { retry(after: backOff.next()) }
  }

  func deadlineReached(_ id: TimerID) {
    timer = nil
    if current == nil { takeNext() } else { proceed() }
  }

  private func retry(after pause: Duration) {
    if isStopped { return }
    timer = loop.schedule(self, at: .now() + pause)
  }

  private func keep(_ credentials: Credentials, of candidate: Candidate, _ answer: HTTPAnswer) {
    guard let file = shard.identityFile else { return }
    let identity = StoredIdentity(
      index: candidate.collector.index, collector: credentials.collector, hostname: candidate.collector.hostname,
      certificate: answer.object?.string("certificate") ?? "",
      key: String(decoding: candidate.request.keyPEM, as: UTF8.self), token: credentials.token.text,
      tokenExpiresAt: credentials.token.expiresAt)
    do {
      try file.append(identity)
    } catch {
      preconditionFailure("\(error): the identity would be lost, and its collector with it")
    }
  }
}
