import Protocol
import Testing

@testable import App

/// The query parameters that select servers, and the rules for names and values of labels.
@Suite struct LabelTermTests {
  private struct Query: QueryParameters {
    let selection: ServerSelection

    init(from query: inout QueryReader) { selection = ServerSelection(from: &query) }
  }

  private func selection(_ query: String) throws -> ServerSelection {
    try Query.decode(try RequestTarget("/fleet\(query)")).selection
  }

  @Test func `a term has a name and a value, or a name for any value`() throws {
    let term = try #require(LabelTerm("env=production"))
    #expect((term.name, term.value) == ("env", "production"))
    let open = try #require(LabelTerm("env="))
    #expect((open.name, open.value) == ("env", nil))
    let signs = try #require(LabelTerm("a.b-c_1=x=y="))
    #expect((signs.name, signs.value) == ("a.b-c_1", "x=y="))
    for text in ["env=production", "env=", "a.b-c_1=x=y=", "e=\u{301}x"] { #expect(LabelTerm(text)?.text == text) }
  }

  @Test(arguments: [
    "", "=", "env", "=production", "1env=a", "-env=a", "en v=a", "env =a", "é=a", "env=a\nb", "env=\u{7F}",
    String(repeating: "n", count: 64) + "=a", "n=" + String(repeating: "v", count: 256),
  ])
  func `a term that breaks a rule is refused`(_ text: String) {
    #expect(LabelTerm(text) == nil)
  }

  @Test func `the longest name and value are permitted`() {
    #expect(LabelTerm(String(repeating: "n", count: 63) + "=" + String(repeating: "é", count: 255)) != nil)
  }

  @Test func `a selection has the servers and labels of the query`() throws {
    #expect(try selection("").isEverything)
    let both = try selection("?server=7&label=env%3Dproduction&server=3&label=team%3D")
    #expect(both.servers == [7, 3])
    #expect(both.labels.map(\.text) == ["env=production", "team="])
    #expect(!both.isEverything)
    #expect(try !selection("?server=7").isEverything)
    #expect(try !selection("?label=a%3D").isEverything)
  }

  @Test(arguments: ["server=0", "server=2147483648", "server=db1", "label=env", "label=%3Da", "label="])
  func `a selection with a wrong value is refused`(_ query: String) {
    #expect(throws: Problem.self) { try selection("?\(query)") }
  }
}
