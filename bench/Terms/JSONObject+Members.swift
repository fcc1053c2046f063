internal import Protocol

extension JSONObject {
  func integer(_ name: String) -> Int? {
    guard case .integer(let number)? = self[name] else { return nil }
    return Int(number)
  }

  func string(_ name: String) -> String? {
    guard case .string(let text)? = self[name] else { return nil }
    return text
  }
}
