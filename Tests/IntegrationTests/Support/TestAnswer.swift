import Protocol

/// A complete answer.
struct TestAnswer: Sendable, CustomStringConvertible {
  let head: HTTPResponseHead
  let body: [UInt8]

  var status: UInt16 { head.status.code }
  var text: String { String(decoding: body, as: UTF8.self) }
  var description: String { "\(status) \(text.prefix(2000))" }

  /// The body as JSON; `.null` if it is not JSON.
  var json: JSONValue {
    let limits = JSONValueLimits(bytes: 64 << 20)
    guard case .success(let value) = Result(catching: { try JSONValue.parse(body.span, limits: limits) })
    else { return .null }
    return value
  }

  /// The slug of a refusal.
  var error: String? { json["error"]?.text }

  /// The reasons why a server is not ready.
  var reasons: [String] { json["reasons"]?.elements.compactMap { $0["reason"]?.text } ?? [] }

  func field(_ name: StaticString) -> String? { head.fields.string(named: name) }
}

extension JSONValue {
  subscript(key: String) -> JSONValue? {
    guard case .object(let object) = self else { return nil }
    return object[key]
  }

  subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  var integer: Int64? {
    guard case .integer(let number) = self else { return nil }
    return number
  }

  var number: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .double(let number): number
    case .null, .bool, .string, .array, .object: nil
    }
  }

  var flag: Bool? {
    guard case .bool(let flag) = self else { return nil }
    return flag
  }

  var elements: [JSONValue] {
    guard case .array(let elements) = self else { return [] }
    return elements
  }
}
