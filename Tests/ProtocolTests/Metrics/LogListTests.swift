// Tests of lists of log lines. Lines at the beginning of a list that equal the end of the list before it are repeats.

import Testing

@testable import Protocol

@Suite struct LogListTests {
  /// A list of log lines; each message is one letter of `lines`.
  private func list(_ lines: String, second: Int = 4, database: String = "postgres", isLate: Bool = false) -> String {
    let entries = lines.map { #"{"level":"LOG","message":"\#($0)","timestamp":"2024-01-01T00:00:00Z"}"# }
      .joined(separator: ",")
    let time = #""timestamp":"2026-11-22T19:33:0\#(second)Z""#
    let rows = #""database":"\#(database)","entries":[\#(entries)]"#
    return isLate ? "{\(rows),\(time),\"type\":\"pg_log\"}" : "{\"type\":\"pg_log\",\(time),\(rows)}"
  }

  /// The letters of the stored lines of a push.
  private func stored(_ push: DecodedPush) -> String {
    let texts = Dictionary(
      push.rows("texts").compactMap { row in
        ((row["text_id"] ?? nil)?.asInteger).map { ($0, (row["value"] ?? nil)?.asText ?? "") }
      }, uniquingKeysWith: { first, _ in first })
    return push.rows("pg_log").compactMap { row in ((row["message_id"] ?? nil)?.asInteger).flatMap { texts[$0] } }
      .joined()
  }

  private static let rounds: [(lists: [String], stored: String)] = [
    (["abc", "abc"], "abc"), (["abc", "bcd"], "abcd"), (["abc", "cde", "cdef"], "abcdef"),
    (["abc", "abd"], "abcabd"), (["aaa", "aaa"], "aaa"), (["aa", "aaa"], "aaa"), (["baa", "aab"], "baab"),
    (["abc", "", "abc"], "abc"), (["abc", "xyz", "abc"], "abcxyzabc"), (["abc", "ab"], "abcab"),
    (["abab", "ab"], "abab"),
    (["abcabc", "abcabcd"], "abcabcd"), (["a", "a", "a"], "a"),
  ]

  @Test(arguments: rounds.indices, [false, true])
  func `lines at the end of the list before are the same lines`(_ index: Int, isLate: Bool) {
    let (lists, expected) = Self.rounds[index]
    let metrics = lists.enumerated().map { list($1, second: $0 + 1, isLate: isLate) }
    let body = Array(envelope(metrics).utf8)
    let push = decode([body[...]])
    #expect(stored(push) == expected)
    #expect(push.summary.rows == expected.count)
    #expect(push.summary.rowsRepeated == lists.joined().count - expected.count)
    var limits = PushLimits()
    limits.windowBytes = 100
    #expect(decode(body.indices.map { body[$0...$0] }, limits: limits) == push, "however it is cut")
  }

  @Test func `every database has a log list of its own`() {
    let push = decode(
      envelope([
        list("abc"), list("abc", database: "app"), list("bcd", second: 5), list("cd", second: 5, database: "app"),
      ]))
    #expect(stored(push) == "abcabcdd")
  }

  @Test func `lines that differ in an undeclared member are different lines`() {
    let lines = ["1", "2"].map { #"{"level":"LOG","message":"a","pid":\#($0)}"# }
    let metrics = lines.map {
      #"{"type":"pg_log","timestamp":"2026-11-22T19:33:04Z","database":"d","entries":[\#($0)]}"#
    }
    #expect(stored(decode(envelope(metrics))) == "aa")
  }

  @Test func `a rejected list changes nothing`() {
    let rejected = list("xbc").replacing("2026-11-22", with: "1999-01-01")
    #expect(stored(decode(envelope([list("abc"), rejected, list("bcd", second: 5)]))) == "abcd")
  }

  @Test func `the remembered end of a list has a limited number of lines`() {
    var limits = PushLimits()
    limits.logLines = 2
    let body = Array(envelope([list("abcd"), list("cde", second: 5), list("cdef", second: 6)]).utf8)
    #expect(stored(decode([body[...]], limits: limits)) == "abcdecdef")
  }

  private func lists(_ metrics: [String]) -> LogLists {
    var decoder = PushDecoder(catalog: DecodedPush.catalog)
    var known = KnownIDs(capacity: 1000)
    var rows = PushRows(catalog: DecodedPush.catalog)
    _ = decode([Array(envelope(metrics).utf8)[...]], &decoder, &rows, &known)
    return rows.logLists
  }

  @Test func `the end of the list before decides which lines of a first list are stored`() throws {
    let disk = soundMetric
    let before = try #require(lists([list("xab")]).all.first)
    let push = lists([disk, list("aab"), list("abc"), list("zab", database: "app")])
    let ends = [before.database: before.end]
    #expect(push.all.map(\.database).count == 2)
    #expect(push.repeated(after: 0, ends: [:]).isEmpty)
    #expect(push.repeated(after: 0, ends: ends).isEmpty, "it ends with ab, and the list begins with aa")
    let other = lists([disk, list("abb"), list("zab", database: "app")])
    let repeated = other.repeated(after: 1, ends: ends)
    #expect(repeated.map(\.rows) == [2] && repeated.first?.bytes.lowerBound == 0)
    #expect(other.repeated(after: 2, ends: ends).isEmpty, "the list is stored with the first two metrics")
    let app = other.all[1].database
    let both = other.repeated(after: 0, ends: [before.database: before.end, app: other.all[1].end])
    #expect(both.map(\.rows) == [2, 3])
    let length = (both.first?.bytes.count ?? 0) / 2
    #expect(both.last?.bytes == length * 3..<length * 6, "the letters are equally long")
    #expect(both.first?.bytes.isEmpty == false)
  }
}

/// Lists by which a client could make the server work long.
@Suite(.timeLimit(.minutes(2))) struct LogListCostTests {
  @Test func `the overlap is the longest possible, for any lines`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5000 {
      let lines = { (count: Int) in (0..<count).map { _ in UInt64.random(in: 0...1, using: &random) } }
      let (end, list) = (lines(.random(in: 0...9)), lines(.random(in: 0...9)))
      let longest = (0...min(end.count, list.count)).last { Array(end.suffix($0)) == Array(list.prefix($0)) }
      #expect(LogLists.overlap(of: end, and: list) == longest, "\(end) \(list)")
    }
  }

  @Test func `lines that nearly repeat each other cost no more than others`() {
    let same = [UInt64](repeating: 1, count: 100_000)
    #expect(LogLists.overlap(of: same + [2], and: same) == 0)
    #expect(LogLists.overlap(of: same, and: same + [2]) == 100_000)
  }

  @Test func `the list of each of many databases is found at once`() {
    var lists = LogLists()
    for round in 0..<2 {
      for database in UInt64(0)..<50_000 {
        lists.append(database, byteCount: 1, database: database)
        let repeated = lists.endList(metricsBefore: 0, before: PushBoundaries.Extent(), remembered: 10)
        #expect(repeated.rows == round)
      }
    }
    #expect(lists.all.count == 50_000)
  }
}
