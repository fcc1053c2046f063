// What becomes of a request: from its head to the one who answers it.

import Protocol
import Reactor

/// What the connection is to do with a head.
enum Opening {
  case push(PushReader, Push)
  case endpoint(EndpointCall)
  case refuse(HTTPResponse)
  /// Asked again by `HTTPConnection.reopen`.
  case wait
}

/// An admitted request for an endpoint of the admin lane.
struct EndpointCall {
  let endpoint: Endpoint
  let path: PathParameters
  let caller: Caller

  /// Who may be served. A person's session is asked for now, at each request, so that logout, a changed role and a
  /// deactivated user count at once on every server, and nothing has to be told to anybody.
  /// - Throws: `.sessionEnded`, `.insufficientRole`, or that the database cannot be asked.
  func principal(_ database: Database) async throws(Problem) -> Principal {
    switch caller {
    case .principal(let principal): return principal
    case .session(let token):
      let principal = Principal.user(try await database.user(of: token))
      try endpoint.access.admit(principal)
      return principal
    }
  }
}

extension Lane {
  /// Routes and admits `exchange` by its head alone.
  func open(_ exchange: Exchange, on connection: HTTPConnection) -> Opening {
    do throws(Problem) {
      return try admit(exchange, on: connection)
    } catch {
      return .refuse(refusal(error, on: connection))
    }
  }

  private func admit(_ exchange: Exchange, on connection: HTTPConnection) throws(Problem) -> Opening {
    let head = exchange.head
    let endpoint: Endpoint
    let path: PathParameters
    let match = context.router.match(head.method, head.target)
    if !exchange.hasLookedUp { count(match, on: connection) }
    switch match {
    case .notFound: throw Problem(.notFound)
    case .methodNotAllowed(let allow): throw .methodNotAllowed(allow)
    case .found(let found, let parameters):
      endpoint = found
      path = parameters
    }
    let caller: Caller
    switch authenticate(head, on: connection, for: endpoint.access) {
    case .refused(let problem, let claimed): throw noted(problem, exchange, on: connection, claimed: claimed)
    case .principal(let principal): caller = .principal(principal)
    case .session(let token): caller = .session(token)
    case .unknown(let id, let problem):
      if exchange.hasLookedUp { throw noted(problem, exchange, on: connection) }
      lookUp(id, for: exchange, on: connection)
      return .wait
    }
    try endpoint.admit(head, by: caller)
    if case .principal(.collector(let collector)) = caller {
      if let named = path.collectorID, named != collector.id {
        let problem = Problem(.identityMismatch, "the path names another collector than the token")
        throw noted(problem, exchange, on: connection, claimed: named)
      }
      connection.exchange?.collector = collector.id
      sawIdentity(of: collector.id)
    }
    switch endpoint.lane {
    case .admin: return .endpoint(EndpointCall(endpoint: endpoint, path: path, caller: caller))
    case .ingest:
      guard case .principal(.collector(let collector)) = caller else { throw Problem(.unauthenticated) }
      let (reader, push) = try admitPush(collector, head).get()
      return .push(reader, push)
    }
  }

  private func count(_ match: Router.Match, on connection: HTTPConnection) {
    if case .found(let endpoint, _) = match, case .ingest = endpoint.lane {
      counters.pushesReceived += 1
      connection.exchange?.isOpenPush = true
      connection.exchange?.isPush = true
    } else {
      counters.requests += 1
    }
  }

  /// Another server may have enrolled it, or renewed its certificate, just now.
  private func lookUp(_ id: UUID, for exchange: Exchange, on connection: HTTPConnection) {
    let ticket = Ticket(connection: connection.id, exchange: exchange.number)
    let handle = handle
    context.errands.refresh(id) { failure in
      if let failure {
        let problem = Problem(failure)
        handle.submit { lane in
          lane.connections[ticket.connection]?.completeWaiting(ticket.exchange, problem)
        }
        return
      }
      // The lanes were told first, by the same way: this one knows the collector now, if there is one.
      handle.submit { $0.connections[ticket.connection]?.reopen(ticket.exchange) }
    }
  }

