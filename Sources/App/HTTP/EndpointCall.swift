// A request for an endpoint that is run on Swift's cooperative pool.

import Protocol
import Reactor

/// An admitted request for an endpoint other than the push.
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

/// Looks up who may be served, see `EndpointCall.principal`.
protocol SessionErrands: Sendable {
  func principal(of call: EndpointCall) async throws(Problem) -> Principal
}

/// A call with all that its endpoint is given.
struct EndpointRun: Sendable {
  /// What came of it.
  struct Outcome: Sendable {
    let answer: EndpointAnswer
    /// The name of the person who asked, if it is one and known.
    let user: String?
  }

  let call: EndpointCall
  let request: AdmittedRequest
  let errands: any SessionErrands
  let settings: Settings
  let requestID: String
  let peerAddress: String
  let peerCertificate: Certificate?
  let now: Timestamp
  let departure: Departure

  /// Looks the caller up and runs the endpoint's handler.
  func outcome() async -> Outcome {
    var answer: EndpointAnswer
    var user: String?
    do throws(Problem) {
      let principal = try await errands.principal(of: call)
      if case .user(let known) = principal { user = known.name }
      answer = await call.endpoint.respond(
        to: request,
        RequestContext(
          settings: settings, principal: principal, requestID: requestID, peerAddress: peerAddress,
          peerCertificate: peerCertificate, now: now, departure: departure))
    } catch {
      answer = .refused(error, error.response(requestID: requestID))
    }
    // What only reads has no outcome to be known.
    if case .refused(var problem, _) = answer, problem.kind == .outcomeUnknown,
      request.head.method == .get || request.head.method == .head
    {
      problem.kind = .databaseUnavailable
      answer = .refused(problem, problem.response(requestID: requestID))
    }
    return Outcome(answer: answer, user: user)
  }
}
