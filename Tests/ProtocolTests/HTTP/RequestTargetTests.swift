import Protocol
import Testing

struct RequestTargetTests {
  @Test(arguments: [
    ("/", [""]), ("/a", ["a"]), ("/a/", ["a", ""]), ("//a", ["", "a"]), ("/a%20b/c", ["a b", "c"]),
    ("/caf%C3%A9", ["caf\u{e9}"]), ("/%25", ["%"]), ("/a+b", ["a+b"]), ("/...", ["..."]),
    ("/.a/a./..a", [".a", "a.", "..a"]),
    ("/a;b=c/@:!$&'()*,=~-_", ["a;b=c", "@:!$&'()*,=~-_"]), ("HTTP://h:1/a%2Eb", ["a.b"]), ("*", []),
  ])
  func `path segments are decoded`(target: String, expected: [String]) throws {
    #expect(try RequestTarget(target).segments == expected)
  }

  @Test(
    arguments: [
      ("/a", []), ("/a?", []), ("/a?b", [("b", "")]), ("/a?b=", [("b", "")]),
      ("/a?b=1&c=2&b=3", [("b", "1"), ("c", "2"), ("b", "3")]),
      ("/a?b=c=d", [("b", "c=d")]), ("/a?b=x+y%2Bz", [("b", "x y+z")]), ("/a?&b=1&&", [("b", "1")]),
      ("/a?%62%3D=%26?/[]{}|", [("b=", "&?/[]{}|")]), ("/a?t=2024-01-01T00:00:00Z", [("t", "2024-01-01T00:00:00Z")]),
    ] as [(String, [(String, String)])])
  func `query items are decoded`(target: String, expected: [(String, String)]) throws {
    #expect(
      try RequestTarget(target).queryItems() == expected.map { RequestTarget.QueryItem(name: $0.0, value: $0.1) })
  }

  @Test(arguments: ["/?a=%", "/?a=%4", "/?%zz=1", "/?a=%00", "/?a%0A=1", "/?a=%FF", "/?=1", "/?a=%C3&b=%A9"])
  func `a query that does not decode is refused`(target: String) throws {
    let target = try RequestTarget(target)
    #expect(throws: HTTPError(.invalidQuery)) { try target.queryItems() }
  }

  @Test(arguments: [("http://h", nil), ("HTTPS://h:1?", ""), ("http://h?a=1", "a=1")] as [(String, String?)])
  func `an absolute form without a path means the root`(text: String, query: String?) throws {
    let target = try RequestTarget(text)
    #expect(target.rawPath.elementsEqual("/".utf8) && target.segments == [""])
    #expect(target.rawQuery.map { String(decoding: $0, as: UTF8.self) } == query)
  }

  @Test func `the raw parts are kept`() throws {
    let target = try RequestTarget("http://h/a%20b?c=%64")
    #expect(target.form == .absolute)
    #expect(target.rawPath.elementsEqual("/a%20b".utf8))
    #expect(target.rawQuery?.elementsEqual("c=%64".utf8) == true)
    #expect(try RequestTarget("/a").rawQuery == nil)
  }
}
