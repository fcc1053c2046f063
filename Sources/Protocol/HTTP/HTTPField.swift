// Fields that we send. Their values may come from data, so every one is checked for what would start another line.

/// A field line to send.
public struct HTTPField: Sendable, Equatable {
  public let name: String
  public let value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// Our own fault in a message to send; nothing of the message was written.
public enum HTTPEncodingError: Error, Sendable, Equatable {
  /// Not a token.
  case invalidFieldName(String)
  /// The value holds CR, LF, NUL or another control byte.
  case invalidFieldValue(name: String)
  /// The encoder writes this field itself.
  case reservedField(name: String)
  /// The request line would not be read as it was meant.
  case invalidRequestLine
}

extension HTTPField {
  /// - Parameter reserved: names the encoder writes itself, in lower case.
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
