// The bodies that endpoints accept.

import Protocol

/// The declaration of a request's body, for the documentation and the checks.
struct InputDeclaration: Equatable, Sendable {
  struct Content: Equatable, Sendable {
    let type: MediaType
    let schema: Schema
    let example: JSONValue
  }

  /// The accepted media types; empty if there is no body.
  let contents: [Content]
  /// Further accepted types with the content of the first one. They are not documented, because some tools stop at a
  /// media type that they cannot write.
  var furtherTypes: [MediaType] = []
  /// The largest number of bytes that are read; nil if the lane decides by the setting `body_bytes`, which may change.
  let maximumBytes: Int?
  /// The problems that such a body may have.
  let problems: [Problem.Kind]
  /// Whether the body is required. If not, an empty body stands for an object without members.
  var isRequired = true

  var types: [MediaType] { contents.map(\.type) + furtherTypes }

  static let none = InputDeclaration(contents: [], maximumBytes: 16 << 10, problems: [])

  static func json(_ schema: Schema, example: JSONValue) -> InputDeclaration {
    InputDeclaration(
      contents: [Content(type: .json, schema: schema, example: example)], maximumBytes: JSONValueLimits().bytes,
      problems: [.invalidJSON, .validationFailed, .bodyTooLarge, .unsupportedMediaType, .unsupportedContentCoding])
  }

  /// - Parameter format: the name of the text's format. A schema cannot describe the format any further.
  static func text(_ types: [MediaType], format: String, maximumBytes: Int, example: String) -> InputDeclaration {
    InputDeclaration(
      contents: types.prefix(1).map { type in
        Content(type: type, schema: .string(format: format), example: .string(example))
      },
      furtherTypes: Array(types.dropFirst()), maximumBytes: maximumBytes,
      problems: [.validationFailed, .bodyTooLarge, .unsupportedMediaType, .unsupportedContentCoding])
  }

  /// A body, plain or gzip, that the loop reads as it arrives.
  static func stream(_ schema: Schema, example: JSONValue) -> InputDeclaration {
    InputDeclaration(
      contents: [Content(type: .json, schema: schema, example: example)], maximumBytes: nil,
      problems: [
        .invalidJSON, .invalidCompression, .validationFailed, .bodyTooLarge, .unsupportedMediaType,
        .unsupportedContentCoding,
      ])
  }
}

/// The body of a request, or its absence.
protocol RequestInput: Sendable {
  static var declaration: InputDeclaration { get }
  static func read(_ request: AdmittedRequest) throws(Problem) -> Self
}

/// No body. If a client sends one, it is ignored.
struct NoBody: RequestInput {
  static var declaration: InputDeclaration { .none }
  static func read(_ request: AdmittedRequest) throws(Problem) -> NoBody { NoBody() }
}

/// A body that is a text in a format of its own.
protocol TextBody: RequestInput {
  /// The accepted values of Content-Type.
  static var types: [MediaType] { get }
  /// The format's name in the documentation, e.g. `toml`.
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
    // An empty body is refused. A client that forgot its body sends an empty one, too, and it must not erase the stored
    // text.
    if request.body.isEmpty { throw Problem(.validationFailed, "the body is empty") }
    guard let text = String(validating: request.body, as: UTF8.self), !text.utf8.contains(0) else {
      throw Problem(.validationFailed, "the body must be UTF-8 without NUL")
    }
    return try Self(text: text)
  }
}
