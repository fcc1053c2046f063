// An endpoint, declared once: the router, the checks of every request and the OpenAPI document are functions of a list of
// these values. A handler is only run for a request that kept the declaration.

import Protocol

/// An object: each request passes several on its way to its own, and a copy would cost a reference a part.
final class Endpoint: Sendable {
  typealias Handler = @Sendable (AdmittedRequest, RequestContext) async throws(Problem) -> EndpointAnswer

  /// Who runs it.
  enum Runner: Sendable {
    /// The cooperative pool, with the whole body in hand.
    case pool(Handler)
    /// The loop, while the body arrives.
    case loop
  }

  /// A request field that means something to the endpoint.
  struct RequestField: Equatable, Sendable {
    let name: String
    let schema: Schema
    let prose: String
  }

  let method: HTTPMethod
  let path: PathPattern
  /// The operation's name, unique: client generators make method names of it.
  let id: String
  let tag: Tag
  let access: Access
  /// One line.
  let summary: String
  /// As long as it takes, in CommonMark.
  let description: String
  let query: [QueryReader.Parameter]
  let requestFields: [RequestField]
  let input: InputDeclaration
  let answers: [AnswerDeclaration]
  /// The media types among `answers`.
  private let offers: [MediaType]
  /// The problems of its own; see `problems` for all.
  let ownProblems: [Problem.Kind]
  /// The handler runs as soon as the head is there and the body is never read: for a client that may not finish it.
  let answersFromHead: Bool
  /// It is asked all the time by programs that watch: the log has it at `debug`.
  let isProbe: Bool
  let runner: Runner

  /// An endpoint that is run on the cooperative pool.
  /// - Parameters:
  ///   - output: what the handler returns; `HTTPResponse` or `EndpointAnswer` if it makes its answers itself, which `answers` then declares.
  ///   - status: of the answer.
  ///   - answers: only beside `HTTPResponse`: other media types, fields, 304.
  ///   - problems: those that do not follow from the rest of the declaration.
  init<Query: QueryParameters, Body: RequestInput, Output: ResponseOutput>(
    _ method: HTTPMethod, _ path: PathPattern, id: String, tag: Tag, access: Access, summary: String,
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
    self.summary = summary
    self.description = description
    self.query = query.parameters
    requestFields = fields
    input = body.declaration
    self.answers = output.declaration.map { [$0.with(status)] } ?? answers
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

  /// An endpoint whose body the loop reads as it arrives.
  init(
    ingest method: HTTPMethod, _ path: PathPattern, id: String, access: Access, summary: String, description: String,
    fields: [RequestField] = [], input: InputDeclaration, answer: AnswerDeclaration, problems: [Problem.Kind] = []
  ) {
    self.method = method
    self.path = path
    self.id = id
    tag = .ingest
    self.access = access
    self.summary = summary
    self.description = description
    query = []
    requestFields = fields
    self.input = input
    answers = [answer]
    offers = answer.contents.map(\.type)
    ownProblems = problems
    answersFromHead = false
    isProbe = false
    runner = .loop
  }
}

extension Endpoint {
  /// All problems it may answer with: its own and those that follow from its declaration. No kind twice, in order.
  var problems: [Problem.Kind] {
    var all: [Problem.Kind] = []
    // NoQuery refuses parameters, too.
    all.append(.invalidQuery)
    all += access.problems + input.problems
    if !path.parameters.isEmpty { all.append(.notFound) }
    if answers.contains(where: { !$0.contents.isEmpty }) { all.append(.notAcceptable) }
    all +=
      ownProblems + [.rateLimited, .internalError, .overloaded, .databaseUnavailable, .outcomeUnknown, .shuttingDown]
    return Problem.Kind.allCases.filter(all.contains)
  }

  /// What can be judged by the head alone: the caller's right (of a person that there is a session to ask for), the body's
  /// media type and declared length, and what the client accepts. To be asked before a body byte is read.
  func admit(_ head: HTTPRequestHead, by caller: Caller) throws(Problem) {
    try access.admit(caller)
    // Handlers on the pool get the query read, once the body is complete.
    if case .loop = runner, head.target.rawQuery != nil { _ = try NoQuery.decode(head.target) }
    if !offers.isEmpty { _ = try head.negotiate(offers) }
    if answersFromHead || head.framing == .none { return }
    if head.framing == .length(0), !input.isRequired { return }
    if case .length(let length) = head.framing, let maximum = input.maximumBytes, length > maximum {
      throw Problem(.bodyTooLarge, "more than \(maximum) bytes")
    }
    switch runner {
    // The coding is seen by the bytes: real collectors label it wrongly.
    case .loop: try head.requireJSON()
    case .pool: if !input.contents.isEmpty { try head.requireBody(input.types) }
    }
  }

  /// Runs the handler; a problem becomes its response. Only for those of the cooperative pool.
  func respond(to request: AdmittedRequest, _ context: RequestContext) async -> EndpointAnswer {
    guard case .pool(let handler) = runner else { preconditionFailure("\(id) is run by the loop") }
    do throws(Problem) {
      return try await handler(request, context)
    } catch {
      return .refused(error, error.response(requestID: context.requestID))
    }
  }
}
