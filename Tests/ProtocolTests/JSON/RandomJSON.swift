/// A random JSON text with the difficult parts of the grammar: escapes, brackets in strings, nesting, spaces.
func randomJSON(depth: Int, using generator: inout SeededGenerator) -> String {
  func space() -> String { ["", "", "", " ", "\n\t"].randomElement(using: &generator) ?? "" }
  func string() -> String {
    let parts = [
      "a", "type", "]", "}", "{[", ":", ",", #"\""#, #"\\"#, #"\\\\\""#, #"\n"#, #"\u0041"#, #"\ud83d\ude00"#, "ü", "漢",
      "a long run of plain text",
    ]
    let count = Int.random(in: 0..<8, using: &generator)
    return "\"" + (0..<count).map { _ in parts.randomElement(using: &generator) ?? "" }.joined() + "\""
  }
  switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
  case 0: return string()
  case 1: return ["0", "-0", "12", "-3.25", "1e5", "2.5E-3", "900"].randomElement(using: &generator) ?? "0"
  case 2: return "true"
  case 3: return "false"
  case 4: return "null"
  case 5: return string()
  case 6, 7:
    let members = (0..<Int.random(in: 0..<5, using: &generator)).map { _ in
      space() + string() + space() + ":" + space() + randomJSON(depth: depth - 1, using: &generator) + space()
    }
    return "{" + (members.isEmpty ? space() : members.joined(separator: ",")) + "}"
  default:
    let elements = (0..<Int.random(in: 0..<5, using: &generator)).map { _ in
      space() + randomJSON(depth: depth - 1, using: &generator) + space()
    }
    return "[" + (elements.isEmpty ? space() : elements.joined(separator: ",")) + "]"
  }
}
