// An endpoint, declared once. The router, the checks of every request and the OpenAPI document derive from a list of
// these values. A handler only runs for a request that fulfils the declaration.

import Protocol

/// A declared endpoint. It is a class, because each request passes several endpoints in the router, and a copy would
/// cost reference counting for each member.
final class Endpoint: Sendable {
  typealias Handler = @Sendable (AdmittedRequest, RequestContext) async throws(Problem) -> EndpointAnswer

  /// What runs the endpoint.
  enum Runner: Sendable {
    /// The cooperative pool, once the whole body is in memory.
    case pool(Handler)
    /// The loop, while the body arrives.
    case loop
  }

  /// A header field that the endpoint evaluates.
  struct RequestField: Equatable, Sendable {
    let name: String
    let schema: Schema
    let prose: String
  }

  let method: HTTPMethod
  let path: PathPattern
  /// The operation's unique name. Client generators make method names of it.
  let id: String
  let tag: Tag
  let access: Access
  let reach: TokenReach
  /// The command that sends the endpoint's request; nil if the command line does not have one.
  let command: CommandName?
  /// One line for the documentation.
  let summary: String
  /// A text of any length in CommonMark.
  let description: String
  let query: [QueryReader.Parameter]
  let requestFields: [RequestField]
  let input: InputDeclaration
  let answers: [AnswerDeclaration]
  /// The media types of `answers`.
  private let offers: [MediaType]
  /// The problems that only this endpoint has; `problems` has all.
  let ownProblems: [Problem.Kind]
  /// If true, the handler runs once the head is complete, and the body is never read. This is for clients that may
  /// never finish their body.
  let answersFromHead: Bool
  /// If true, monitoring programs call the endpoint often, and the log mentions its requests only at level `debug`.
  let isProbe: Bool
  let runner: Runner

  /// An endpoint that is run on the cooperative pool.
  /// - Parameters:
  ///   - command: the name of the command, if it differs from the one that the rule of `CommandName` derives.
  ///   - output: the type that the handler returns. For `HTTPResponse` and `EndpointAnswer`, which the handler builds
  ///     itself, `answers` declares the answers.
  ///   - status: the status of the answer.
  ///   - answers: only with `HTTPResponse` or `EndpointAnswer`: media types, header fields, 304.
  ///   - problems: the problems that do not follow from the rest of the declaration.
  init<Query: QueryParameters, Body: RequestInput, Output: ResponseOutput>(
    _ method: HTTPMethod, _ path: PathPattern, id: String, tag: Tag, access: Access,
    reach: TokenReach = .fleet, command: CommandRule = .derived, summary: String,
    description: String = "", fields: [RequestField] = [], query: Query.Type, body: Body.Type,
    returns output: Output.Type, status: HTTPStatus = .ok, answers: [AnswerDeclaration] = [],
    problems: [Problem.Kind] = [], answersFromHead: Bool = false, isProbe: Bool = false,
    handle: @escaping @Sendable (EndpointRequest<Query, Body>, RequestContext) async throws(Problem) -> Output
  ) {
    precondition(!answersFromHead || body.declaration == .none, "\(id): a body that is not read cannot be declared")
    precondition(
      answers.isEmpty == (output.declaration != nil), "\(id): either the output or `answers` declares answers")
    precondition(Set(answers.map(\.status)).count == answers.count, "\(id): one answer a status, with all its contents")
    self.method = method
    self.path = path
    self.id = id
    self.tag = tag
    self.access = access
    self.reach = reach
    self.summary = summary
    self.description = description
    self.query = query.parameters
    requestFields = fields
    input = body.declaration
    self.answers = output.declaration.map { [$0.with(status)] } ?? answers
    self.command = CommandName(command, method, path, access, isList: self.answers.haveRows)
    offers = self.answers.flatMap(\.contents).map(\.type)
    ownProblems = problems
    self.answersFromHead = answersFromHead
    self.isProbe = isProbe
    runner = .pool { request, context async throws(Problem) -> EndpointAnswer in
      let query = try Query.decode(request.head.target)
      let body = try Body.read(request)
      let typed = EndpointRequest(head: request.head, path: request.path, query: query, body: body)
      return try await handle(typed, context).answer(status)
    }
  }

  /// Declares an endpoint whose body the loop reads as it arrives.
  init(
    ingest method: HTTPMethod, _ path: PathPattern, id: String, access: Access, summary: String, description: String,
    fields: [RequestField] = [], input: InputDeclaration, answer: AnswerDeclaration, problems: [Problem.Kind] = []
  ) {
    self.method = method
    self.path = path
    self.id = id
    tag = .ingest
    self.access = access
    reach = .fleet
    self.summary = summary
    self.description = description
    query = []
    requestFields = fields
    self.input = input
    answers = [answer]
    command = CommandName(.derived, method, path, access, isList: false)
    offers = answer.contents.map(\.type)
    ownProblems = problems
    answersFromHead = false
    isProbe = false
    runner = .loop
  }
}

extension Endpoint {
  /// All problems that the endpoint may answer with: its own problems, and those that follow from its declaration. Each
  /// kind occurs once, in the order in which `Problem.Kind` declares them.
  var problems: [Problem.Kind] {
    var all: [Problem.Kind] = []
    // NoQuery also rejects parameters, and each target has a limit.
    all += [.invalidQuery, .targetTooLong]
    all += access.problems + input.problems
    if !path.parameters.isEmpty { all.append(.notFound) }
    if answers.contains(where: { !$0.contents.isEmpty }) { all.append(.notAcceptable) }
    all +=
      ownProblems + [.rateLimited, .internalError, .overloaded, .databaseUnavailable, .outcomeUnknown, .shuttingDown]
    return Problem.Kind.allCases.filter(all.contains)
  }

  /// Checks what the head alone tells, before any byte of the body is read: the caller's right, the body's media type
  /// and declared length, and the media types that the client accepts. Of a user it checks only that the token names a
  /// session, because the session is looked up later.
  func admit(_ head: HTTPRequestHead, by caller: Caller) throws(Problem) {
    try access.admit(caller)
    // For handlers on the pool the query is decoded once the body is complete.
    if case .loop = runner, head.target.rawQuery != nil { _ = try NoQuery.decode(head.target) }
    if !offers.isEmpty { _ = try head.negotiate(offers) }
    if answersFromHead || head.framing == .none { return }
    if head.framing == .length(0), !input.isRequired { return }
    if case .length(let length) = head.framing, let maximum = input.maximumBytes, length > maximum {
      throw Problem(.bodyTooLarge, "more than \(maximum) bytes")
    }
    switch runner {
    // The bytes decide about gzip, because real collectors label it wrongly.
    case .loop: try head.requireJSON()
    case .pool: if !input.contents.isEmpty { try head.requireBody(input.types) }
    }
  }

  /// Runs the handler and turns a problem into a response. Only for endpoints that run on the cooperative pool.
  func respond(to request: AdmittedRequest, _ context: RequestContext) async -> EndpointAnswer {
    guard case .pool(let handler) = runner else { preconditionFailure("\(id) is run by the loop") }
    do throws(Problem) {
      return try await handler(request, context)
    } catch {
      return .refused(error, error.response(requestID: context.requestID))
    }
  }
}
