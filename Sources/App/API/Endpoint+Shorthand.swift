// The same declaration without `query:` or `body:`. A single initializer with default arguments is not possible: Swift
// does not allow a default from which it would infer a type that the closure also names.

import Protocol

extension Endpoint {
  convenience init<Query: QueryParameters, Output: ResponseOutput>(
    _ method: HTTPMethod, _ path: PathPattern, id: String, tag: Tag, access: Access,
    reach: TokenReach = .fleet, command: CommandRule = .derived, summary: String,
    description: String = "", fields: [RequestField] = [], query: Query.Type,
    returns output: Output.Type, status: HTTPStatus = .ok, answers: [AnswerDeclaration] = [],
    problems: [Problem.Kind] = [], answersFromHead: Bool = false,
    handle: @escaping @Sendable (EndpointRequest<Query, NoBody>, RequestContext) async throws(Problem) -> Output
  ) {
    self.init(
      method, path, id: id, tag: tag, access: access, reach: reach, command: command, summary: summary,
      description: description,
      fields: fields,
      query: query, body: NoBody.self, returns: output, status: status, answers: answers, problems: problems,
      answersFromHead: answersFromHead, handle: handle)
  }

  convenience init<Body: RequestInput, Output: ResponseOutput>(
    _ method: HTTPMethod, _ path: PathPattern, id: String, tag: Tag, access: Access,
    reach: TokenReach = .fleet, command: CommandRule = .derived, summary: String,
    description: String = "", fields: [RequestField] = [], body: Body.Type,
    returns output: Output.Type, status: HTTPStatus = .ok, answers: [AnswerDeclaration] = [],
    problems: [Problem.Kind] = [], answersFromHead: Bool = false,
    handle: @escaping @Sendable (EndpointRequest<NoQuery, Body>, RequestContext) async throws(Problem) -> Output
  ) {
    self.init(
      method, path, id: id, tag: tag, access: access, reach: reach, command: command, summary: summary,
      description: description,
      fields: fields,
      query: NoQuery.self, body: body, returns: output, status: status, answers: answers, problems: problems,
      answersFromHead: answersFromHead, handle: handle)
  }

  convenience init<Output: ResponseOutput>(
    _ method: HTTPMethod, _ path: PathPattern, id: String, tag: Tag, access: Access,
    reach: TokenReach = .fleet, command: CommandRule = .derived, summary: String,
    description: String = "", fields: [RequestField] = [],
    returns output: Output.Type, status: HTTPStatus = .ok, answers: [AnswerDeclaration] = [],
    problems: [Problem.Kind] = [], answersFromHead: Bool = false, isProbe: Bool = false,
    handle: @escaping @Sendable (EndpointRequest<NoQuery, NoBody>, RequestContext) async throws(Problem) -> Output
  ) {
    self.init(
      method, path, id: id, tag: tag, access: access, reach: reach, command: command, summary: summary,
      description: description,
      fields: fields,
      query: NoQuery.self, body: NoBody.self, returns: output, status: status, answers: answers, problems: problems,
      answersFromHead: answersFromHead, isProbe: isProbe, handle: handle)
  }
}
