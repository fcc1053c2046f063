// Processes the requests of one loop: routes and admits each head, passes the request to the part that answers it, and
// returns the answer to the connection.

import Ground
import Protocol
import Reactor

/// The decision on a head.
enum Opening {
  /// The connection reads the body into the push of the exchange.
  case push
  /// The connection collects the body for the endpoint.
  case endpoint(EndpointCall)
  /// The connection sends this response once the body is skipped.
  case refuse(HTTPResponse)
  /// The database is asked for the collector. `HTTPConnection.opened` follows.
  case wait
}

/// The objects that all request desks of a process share. They are immutable or safe to share.
struct RequestSurroundings: Sendable {
  let router: Router
  let errands: any IdentityErrands & SessionErrands
  let log: ServerLog
  /// The number of loops that share the limits of the settings.
  let loops: Int
}

/// Routes, admits and refuses requests, and returns answers to the connections that wait for them. It is used on its
/// loop only.
final class RequestDesk {
  let loop: EventLoop
  let clock: LoopClock
  let ingest: IngestDesk
  let gatekeeper: Gatekeeper
  let renderer: AnswerRenderer
  let records: ConnectionRecords
  let pressure: MemoryPressure
  let connections = ConnectionTable()
  private(set) var settings: Settings
  private(set) var httpLimits: HTTPLimits
  /// Whether each connection closes after the answer in work.
  var isDraining = false
  /// The buffer for decrypted bytes. One connection at a time borrows it.
  var plaintext = ReusedBuffer(keptBytes: 4 * EventLoop.scratchBytes, minimumCapacity: EventLoop.scratchBytes)
  private let surroundings: RequestSurroundings
  /// Makes the IDs of requests, which have to differ and are not secret.
  private var random: QuickRandom

  init(
    loop: EventLoop, clock: LoopClock, settings: Settings, ingest: IngestDesk, gatekeeper: Gatekeeper,
    surroundings: RequestSurroundings, random: QuickRandom
  ) {
    self.loop = loop
    self.clock = clock
    self.settings = settings
    self.ingest = ingest
    self.gatekeeper = gatekeeper
    self.surroundings = surroundings
    self.random = random
    httpLimits = settings.httpLimits
    renderer = AnswerRenderer(clock: clock)
    records = ConnectionRecords(loop: loop, log: surroundings.log)
    pressure = MemoryPressure(
      loop: loop, settings: settings, loops: surroundings.loops, connections: connections, ingest: ingest,
      records: records)
    ingest.answers = self
    gatekeeper.connections = self
  }

  /// Uses `settings` from now on. Requests in work keep the old ones.
  func apply(_ settings: Settings) {
    self.settings = settings
    httpLimits = settings.httpLimits
    pressure.apply(settings)
  }

  // MARK: Heads

  /// Begins the exchange of a request, routes and admits it. Reads only the head.
  /// - Parameter number: the number of the request on its connection.
  func open(_ number: UInt32, _ head: HTTPRequestHead, on connection: HTTPConnection) -> (Exchange, Opening) {
    let exchange = Exchange(number: number, head: head, startedAt: loop.now, freshID: random.next())
    return (exchange, opening(of: exchange, on: connection))
  }

  private func opening(of exchange: Exchange, on connection: HTTPConnection) -> Opening {
    do throws(Problem) {
      return try admit(exchange, on: connection)
    } catch {
      return .refuse(refusal(error, of: exchange))
    }
  }

  private func admit(_ exchange: Exchange, on connection: HTTPConnection) throws(Problem) -> Opening {
    let head = exchange.head
    let endpoint: Endpoint
    let path: PathParameters
    let match = surroundings.router.match(head.method, head.target)
    if !exchange.hasLookedUp { count(match, exchange) }
    switch match {
    case .notFound: throw Problem(.notFound)
    case .methodNotAllowed(let allow): throw .methodNotAllowed(allow)
    case .found(let found, let parameters):
      endpoint = found
      path = parameters
      exchange.isProbe = found.isProbe
    }
    let caller: Caller
    switch gatekeeper.authenticate(head, by: &connection.client, for: endpoint.access) {
    case .refused(let problem, let claimed):
      audit(problem, exchange, on: connection, claimed: claimed)
      throw problem
    case .principal(let principal): caller = .principal(principal)
    case .session(let token):
      caller = .session(token)
      exchange.user = AuditEvent.user(token.userID)
    case .apiToken(let digest): caller = .apiToken(digest)
    case .unknown(let id, let problem):
      if exchange.hasLookedUp {
        audit(problem, exchange, on: connection)
        throw problem
      }
      lookUp(id, for: Ticket(connection: connection.id, exchange: exchange.number))
      return .wait
    }
    try endpoint.admit(head, by: caller)
    if case .principal(.collector(let collector)) = caller {
      if let named = path.collectorID, named != collector.id {
        let problem = Problem(.identityMismatch, "the path names another collector than the token")
        audit(problem, exchange, on: connection, claimed: named)
        throw problem
      }
      exchange.collector = collector.id
      gatekeeper.admitted(collector.id)
    }
    switch endpoint.runner {
    case .pool: return .endpoint(EndpointCall(endpoint: endpoint, path: path, caller: caller))
    case .loop:
      guard case .principal(.collector(let collector)) = caller else { throw Problem(.unauthenticated) }
      guard let record = gatekeeper.record(of: collector.id) else { throw Problem(.collectorRevoked) }
      exchange.arriving = try ingest.intake.admit(record, head, isDatabaseReachable: ingest.isDatabaseReachable)
      return .push
    }
  }

