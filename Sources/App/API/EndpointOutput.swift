// What an endpoint answers with when it does not refuse.

import Protocol

/// What the documentation says of one answer.
struct AnswerDeclaration: Equatable, Sendable {
  struct Content: Equatable, Sendable {
    let type: MediaType
    let schema: Schema
    let example: JSONValue
  }

  struct Field: Equatable, Sendable {
    let name: String
    let schema: Schema
    let prose: String
  }

  var status = HTTPStatus.ok
  var prose = ""
  /// In the order of preference; empty for an answer without a body.
  var contents: [Content] = []
  var fields: [Field] = []

  static func json<Body: ResponseBody>(
    _ body: Body.Type, status: HTTPStatus = .ok, prose: String = "", fields: [Field] = []
  ) -> AnswerDeclaration {
    let encoded = ObjectWriter.encode(body.example)
    guard case .success(let example) = Result(catching: { try JSONValue.parse(encoded.span) }) else {
      preconditionFailure("the example of \(body) is larger or deeper than any answer should be")
    }
    return AnswerDeclaration(
      status: status, prose: prose, contents: [Content(type: .json, schema: body.schema, example: example)],
      fields: fields)
  }

  static func text(
    _ type: MediaType = .plainText, example: String, status: HTTPStatus = .ok, prose: String = "", fields: [Field] = []
  ) -> AnswerDeclaration {
    AnswerDeclaration(
      status: status, prose: prose, contents: [Content(type: type, schema: .string, example: .string(example))],
      fields: fields)
  }

  static func empty(_ status: HTTPStatus, prose: String = "", fields: [Field] = []) -> AnswerDeclaration {
    AnswerDeclaration(status: status, prose: prose, fields: fields)
  }
}

extension AnswerDeclaration.Field {
  /// Of an answer that something was made, or is being done.
  static let location = AnswerDeclaration.Field(
    name: "Location", schema: .string(format: "uri-reference"), prose: "Where it is, or how far it is.")
}

extension HTTPField {
  static func location(_ path: String) -> HTTPField { HTTPField("Location", path) }
}

extension AnswerDeclaration {
  /// The same answer, also in the media types of `other`, e.g. CSV beside JSON.
  func or(_ other: AnswerDeclaration) -> AnswerDeclaration {
    precondition(status == other.status)
    var answer = self
    answer.contents += other.contents
    answer.fields += other.fields
    return answer
  }

  /// The same under another status; an answer without a body keeps its own.
  func with(_ status: HTTPStatus) -> AnswerDeclaration {
    var answer = self
    if !contents.isEmpty { answer.status = status }
    return answer
  }
}

/// What a handler returns, with its place in the documentation.
protocol ResponseOutput: Sendable {
  /// Nil for what its endpoint has to declare.
  static var declaration: AnswerDeclaration? { get }
  /// - Parameter status: what the endpoint declares.
  func response(_ status: HTTPStatus) -> HTTPResponse
  /// The same, or a body that is still being made.
  func answer(_ status: HTTPStatus) -> EndpointAnswer
}

extension ResponseOutput {
  func answer(_ status: HTTPStatus) -> EndpointAnswer { .complete(response(status)) }
}

/// Nothing to say: 204, whatever status the endpoint names.
struct NoContent: ResponseOutput {
  static var declaration: AnswerDeclaration? { .empty(.noContent) }
  func response(_ status: HTTPStatus) -> HTTPResponse { HTTPResponse(status: .noContent) }
}

/// A handler's own answer. It says its status itself.
extension HTTPResponse: ResponseOutput {
  static var declaration: AnswerDeclaration? { nil }
  func response(_ status: HTTPStatus) -> HTTPResponse { self }
}

/// A handler's own answer, whole or not. It says its status itself.
extension EndpointAnswer: ResponseOutput {
  static var declaration: AnswerDeclaration? { nil }
  func response(_ status: HTTPStatus) -> HTTPResponse { response }
  func answer(_ status: HTTPStatus) -> EndpointAnswer { self }
}
