// Runs endpoints on Swift's cooperative pool.

import Protocol
import Reactor

/// An admitted request for an endpoint other than the push.
struct EndpointCall {
  let endpoint: Endpoint
  let path: PathParameters
  let caller: Caller

  /// Returns the principal that the endpoint serves. For a person or a program, each request reads the session or the API
  /// token from the database. So a logout, a revocation, a changed role or a deactivated user takes effect at once on
  /// every server, without a notification.
  /// - Throws: `.sessionEnded`, `.tokenRevoked`, `.tokenRefused`, `.insufficientRole`, or a problem that says that the database cannot be asked.
  func principal(_ database: Database) async throws(Problem) -> Principal {
    switch caller {
    case .principal(let principal): return principal
    case .session(let token):
      let principal = Principal.user(try await database.user(of: token))
      try endpoint.access.admit(principal)
      return principal
    case .apiToken(let digest):
      let (user, token) = try await database.user(of: digest)
      try endpoint.access.admit(.user(user))
      try await database.admit(token, to: endpoint.reach, path)
      return .user(user)
    }
  }
}

/// Looks up the principal of a request, see `EndpointCall.principal`.
protocol SessionErrands: Sendable {
  func principal(of call: EndpointCall) async throws(Problem) -> Principal
}

/// A call and all the data that its endpoint needs.
struct EndpointRun: Sendable {
  /// The result of the call.
  struct Outcome: Sendable {
    let answer: EndpointAnswer
    /// The name of the user who made the request; nil for others, or if the session is not valid.
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

  /// Looks up the principal and runs the endpoint's handler.
  func outcome() async -> Outcome {
    var answer: EndpointAnswer
    var user: String?
    do throws(Problem) {
      let principal = try await errands.principal(of: call)
      if case .user(let known) = principal { user = known.logName }
      answer = await call.endpoint.respond(
        to: request,
        RequestContext(
          settings: settings, principal: principal, requestID: requestID, peerAddress: peerAddress,
          peerCertificate: peerCertificate, now: now, departure: departure))
    } catch {
      answer = .refused(error, error.response(requestID: requestID))
    }
    // A request that only reads has no unknown outcome.
    if case .refused(var problem, _) = answer, problem.kind == .outcomeUnknown,
      request.head.method == .get || request.head.method == .head
    {
      problem.kind = .databaseUnavailable
      answer = .refused(problem, problem.response(requestID: requestID))
    }
    return Outcome(answer: answer, user: user)
  }
}