  /// Runs an endpoint on the cooperative pool and brings its answer home.
  func perform(_ call: EndpointCall, body: [UInt8], on connection: HTTPConnection) {
    guard let exchange = connection.exchange else { return }
    let ticket = Ticket(connection: connection.id, exchange: exchange.number)
    let request = AdmittedRequest(head: exchange.head, path: call.path, body: body)
    let (requestID, address) = (exchange.requestID, connection.peerAddress.ipString)
    let (certificate, now) = (connection.link.peerCertificate, Timestamp(unixMicroseconds: unixMicroseconds))
    let errands = context.errands
    let departure = Departure()
    connection.exchange?.departure = departure
    let handle = handle
    Task { () async -> Void in
      let answer: EndpointAnswer
      do throws(Problem) {
        let principal = try await errands.principal(of: call)
        answer = await call.endpoint.respond(
          to: request,
          RequestContext(
            principal: principal, requestID: requestID, peerAddress: address, peerCertificate: certificate, now: now,
            departure: departure))
      } catch {
        answer = .complete(error.response(requestID: requestID))
      }
      let isTaken = handle.submit { lane in
        switch answer {
        case .complete(let response): lane.connections[ticket.connection]?.complete(ticket.exchange, response)
        case .streamed(let head, let pipe): lane.stream(head, pipe, to: ticket)
        }
      }
      if !isTaken, case .streamed(_, let pipe) = answer { pipe.cancel() }
    }
  }

  // MARK: Refusals

  /// Counts the refusal of an identity and has it audited; any other refusal passes.
  /// - Parameter claimed: the collector that the request names and is not.
  /// - Returns: `problem`.
  @discardableResult
  func noted(
    _ problem: Problem, _ exchange: Exchange, on connection: HTTPConnection, claimed: UUID? = nil
  ) -> Problem {
    let action: AuditAction
    switch problem.kind {
    case .identityMismatch:
      counters.identityMismatches += 1
      action = .identityMismatch
    case .collectorRevoked, .certificateRevoked, .certificateUnknown, .certificateExpired:
      counters.collectorsRefused += 1
      action = .refuseCollector
    default: return problem  // says nothing against anybody's identity
    }
    let actor = connection.collectors.first.map(AuditEvent.collector) ?? Principal.anonymous.actor
    var event = AuditEvent(action, by: actor, on: claimed.map(AuditEvent.collector))
    event.address = connection.peerAddress.ipString
    event.requestID = exchange.requestID
    context.refusals.record(event, problem, now: loop.now)
    return problem
  }

  /// The answer that refuses the request of `connection`, or what was to become one. A push ends with it.
  func refusal(_ problem: Problem, on connection: HTTPConnection) -> HTTPResponse {
    if connection.exchange?.isOpenPush == true {
      connection.exchange?.isOpenPush = false
      counters.pushesRefused[problem.kind, default: 0] += 1
    }
    connection.exchange?.refusal = problem.kind
    return problem.response(requestID: connection.exchange?.requestID ?? "")
  }

  /// One line a request of the admin lane; of pushes those that `Lane+PushLog` lets through.
  /// - Parameter isBroken: its body was cut off.
  func answered(_ exchange: Exchange?, _ response: HTTPResponse, _ peer: SocketAddress, isBroken: Bool = false) {
    guard let exchange else { return }
    if exchange.isPush { return logRefusal(of: exchange, peer) }
    context.log.info(
      "request",
      [
        "request_id": exchange.requestID, "method": exchange.head.method.name,
        "path": String(decoding: exchange.head.target.rawPath, as: UTF8.self),
        "status": String(response.status.code) + (isBroken ? " cut off" : ""), "peer": peer.ipString,
        "ms": String(exchange.startedAt.duration(to: loop.now).wholeMilliseconds),
      ])
  }
}

extension Problem {
  init(_ refusal: PushRefusal) {
    switch refusal {
    case .inflate(let error): self.init(error)
    case .foreignCollector:
      self.init(.identityMismatch, "collector_id in the body is another than the token's")
    case .payload(let error):
      switch error.kind {
      case .malformed(let defect): self.init(.invalidJSON, "\(defect), at byte \(error.offset)")
      case .envelope(.tooManyRows): self.init(.bodyTooLarge, "more rows than a push may have")
      case .envelope(let fault): self.init(.validationFailed, "\(fault.rawValue), at byte \(error.offset)")
      }
    }
  }
}
