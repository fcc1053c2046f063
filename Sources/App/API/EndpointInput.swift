// What an endpoint takes beside its path and query.

import Protocol

/// What the documentation says of a request's body.
struct InputDeclaration: Equatable, Sendable {
  struct Content: Equatable, Sendable {
    let type: MediaType
    let schema: Schema
    let example: JSONValue
  }

  /// The media types it may come in; empty if there is no body.
  let contents: [Content]
  /// Taken as well, like the first: generic tools of the documentation stop at a media type they cannot write.
  var furtherTypes: [MediaType] = []
  /// Bytes that are read at most.
  let maximumBytes: Int
  /// The problems that follow from having such a body.
  let problems: [Problem.Kind]

  var types: [MediaType] { contents.map(\.type) + furtherTypes }

  static let none = InputDeclaration(contents: [], maximumBytes: 16 << 10, problems: [])

  static func json(_ schema: Schema, example: JSONValue) -> InputDeclaration {
    InputDeclaration(
      contents: [Content(type: .json, schema: schema, example: example)], maximumBytes: JSONValueLimits().bytes,
      problems: [.invalidJSON, .validationFailed, .bodyTooLarge, .unsupportedMediaType, .unsupportedContentCoding])
  }

  static func text(_ types: [MediaType], maximumBytes: Int, example: String) -> InputDeclaration {
    InputDeclaration(
      contents: types.prefix(1).map { Content(type: $0, schema: .string, example: .string(example)) },
      furtherTypes: Array(types.dropFirst()), maximumBytes: maximumBytes,
      problems: [.validationFailed, .bodyTooLarge, .unsupportedMediaType, .unsupportedContentCoding])
  }

  /// A body that the ingest lane reads as it arrives, plain or gzip.
  static func stream(_ schema: Schema, example: JSONValue, maximumBytes: Int) -> InputDeclaration {
    InputDeclaration(
      contents: [Content(type: .json, schema: schema, example: example)], maximumBytes: maximumBytes,
      problems: [
        .invalidJSON, .invalidCompression, .validationFailed, .bodyTooLarge, .unsupportedMediaType,
        .unsupportedContentCoding,
      ])
  }
}

/// A body, or the absence of one.
protocol RequestInput: Sendable {
  static var declaration: InputDeclaration { get }
  static func read(_ request: AdmittedRequest) throws(Problem) -> Self
}

/// No body. One that comes all the same is not looked at.
struct NoBody: RequestInput {
  static var declaration: InputDeclaration { .none }
  static func read(_ request: AdmittedRequest) throws(Problem) -> NoBody { NoBody() }
}

/// Conform for a body that is text in a format of its own.
protocol TextBody: RequestInput {
  /// What Content-Type may say.
  static var types: [MediaType] { get }
  static var maximumBytes: Int { get }
  static var example: String { get }
  /// - Throws: usually `.validationFailed`
  init(text: String) throws(Problem)
}

extension TextBody {
  static var declaration: InputDeclaration { .text(types, maximumBytes: maximumBytes, example: example) }

  static func read(_ request: AdmittedRequest) throws(Problem) -> Self {
    guard let text = String(validating: request.body, as: UTF8.self), !text.utf8.contains(0) else {
      throw Problem(.validationFailed, "the body must be UTF-8 without NUL")
    }
    return try Self(text: text)
  }
}
