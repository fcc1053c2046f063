// Fields to send. Their values may come from data, so each one is checked for bytes that would begin another line.

/// One field line to send.
public struct HTTPField: Sendable, Equatable {
  /// The name, in any case.
  public let name: String
  /// The value, without CR, LF and other control bytes.
  public let value: String

  /// Makes a field without checking it; the encoder checks it.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// A fault of this program in a message to send. Nothing of the message is written.
public enum HTTPEncodingError: Error, Sendable, Equatable {
  /// The name is not a token.
  case invalidFieldName(String)
  /// The value of this field holds CR, LF, NUL or another control byte.
  case invalidFieldValue(name: String)
  /// The encoder writes this field itself, so the caller must not give it.
  case reservedField(name: String)
  /// A server would read another request line: the method is not a token, or the target is empty or has spaces.
  case invalidRequestLine
}

extension HTTPField {
  /// Checks fields before they are written.
  /// - Parameter reserved: names that the encoder writes itself, in lower case.
  static func validate(_ fields: [HTTPField], reserved: [String]) throws(HTTPEncodingError) {
    for field in fields {
      if field.name.isEmpty || !field.name.utf8.allSatisfy(HTTPGrammar.isToken) {
        throw .invalidFieldName(field.name)
      }
      if field.value.utf8.contains(where: HTTPGrammar.isControl) { throw .invalidFieldValue(name: field.name) }
      for name in reserved where isEqual(field.name, lowercase: name) { throw .reservedField(name: field.name) }
    }
  }

  private static func isEqual(_ name: String, lowercase: String) -> Bool {
    name.utf8.count == lowercase.utf8.count
      && zip(name.utf8, lowercase.utf8).allSatisfy { HTTPGrammar.lowered($0) == $1 }
  }
}

extension ByteBuffer {
  mutating func append(_ field: HTTPField) {
    append(utf8: field.name)
    append(": ")
    append(utf8: field.value)
    append("\r\n")
  }
}
