// What becomes of the requests of one loop: from a head to the part that answers it, and back to the connection.

import Ground
import Protocol
import Reactor

/// What a connection is to do with a head.
enum Opening {
  case push(ArrivingPush)
  case endpoint(EndpointCall)
  case refuse(HTTPResponse)
  /// Nobody knows yet: `HTTPConnection.lookedUp` follows.
  case wait
}

/// What all request desks of a process have in common: immutable, or safe to share.
struct RequestSurroundings: Sendable {
  let router: Router
  let errands: any IdentityErrands & SessionErrands
  let log: ServerLog
  let loops: Int
}

/// Routes, admits and refuses. Connections come to it, and answers go through it to the connections that wait for them.
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
  /// Whether each connection is closed behind the answer in work.
  var isDraining = false
  /// Lent to one connection at a time, for what it decrypts.
  var plaintext = ReusedBuffer(keptBytes: 4 * EventLoop.scratchBytes, minimumCapacity: EventLoop.scratchBytes)
  private let surroundings: RequestSurroundings
  /// For the names of requests, which must differ and need not be secret.
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

  /// Follows the settings that can change: at once, but for what is in work by the old ones.
  func apply(_ settings: Settings) {
    self.settings = settings
    httpLimits = settings.httpLimits
    pressure.apply(settings)
  }

  // MARK: Heads

  /// A request begins with `head`. - Parameter number: of the request on its connection.
  func exchange(_ number: UInt32, _ head: HTTPRequestHead) -> Exchange {
    Exchange(number: number, head: head, startedAt: loop.now, freshID: random.next())
  }

  /// Routes and admits `exchange` by its head alone.
  func open(_ exchange: Exchange, on connection: HTTPConnection) -> Opening {
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
      return .push(
        try ingest.intake.admit(record, head, isDatabaseReachable: ingest.isDatabaseReachable))
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

  /// Another server may have enrolled the collector, or renewed its certificate, just now.
  private func lookUp(_ id: UUID, for ticket: Ticket) {
    let (handle, desk) = (loop.handle, LoopBound(self, on: loop))
    surroundings.errands.refresh(id) { failure in
      let problem = failure.map { Problem($0) }
      // The gatekeepers were told first, by the same way: this loop's knows the collector now, if there is one.
      handle.submit { loop in
        let connection = desk.value(on: loop).connections[ticket.connection]
        connection?.lookedUp(ticket.exchange, problem)
      }
    }
  }

  // MARK: Bodies

  /// The body of a push is complete: checks the envelope, and hands the push to the ingest desk or refuses it at once.
  func complete(_ arriving: ArrivingPush, _ exchange: Exchange, on connection: HTTPConnection) {
    do throws(PushRefusal) {
      try ingest.intake.finish(arriving, exchange.head)
    } catch {
      let problem = Problem(error)
      if case .foreignCollector = error {
        let claimed = arriving.push.summary.collectorID.flatMap { UUID($0) }
        audit(problem, exchange, on: connection, claimed: claimed)
      }
      ingest.intake.giveBack(arriving)
      return connection.complete(exchange.number, refusal(problem, of: exchange))
    }
    // From here on its outcome is counted where it is settled: the connection may be gone by then.
    exchange.isOpenPush = false
    let ticket = Ticket(connection: connection.id, exchange: exchange.number)
    ingest.accept(arriving.push, ticket.ofPush, isChunked: exchange.head.framing == .chunked)
  }

  /// Runs an endpoint on the cooperative pool and brings its answer home.
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

  /// Has the refusal of an identity counted and audited.
  private func audit(
    _ problem: Problem, _ exchange: Exchange, on connection: HTTPConnection, claimed: UUID? = nil
  ) {
    gatekeeper.audit(
      problem, of: connection.client, at: connection.peerAddress, requestID: exchange.requestID, claimed: claimed)
  }

  /// The answer that refuses a request, or what was to become one: nil. A push ends with it.
  func refusal(_ problem: Problem, of exchange: Exchange?) -> HTTPResponse {
    if let exchange, exchange.isOpenPush {
      exchange.isOpenPush = false
      ingest.records.refused(problem.kind)
    }
    exchange?.refusal = problem
    let requestID = exchange?.requestID ?? ""
    surroundings.log.failure(problem, requestID)
    return problem.response(requestID: requestID)
  }

  /// The answer to a request is on its way, or cut off: writes the request's line.
  /// - Parameter isBroken: its body was cut off.
  func answered(_ exchange: Exchange, _ response: HTTPResponse, on connection: HTTPConnection, isBroken: Bool = false) {
    if !exchange.isPush {
      return records.answered(exchange, response, connection.peerAddress, isBroken: isBroken)
    }
    guard let refusal = exchange.refusal else { return }
    // The connection may be known to be a collector's, for a push that was refused before it was anybody's.
    ingest.records.logRefusal(
      refusal, requestID: exchange.requestID, peer: connection.peerAddress, startedAt: exchange.startedAt,
      collector: exchange.collector ?? connection.client.collectors.first)
  }

  /// A request is over, answered or not.
  func ended(_ exchange: Exchange) { pressure.release(exchange) }
}

extension RequestDesk: PushAnswering {
  /// The request that waits for a push; nil if its client is gone.
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
  /// Why a request was answered 500, whatever else the log has of it.
  func failure(_ problem: Problem, _ requestID: String) {
    guard problem.kind.status == .internalServerError else { return }
    error(
      "request failed",
      ["request_id": requestID, "reason": problem.kind.slug, "cause": problem.cause ?? problem.details ?? "unknown"])
  }
}
