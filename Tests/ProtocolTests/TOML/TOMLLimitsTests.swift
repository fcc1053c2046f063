import Protocol
import Testing

@Suite struct TOMLLimitsTests {
  @Test func `the largest document is accepted, and one byte more is refused`() throws {
    let limits = TOMLLimits(documentBytes: 6)
    _ = try parseTOML("a = 1\n", limits: limits)
    #expect(throws: TOMLError(line: 2, column: 1, reason: .documentTooLarge(limitBytes: 6))) {
      try parseTOML("a = 1\n\n", limits: limits)
    }
  }

  @Test(arguments: [
    ("v = [[[]]]", "v = [[[[]]]]", 8),
    ("v = { a = { b = {} } }", "v = { a = { b = { c = {} } } }", 23),
    ("a.b.c.d = 1", "a.b.c.d.e = 1", 9),
    ("v = { a.b.c = 1 }", "v = { a.b.c.d = 1 }", 11),
    ("[a.b.c]", "[a.b.c.d]", 8),
    ("[a.b.c]\nx = 1", "[a.b.c]\nx = []", 5),
    ("[a]\n[[a.b]]", "[a.b]\n[[a.b.c]]", 7),
    ("[[a]]\nx = []", "[[a]]\nx = [[]]", 6),
    ("[[a]]\n[a.b]", "[[a]]\n[a.b.c]", 6),
    ("v = [{ a = [] }]", "v = [{ a = [{}] }]", 13),
  ])
  func `the depth limit is accepted, and one more is refused`(inside: String, beyond: String, column: Int) throws {
    let limits = TOMLLimits(depth: 3)
    _ = try parseTOML(inside, limits: limits)
    let line = beyond.split(separator: "\n").count
    #expect(throws: TOMLError(line: line, column: column, reason: .tooDeep(limit: 3))) {
      try parseTOML(beyond, limits: limits)
    }
  }

  @Test func `the end of a container gives its depth back`() throws {
    _ = try parseTOML("v = [[], [], {}, []]\nw = { a = {}, b = {} }\n[a.b]\n[c.d]", limits: TOMLLimits(depth: 2))
  }

  @Test(arguments: [
    ("a = 1\nb = 2\nc = 3", "a = 1\nb = 2\nc = 3\nd = 4", 4, 1),
    ("[a]\nb = 1\nc = 2", "[a]\nb = 1\nc = 2\nd = 1", 4, 1),
    ("a.b.c = 1", "a.b.c.d = 1", 1, 7),
    ("[a.b.c]\n[a.b]\n[a]", "[a.b.c]\n[a.b.d]", 2, 6),
    ("v = { a = 1, b = 2 }", "v = { a = 1, b = 2, c = 3 }", 1, 1),
    ("[[a]]\n[[a]]", "[[a]]\n[[a]]\n[[a]]", 3, 3),
  ])
  func `the permitted number of keys is accepted, and one more is refused`(
    inside: String, beyond: String, line: Int, column: Int
  ) throws {
    let limits = TOMLLimits(keys: 3)
    _ = try parseTOML(inside, limits: limits)
    #expect(throws: TOMLError(line: line, column: column, reason: .tooManyKeys(limit: 3))) {
      try parseTOML(beyond, limits: limits)
    }
  }

  @Test func `the default limits refuse what no configuration needs`() throws {
    let limits = TOMLLimits()
    let comment = "#" + String(repeating: "x", count: limits.documentBytes - 1)
    _ = try parseTOML(comment)
    #expect(throws: TOMLError.self) { try parseTOML(comment + "x") }
    let keys = (0..<limits.keys).map { "k\($0) = 1\n" }.joined()
    #expect(try parseTOML(keys).entries.count == limits.keys)
    #expect(throws: TOMLError(line: limits.keys + 1, column: 1, reason: .tooManyKeys(limit: limits.keys))) {
      try parseTOML(keys + "more = 1")
    }
    let brackets = { (depth: Int) in
      "v = " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try parseTOML(brackets(limits.depth))
    #expect(throws: TOMLError(line: 1, column: 5 + limits.depth, reason: .tooDeep(limit: limits.depth))) {
      try parseTOML(brackets(20_000))
    }
  }

  @Test func `200 levels of every kind are read without a stack overflow`() throws {
    let depth = 200
    let limits = TOMLLimits(depth: depth)
    let path = Array(repeating: "a", count: depth).joined(separator: ".")
    _ = try parseTOML("[\(path)]", limits: limits)
    _ = try parseTOML("\(path).b = 1", limits: limits)
    let arrays = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    _ = try parseTOML("v = " + arrays, limits: limits)
    let tables = String(repeating: "{a=", count: depth) + "1" + String(repeating: "}", count: depth)
    _ = try parseTOML("v = " + tables, limits: limits)
  }
}