  private func count(_ match: Router.Match, _ exchange: Exchange) {
    if case .found(let endpoint, _) = match, case .loop = endpoint.runner {
      ingest.records.received()
      exchange.isOpenPush = true
      exchange.isPush = true
    } else {
      records.count(.requested)
    }
  }

  /// Reads a collector from the database, because another server may have enrolled it or renewed its certificate a
  /// moment ago.
  private func lookUp(_ id: UUID, for ticket: Ticket) {
    let (handle, desk) = (loop.handle, LoopBound(self, on: loop))
    surroundings.errands.refresh(id) { failure in
      let problem = failure.map { Problem($0) }
      // The gatekeepers of all loops receive the collector before this job runs, because they use the same queue. So
      // this loop's gatekeeper knows the collector now, if it exists.
      handle.submit { loop in desk.value(on: loop).lookedUp(ticket, problem) }
    }
  }

  /// Continues with an exchange after the database was asked for its collector.
  /// - Parameter problem: the reason why the database could not be asked; nil if it answered.
  private func lookedUp(_ ticket: Ticket, _ problem: Problem?) {
    guard let connection = connections[ticket.connection], connection.machine.phase == .lookingUp,
      let exchange = connection.requests.exchange, exchange.number == ticket.exchange
    else { return }
    exchange.hasLookedUp = problem == nil
    connection.opened(problem.map { .refuse(refusal($0, of: exchange)) } ?? opening(of: exchange, on: connection))
  }

  // MARK: Bodies

  /// Checks the complete body of a push. Hands the push to the ingest desk, or refuses it at once.
  func complete(_ exchange: Exchange, on connection: HTTPConnection) {
    guard let arriving = exchange.arriving else { return }
    do throws(PushRefusal) {
      try ingest.intake.finish(arriving, exchange.head)
    } catch {
      let problem = Problem(error)
      if case .foreignCollector = error {
        let claimed = arriving.push.summary.collectorID.flatMap { UUID($0) }
        audit(problem, exchange, on: connection, claimed: claimed)
      }
      return connection.complete(exchange.number, refusal(problem, of: exchange))
    }
    exchange.arriving = nil
    // The ingest desk counts the outcome from here on, because the connection may end before the commit.
    exchange.isOpenPush = false
    let ticket = Ticket(connection: connection.id, exchange: exchange.number)
    ingest.accept(arriving.push, ticket.ofPush, isChunked: exchange.head.framing == .chunked)
  }

  /// Runs an endpoint on the cooperative pool, and returns its answer to the connection.
  func perform(_ call: EndpointCall, body: [UInt8], _ exchange: Exchange, on connection: HTTPConnection) {
    let ticket = Ticket(connection: connection.id, exchange: exchange.number)
    let departure = Departure()
    exchange.departure = departure
    let run = EndpointRun(
      call: call, request: AdmittedRequest(head: exchange.head, path: call.path, body: body),
      errands: surroundings.errands, settings: settings, requestID: exchange.requestID,
      peerAddress: connection.peerAddress.ipString, peerCertificate: connection.socket.link.peerCertificate,
      now: Timestamp(unixMicroseconds: clock.unixMicroseconds), departure: departure)
    let (handle, desk, log) = (loop.handle, LoopBound(self, on: loop), surroundings.log)
    Task { () async -> Void in
      let outcome = await run.outcome()
      if case .refused(let problem, _) = outcome.answer { log.failure(problem, run.requestID) }
      let isTaken = handle.submit { loop in desk.value(on: loop).answer(ticket, outcome) }
      if !isTaken, case .streamed(_, let pipe) = outcome.answer { pipe.cancel() }
    }
  }

