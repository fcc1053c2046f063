import Protocol
import Testing

@testable import App

private func decode(_ query: String) throws -> ThingQuery {
  try ThingQuery.decode(try RequestTarget("/x?\(query)"))
}

private func details(_ query: String) throws -> String? {
  let target = try RequestTarget("/x?\(query)")
  do throws(Problem) {
    _ = try ThingQuery.decode(target)
    return nil
  } catch {
    return error.kind == .invalidQuery ? error.details : "not invalid_query but \(error)"
  }
}

@Suite struct QueryReaderTests {
  @Test func `an empty query decodes to the defaults`() throws {
    let query = try ThingQuery.decode(try RequestTarget("/x"))
    #expect(query.selection.page == 1 && query.selection.size == 20 && query.selection.offset == 0)
    #expect(query.colour == nil && query.since == nil && query.window == .seconds(300) && query.names == [])
  }

  @Test func `every kind of parameter is decoded`() throws {
    let query = try decode(
      "page=3&page_size=7&colour=green&since=2026-01-31T12:00:00.5%2B02:00&window=24h&name=a&name=b+c")
    #expect(query.selection.offset == 14 && query.colour == .green && query.window == .seconds(86_400))
    #expect(query.since?.rfc3339 == "2026-01-31T10:00:00.500000Z" && query.names == ["a", "b c"])
  }

  @Test(arguments: [
    ("page=0", "page must be a whole number from 1 to 1000000"),
    ("page=%2B1", "page must be a whole number from 1 to 1000000"),
    ("page=1.0", "page must be a whole number from 1 to 1000000"),
    ("page=99999999999999999999", "page must be a whole number from 1 to 1000000"),
    ("page=", "page must be a whole number from 1 to 1000000"),
    ("page_size=101", "page_size must be a whole number from 1 to 100"),
    ("page=1&page=1", "page must not be repeated"),
    ("colour=Red", "colour must be one of red, green"),
    ("window=25h", "window must be a duration from 1s to 1d: a number with the unit s, m, h, d or w"),
    ("window=-1h", "window must be a duration from 1s to 1d: a number with the unit s, m, h, d or w"),
    ("name=a&name=b&name=c&name=d", "name must occur 0 to 3 times"),
    ("since=yesterday", "since must be an RFC 3339 time such as 2026-01-31T12:00:00Z (in a query, + is written %2B)"),
    ("Page=1&Page=2", "there is no parameter \"Page\""),
    (
      "page=0&x=1&y=2",
      "page must be a whole number from 1 to 1000000; there is no parameter \"x\"; there is no parameter \"y\""
    ),
    ("page=100", "page needs a colour from 100 on"),
    ("a=%zz", "invalid_query"),
  ])
  func `a refusal names the wrong parameter and its fault`(query: String, fault: String) throws {
    #expect(try details(query) == fault)
  }

  @Test func `a query type describes the parameters that it decodes`() {
    #expect(ThingQuery.parameters.map(\.name) == ["page", "page_size", "colour", "since", "window", "name"])
    #expect(ThingQuery.parameters.allSatisfy { !$0.isRequired })
    #expect(ThingQuery.parameters[1].schema.defaultValue == 20)
  }

  @Test func `a required parameter must be present and valid`() throws {
    struct Needy: QueryParameters {
      let number: Double
      init(from query: inout QueryReader) { number = query.required("n", .number(-1...1)) }
    }
    #expect(Needy.parameters.map(\.isRequired) == [true])
    #expect(throws: Problem(.invalidQuery, "n is missing")) { try Needy.decode(try RequestTarget("/x")) }
    #expect(try Needy.decode(try RequestTarget("/x?n=-5e-1")).number == -0.5)
    for text in ["nan", "inf", "0x1", "1_0", "2", ".5", "true"] {
      #expect(throws: Problem.self) { try Needy.decode(try RequestTarget("/x?n=\(text)")) }
    }
  }
}
