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
  /// Bytes that are read at most; nil: the lane knows (`body_bytes`, which may change).
  let maximumBytes: Int?
  /// The problems that follow from having such a body.
  let problems: [Problem.Kind]
  /// Whether a request must have one; else an empty one is an object without members.
  var isRequired = true

  var types: [MediaType] { contents.map(\.type) + furtherTypes }

  static let none = InputDeclaration(contents: [], maximumBytes: 16 << 10, problems: [])

  static func json(_ schema: Schema, example: JSONValue) -> InputDeclaration {
    InputDeclaration(
      contents: [Content(type: .json, schema: schema, example: example)], maximumBytes: JSONValueLimits().bytes,
      problems: [.invalidJSON, .validationFailed, .bodyTooLarge, .unsupportedMediaType, .unsupportedContentCoding])
  }

  /// - Parameter format: the name of what the text must be. A schema can't describe that, so it says no more.
  static func text(_ types: [MediaType], format: String, maximumBytes: Int, example: String) -> InputDeclaration {
    InputDeclaration(
      contents: types.prefix(1).map { type in
        Content(type: type, schema: .string(format: format), example: .string(example))
      },
      furtherTypes: Array(types.dropFirst()), maximumBytes: maximumBytes,
      problems: [.validationFailed, .bodyTooLarge, .unsupportedMediaType, .unsupportedContentCoding])
  }

  /// A body that the loop reads as it arrives, plain or gzip.
  static func stream(_ schema: Schema, example: JSONValue) -> InputDeclaration {
    InputDeclaration(
      contents: [Content(type: .json, schema: schema, example: example)], maximumBytes: nil,
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
  /// For the documentation, e.g. `toml`.
  static var format: String { get }
  static var maximumBytes: Int { get }
  static var example: String { get }
  /// - Throws: usually `.validationFailed`
  init(text: String) throws(Problem)
}

extension TextBody {
  static var declaration: InputDeclaration {
    .text(types, format: format, maximumBytes: maximumBytes, example: example)
  }

  static func read(_ request: AdmittedRequest) throws(Problem) -> Self {
    // A body that was forgotten looks the same, and is not to wipe out what is there.
    if request.body.isEmpty { throw Problem(.validationFailed, "the body is empty") }
    guard let text = String(validating: request.body, as: UTF8.self), !text.utf8.contains(0) else {
      throw Problem(.validationFailed, "the body must be UTF-8 without NUL")
    }
    return try Self(text: text)
  }
}
