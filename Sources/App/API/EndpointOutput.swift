// The successful answers of endpoints.

import Protocol

/// The declaration of one answer, for the documentation.
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
  /// The answer's representations in the order of preference; empty for an answer without a body.
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
  /// The location of something that was made, or of a running job.
  static let location = AnswerDeclaration.Field(
    name: "Location", schema: .string(format: "uri-reference"), prose: "The URL of the result, or of its progress.")
}

extension HTTPField {
  static func location(_ path: String) -> HTTPField { HTTPField("Location", path) }
}

extension AnswerDeclaration {
  /// The same answer, also in the media types of `other`, e.g. CSV besides JSON.
  func or(_ other: AnswerDeclaration) -> AnswerDeclaration {
    precondition(status == other.status)
    var answer = self
    answer.contents += other.contents
    answer.fields += other.fields
    return answer
  }

  /// The same answer with another status. An answer without a body keeps its status.
  func with(_ status: HTTPStatus) -> AnswerDeclaration {
    var answer = self
    if !contents.isEmpty { answer.status = status }
    return answer
  }
}

/// The result of a handler, with its declaration.
protocol ResponseOutput: Sendable {
  /// The declaration of the answer; nil if the endpoint has to declare it.
  static var declaration: AnswerDeclaration? { get }
  /// - Parameter status: the status that the endpoint declares.
  func response(_ status: HTTPStatus) -> HTTPResponse
  /// The same result as an `EndpointAnswer`, whose body may still be produced.
  func answer(_ status: HTTPStatus) -> EndpointAnswer
}

extension ResponseOutput {
  func answer(_ status: HTTPStatus) -> EndpointAnswer { .complete(response(status)) }
}

/// An answer without content: 204, whatever status the endpoint declares.
struct NoContent: ResponseOutput {
  static var declaration: AnswerDeclaration? { .empty(.noContent) }
  func response(_ status: HTTPStatus) -> HTTPResponse { HTTPResponse(status: .noContent) }
}

/// A response that the handler builds itself, including its status.
extension HTTPResponse: ResponseOutput {
  static var declaration: AnswerDeclaration? { nil }
  func response(_ status: HTTPStatus) -> HTTPResponse { self }
}

/// An answer that the handler builds itself, complete or not, including its status.
extension EndpointAnswer: ResponseOutput {
  static var declaration: AnswerDeclaration? { nil }
  func response(_ status: HTTPStatus) -> HTTPResponse { response }
  func answer(_ status: HTTPStatus) -> EndpointAnswer { self }
}