  private func answer(_ ticket: Ticket, _ outcome: EndpointRun.Outcome) {
    let connection = connections[ticket.connection]
    if let exchange = connection?.requests.exchange, exchange.number == ticket.exchange {
      if let name = outcome.user { exchange.user = name }
      if case .refused(let problem, _) = outcome.answer { exchange.refusal = problem }
    }
    switch outcome.answer {
    case .complete(let response), .refused(_, let response): connection?.complete(ticket.exchange, response)
    case .streamed(let head, let pipe):
      guard let connection else { return pipe.cancel() }
      connection.stream(ticket.exchange, head, pipe)
    }
  }

  // MARK: Refusals and ends

  /// Counts and audits a refusal if it concerns an identity.
  private func audit(
    _ problem: Problem, _ exchange: Exchange, on connection: HTTPConnection, claimed: UUID? = nil
  ) {
    gatekeeper.audit(
      problem, of: connection.client, at: connection.peerAddress, requestID: exchange.requestID, claimed: claimed)
  }

  /// Counts and logs a refusal, and returns its response. The memory of a push that is not read to its end is free then.
  /// - Parameter exchange: nil if the head could not be read.
  func refusal(_ problem: Problem, of exchange: Exchange?) -> HTTPResponse {
    giveBack(exchange)
    if let exchange, exchange.isOpenPush {
      exchange.isOpenPush = false
      ingest.records.refused(problem.kind)
    }
    exchange?.refusal = problem
    let requestID = exchange?.requestID ?? ""
    surroundings.log.failure(problem, requestID)
    return problem.response(requestID: requestID)
  }

  /// Logs a request whose answer is sent or cut off.
  /// - Parameter isBroken: whether the answer's body was cut off.
  func answered(_ exchange: Exchange, _ response: HTTPResponse, on connection: HTTPConnection, isBroken: Bool = false) {
    if !exchange.isPush {
      return records.answered(exchange, response, connection.peerAddress, isBroken: isBroken)
    }
    guard let refusal = exchange.refusal else { return }
    // The connection may have proved its collector even if the push was refused before it was assigned to one.
    ingest.records.logRefusal(
      refusal, requestID: exchange.requestID, peer: connection.peerAddress, startedAt: exchange.startedAt,
      collector: exchange.collector ?? connection.client.collectors.first)
  }

  /// Gives back the memory of a request that has ended, with or without an answer. Counts a push without an outcome as
  /// abandoned.
  func ended(_ exchange: Exchange) {
    giveBack(exchange)
    if exchange.isOpenPush { ingest.records.abandoned() }
    pressure.release(exchange)
  }

  private func giveBack(_ exchange: Exchange?) {
    guard let exchange, let arriving = exchange.arriving else { return }
    exchange.arriving = nil
    ingest.intake.giveBack(arriving)
  }
}

extension RequestDesk: PushAnswering {
  /// The request that waits for the push; nil if its client is gone.
  private func exchange(of ticket: PushTicket) -> Exchange? {
    let ticket = Ticket(ticket)
    let exchange = connections[ticket.connection]?.requests.exchange
    return exchange?.number == ticket.exchange ? exchange : nil
  }

  func answer(_ ticket: PushTicket, with body: Span<UInt8>) {
    let ticket = Ticket(ticket)
    connections[ticket.connection]?.complete(ticket.exchange, body)
  }

  func refuse(_ ticket: PushTicket, for problem: Problem) {
    let exchange = exchange(of: ticket)
    exchange?.refusal = problem
    let ticket = Ticket(ticket)
    connections[ticket.connection]?.complete(
      ticket.exchange, problem.response(requestID: exchange?.requestID ?? ""))
  }

  func requestID(of ticket: PushTicket) -> String? { exchange(of: ticket)?.requestID }

  func memoryReleased() { pressure.resumeReading() }
}

extension RequestDesk: GuardedConnections {
  func cutOff(_ objection: (ClientIdentity) -> Problem?) {
    for connection in connections.all {
      if let problem = objection(connection.client) { connection.revoke(problem) }
    }
  }
}

extension ServerLog {
  /// Logs the cause of an answer with status 500.
  func failure(_ problem: Problem, _ requestID: String) {
    guard problem.kind.status == .internalServerError else { return }
    error(
      "request failed",
      ["request_id": requestID, "reason": problem.kind.slug, "cause": problem.cause ?? problem.details ?? "unknown"])
  }
}
