// Values of options, from and to JSON.

import Protocol

enum CommandValue {
  /// Reads the text of an option as its schema wants it.
  /// - Returns: nil for a text that the schema does not permit.
  static func json(_ text: String, _ schema: Schema) -> JSONValue? {
    if !schema.values.isEmpty, !schema.values.contains(text) { return nil }
    switch schema.kind {
    case .string: return .string(text)
    case .boolean: return Bool(text).map { .bool($0) }
    case .integer: return Int64(text).map { .integer($0) }
    case .number: return number(text)
    case .any where !schema.alternatives.isEmpty: return .string(text)
    case .any, .array, .object:
      if case .success(let value) = parse(text) { return value }
      return schema.kind == .any ? .string(text) : nil
    }
  }

  private static func number(_ text: String) -> JSONValue? {
    switch parse(text) {
    case .success(.integer(let number)): .integer(number)
    case .success(.double(let number)): .double(number)
    case .success, .failure: nil
    }
  }

  private static func parse(_ text: String) -> Result<JSONValue, JSONValueError> {
    Result { () throws(JSONValueError) in try JSONValue.parse(Array(text.utf8).span) }
  }

  /// A single value as text; nil for lists and objects with entries.
  static func text(_ value: JSONValue) -> String? {
    switch value {
    case .null: ""
    case .bool(let flag): String(flag)
    case .integer(let number): String(number)
    case .double, .array, .object: compact(value)
    case .string(let text): text
    }
  }

  /// The value as JSON on one line.
  static func compact(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    writer.value(value)
    return String(decoding: writer.finish().withUnsafeBytes { Array($0) }, as: UTF8.self)
  }

  /// The value as JSON with one member or element a line.
  static func pretty(_ value: JSONValue, indent: String = "") -> String {
    let inner = indent + "  "
    func block(_ open: String, _ close: String, _ lines: [String]) -> String {
      lines.isEmpty
        ? open + close : open + "\n" + lines.map { inner + $0 }.joined(separator: ",\n") + "\n" + indent + close
    }
    switch value {
    case .array(let elements): return block("[", "]", elements.map { pretty($0, indent: inner) })
    case .object(let object):
      return block(
        "{", "}", object.members.map { "\(compact(.string($0.name))): \(pretty($0.value, indent: inner))" })
    case .null, .bool, .integer, .double, .string: return compact(value)
    }
  }
}
