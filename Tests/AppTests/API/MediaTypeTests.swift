import Protocol
import Testing

@testable import App

@Suite struct MediaTypeTests {
  @Test(
    arguments: [
      ([], "application/json"),
      (["*/*"], "application/json"),
      (["text/csv"], "text/csv"),
      (["TEXT/CSV"], "text/csv"),
      (["text/*"], "text/csv"),
      (["text/csv;q=0.5, application/json;q=0.4"], "text/csv"),
      (["text/csv;q=0.5, application/json"], "application/json"),
      (["text/csv", "application/json"], "application/json"),
      (["application/json;q=0, */*"], "text/csv"),
      (["application/json;q=0"], nil),
      (["*/*;q=0"], nil),
      (["image/png"], nil),
      (["image/png, text/csv;header=present;q=1"], "text/csv"),
      (["text/csv;q=2"], "application/json"),
      (["nonsense"], "application/json"),
      ([""], "application/json"),
    ] as [([String], String?)])
  func `negotiation chooses the media type that the client prefers`(accept: [String], expected: String?) {
    #expect(MediaType.negotiate([.json, .csv], accept: accept)?.description == expected)
  }

  @Test(arguments: ["", "json", "/", "a/", "/b", "a/b/c", "a b/c", "é/b", "a;b/c"])
  func `a malformed media type is refused`(text: String) {
    #expect(MediaType(text) == nil)
  }

  @Test func `an entity tag is compared with If-None-Match and If-Match`() throws {
    let tag = EntityTag("v7")
    for value in ["\"v7\"", "W/\"v7\"", "\"a\", \"v7\"", "*"] {
      #expect(tag.isKnown(to: try head("GET", "/", ["If-None-Match: \(value)"])))
    }
    for value in ["\"v8\"", "v7", "\"v7"] {
      #expect(!tag.isKnown(to: try head("GET", "/", ["If-None-Match: \(value)"])))
    }
    #expect(!tag.isKnown(to: try head("GET", "/")))
    #expect(tag.isMatched(by: try head("PUT", "/")))
    #expect(tag.isMatched(by: try head("PUT", "/", ["If-Match: \"v6\", \"v7\""])))
    #expect(!tag.isMatched(by: try head("PUT", "/", ["If-Match: W/\"v7\""])))
  }

  @Test func `If-Match compares the decided part of a tag, and If-None-Match compares the whole tag`() throws {
    let tag = EntityTag(decided: "a1", shown: "b2")
    #expect(tag.field.value == "\"a1.b2\"")
    for (value, isMatched, isKnown) in [
      ("\"a1.b2\"", true, true), ("\"a1.b3\"", true, false), ("\"a2.b2\"", false, false), ("\"a1\"", false, false),
      ("W/\"a1.b2\"", false, true), ("\"a12.b2\"", false, false), ("*", true, true),
    ] {
      #expect(tag.isMatched(by: try head("PUT", "/", ["If-Match: \(value)"])) == isMatched, "\(value)")
      #expect(tag.isKnown(to: try head("GET", "/", ["If-None-Match: \(value)"])) == isKnown, "\(value)")
    }
  }
}
