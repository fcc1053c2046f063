import Protocol

/// The rules for the names and values of labels.
enum LabelRule {
  /// The most characters of a name. Names are ASCII.
  static let nameLength = 63
  /// The most code points of a value.
  static let valueLength = 255

  /// The rules as a part of a sentence.
  static let sentence = """
    a key has 1 to 63 letters, digits, _, . and - and begins with a letter or _, a value has 1 to 255 characters on one line
    """

  static let namePattern = "^[A-Za-z_][A-Za-z0-9_.-]{0,62}$"
  static let valuePattern = #"^[^\u0000-\u001F\u007F]{1,255}$"#
  /// The pattern of `LabelTerm.text`.
  static let termPattern = #"^[A-Za-z_][A-Za-z0-9_.-]{0,62}=[^\u0000-\u001F\u007F]{0,255}$"#
  static let exampleTerm = "env=production"

  static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= nameLength else { return false }
    return isLetter(first)
      && text.utf8.allSatisfy { byte in
        isLetter(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
      }
  }

  static func isValue(_ text: String) -> Bool {
    let scalars = text.unicodeScalars
    return (1...valueLength).contains(scalars.count) && !scalars.contains { $0.value < 0x20 || $0.value == 0x7F }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
  }
}

extension LabelRule {
  static let valueSentence = "must be a text of 1 to 255 characters on one line"

  /// The schema of an object of labels. - Parameter isNullable: whether a value may be null.
  static func schema(isNullable: Bool) -> Schema {
    var value = Schema.string
    value.count = 1...valueLength
    value.pattern = valuePattern
    value.isNullable = isNullable
    return .map(of: value, names: namePattern)
  }

  /// Reads an object whose names are names of labels. A fault is added to the errors.
  /// - Parameter read: reads the value of the label with the given name; nil after a fault.
  static func read<Value>(
    _ value: JSONValue, _ path: String, _ errors: inout FieldErrors,
    _ read: (String, JSONValue, inout FieldErrors) -> Value?
  ) -> [String: Value]? {
    guard case .object(let object) = value else {
      errors.add(path, "must be an object")
      return nil
    }
    var values: [String: Value] = [:]
    for member in object.members {
      guard isName(member.name) else {
        errors.add(
          path,
          "has the key \(FieldErrors.quoted(member.name)): a key has 1 to 63 letters, digits, _, . and -, and begins with "
            + "a letter or _")
        continue
      }
      if let value = read(member.name, member.value, &errors) { values[member.name] = value }
    }
    return values
  }
}
