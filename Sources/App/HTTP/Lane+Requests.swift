// What becomes of a request: from its head to the one who answers it.

import Ground
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
      connection.exchange?.isProbe = found.isProbe
    }
    let caller: Caller
    switch authenticate(head, on: connection, for: endpoint.access) {
    case .refused(let problem, let claimed): throw noted(problem, exchange, on: connection, claimed: claimed)
    case .principal(let principal): caller = .principal(principal)
    case .session(let token):
      caller = .session(token)
      connection.exchange?.user = AuditEvent.user(token.userID)
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
    let (errands, settings) = (context.errands, settings)
    let departure = Departure()
    connection.exchange?.departure = departure
    let handle = handle
    let (log, isRead) = (context.log, exchange.head.method == .get || exchange.head.method == .head)
    Task { () async -> Void in
      var answer: EndpointAnswer
      var user: String?
      do throws(Problem) {
        let principal = try await errands.principal(of: call)
        if case .user(let known) = principal { user = known.name }
        answer = await call.endpoint.respond(
          to: request,
          RequestContext(
            settings: settings, principal: principal, requestID: requestID, peerAddress: address,
            peerCertificate: certificate, now: now, departure: departure))
      } catch {
        answer = .refused(error, error.response(requestID: requestID))
      }
      if case .refused(let problem, _) = answer {
        // What only reads has no outcome to be known.
        if isRead, problem.kind == .outcomeUnknown {
          var problem = problem
          problem.kind = .databaseUnavailable
          answer = .refused(problem, problem.response(requestID: requestID))
        }
        log.failure(problem, requestID)
      }
      let (final, name) = (answer, user)
      let isTaken = handle.submit { lane in
        let exchange = lane.connections[ticket.connection]?.exchange
        if let name, exchange?.number == ticket.exchange { exchange?.user = name }
        if case .refused(let problem, _) = final, exchange?.number == ticket.exchange { exchange?.refusal = problem }
        switch final {
        case .complete(let response), .refused(_, let response):
          lane.connections[ticket.connection]?.complete(ticket.exchange, response)
        case .streamed(let head, let pipe): lane.stream(head, pipe, to: ticket)
        }
      }
      if !isTaken, case .streamed(_, let pipe) = final { pipe.cancel() }
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
    connection.exchange?.refusal = problem
    let requestID = connection.exchange?.requestID ?? ""
    context.log.failure(problem, requestID)
    return problem.response(requestID: requestID)
  }

  /// One line a request of the admin lane, health checks at `debug`; of pushes those that `Lane+PushLog` lets through.
  /// - Parameters:
  ///   - claimed: the collector that the connection is known to be, for a push that was refused before it was anybody's.
  ///   - isBroken: its body was cut off.
  func answered(
    _ exchange: Exchange?, _ response: HTTPResponse, _ peer: SocketAddress, claimed: @autoclosure () -> UUID? = nil,
    isBroken: Bool = false
  ) {
    guard let exchange else { return }
    if exchange.isPush { return logRefusal(of: exchange, peer, claimed: claimed()) }
    var fields: ServerLog.Fields = [
      "request_id": exchange.requestID, "method": exchange.head.method.name,
      "path": String(decoding: exchange.head.target.rawPath, as: UTF8.self), "status": Int(response.status.code),
      "peer": peer.ipString, "ms": exchange.startedAt.duration(to: loop.now).wholeMilliseconds,
    ]
    if let user = exchange.user { fields["user"] = user }
    if let collector = exchange.collector { fields["collector_id"] = collector }
    if let refusal = exchange.refusal {
      fields["reason"] = refusal.kind.slug
      if let details = refusal.details { fields["details"] = details }
    }
    if isBroken { fields["cut_off"] = true }
    if exchange.isProbe { context.log.debug("request", fields) } else { context.log.info("request", fields) }
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
