import Protocol
import Testing

@Suite struct PushRejectTests {
  private static func disk(_ row: String) -> String {
    #"{"filesystems":[{"device":"ok","mount":""},\#(row)],"timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}"#
  }
  static func log(_ members: String) -> String {
    #"{"database":"d","entries":[{\#(members)}],"timestamp":"2026-11-22T19:33:04Z","type":"pg_log"}"#
  }
  static func stats(_ members: String) -> String {
    #"{\#(members),"timestamp":"2026-11-22T19:33:04Z","type":"pg_stats"}"#
  }
  private static func queries(_ row: String) -> String {
    #"{"database":"d","queries":[{"hash":1},\#(row),{"hash":2}],"timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#
  }
  private static func errors(_ row: String) -> String {
    #"{"collection_errors":["a",\#(row),"b"],"timestamp":"2026-11-22T19:33:04Z","type":"pg_replication"}"#
  }
  private static func connections(_ databases: String) -> String {
    #"{"databases":\#(databases),"timestamp":"2026-11-22T19:33:04Z","type":"pg_connections"}"#
  }

  static let cases: [(metric: String, expected: String)] = [
    ("5", " not_an_object "), ("null", " not_an_object "), (#"["type"]"#, " not_an_object "),
    (#""x""#, " not_an_object "),
    ("{}", " missing_type "), (#"{"timestamp":"2026-11-22T19:33:04Z","type":5}"#, " missing_type "),
    (#"{"timestamp":"2026-11-22T19:33:04Z","type":null}"#, " missing_type "),
    (#"{"type":"pg_log"}"#, "pg_log missing_timestamp "),
    (#"{"type":"pg_log","timestamp":""}"#, "pg_log missing_timestamp "),
    (#"{"type":"pg_log","timestamp":null}"#, "pg_log missing_timestamp "),
    (#"{"type":"new"}"#, "new missing_timestamp "),
    (#"{"type":"pg_log","timestamp":5}"#, "pg_log wrong_type timestamp"),
    (#"{"type":"pg_log","timestamp":"yesterday"}"#, "pg_log bad_timestamp "),
    (#"{"type":"new","timestamp":"yesterday"}"#, "new bad_timestamp "),
    (#"{"type":"pg_log","timestamp":"2026-11-20T19:33:04Z"}"#, "pg_log too_old "),
    (#"{"type":"pg_log","timestamp":"-infinity"}"#, "pg_log too_old "),
    (#"{"type":"pg_log","timestamp":"2026-11-24T19:33:04Z"}"#, "pg_log too_new "),
    (#"{"type":"pg_log","timestamp":"infinity"}"#, "pg_log too_new "),
    (#"{"type":"pg_log","type":"pg_log","timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log duplicate_key type"),
    (
      #"{"type":"pg_log","entries":[],"entries":[],"timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log duplicate_key entries"
    ),
    (#"{"type":"pg_log","entries":{},"timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log wrong_type entries"),
    (#"{"type":"pg_log","database":5,"timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log wrong_type database"),
    (#"{"type":"\u0000","timestamp":"2026-11-22T19:33:04Z"}"#, " nul_character "),
    (#"{"type":"\ud800","timestamp":"2026-11-22T19:33:04Z"}"#, " bad_unicode "),
    (connections("5"), "pg_connections wrong_type databases"),
    (
      #"{"type":"pg_log","entries":[{"level":5},7],"timestamp":"yesterday"}"#, "pg_log bad_timestamp "
    ),
  ]

  @Test(arguments: cases.indices)
  func `a metric with unreadable members is rejected, and nothing else`(index: Int) {
    let (metric, expected) = Self.cases[index]
    let neighbour = soundMetric.replacing("vda", with: "vdb")
    let alone = decode(envelope([soundMetric, neighbour]))
    let push = decode(envelope([soundMetric, metric, neighbour]))
    #expect(push.error == nil, "\(metric)")
    #expect(push.codes == ["1 " + expected], "\(metric)")
    #expect(push.summary.rejectedTotal == 1 && push.summary.isPartial)
    #expect(push.summary.rowsRejected == 0 && push.summary.valuesNull == 0 && push.summary.altered.isEmpty)
    #expect(push.summary.metricsReceived == 3 && push.summary.metricsStored == 2)
    #expect(push.tuples == alone.tuples, "the rows, texts and objects of \(metric) stayed")
    #expect(push.pendingIDs == alone.pendingIDs && push.days == alone.days)
    #expect(push.summary.rows == 2)
  }

  /// Metrics in which a row that cannot be stored stands between two valid rows.
  static let rows: [(metric: String, expected: String)] = [
    (disk(#"{"device":"d"}"#), "1 missing_field filesystems[1].mount"),
    (disk(#"{"device":null,"mount":""}"#), "1 missing_field filesystems[1].device"),
    (disk(#"{"device":5,"mount":""}"#), "1 wrong_type filesystems[1].device"),
    (disk(#"{"device":"a","device":"b","mount":""}"#), "1 duplicate_key filesystems[1].device"),
    (disk("5"), "1 wrong_type filesystems[1]"), (disk("null"), "1 wrong_type filesystems[1]"),
    (disk(#"["d"]"#), "1 wrong_type filesystems[1]"), (disk(#""d""#), "1 wrong_type filesystems[1]"),
    (queries(#"{"hash":"7"}"#), "1 wrong_type queries[1].hash"),
    (queries(#"{"hash":9223372036854775808}"#), "1 out_of_range queries[1].hash"),
    (queries(#"{"hash":7,"toplevel":1}"#), "1 wrong_type queries[1].toplevel"),
    (errors("1"), "1 wrong_type collection_errors[1]"),
  ]

  @Test(arguments: rows.indices)
  func `a row that does not name its object is rejected by itself`(index: Int) {
    let (metric, expected) = Self.rows[index]
    let push = decode(envelope([metric]))
    let rejected = push.summary.rejected.map { "\($0.row ?? -1) \($0.code.rawValue) \($0.path)" }
    #expect(rejected == [expected], "\(metric)")
    #expect(push.summary.rowsRejected == 1 && push.summary.rejectedTotal == 0 && push.summary.isPartial)
    #expect(push.summary.metricsStored == 1)
    #expect(push.summary.rows == (metric.contains("filesystems") ? 1 : 2))
    #expect(push.summary.valuesNull == 0 && push.summary.valuesMended == 0, "\(metric)")
    #expect(push.summary.rowsRejectedByCode.values.reduce(0, +) == 1)
  }

  /// Values that are not stored as they were sent, with the expected report.
  static let values: [(metric: String, expected: String)] = [
    (disk(#"{"device":"d","mount":"","free_gb":"1"}"#), "1 wrong_type null filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","free_gb":1.5}"#), "1 wrong_type null filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","free_gb":[]}"#), "1 wrong_type null filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","free_gb":true}"#), "1 wrong_type null filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","free_gb":{"a":[1]}}"#), "1 wrong_type null filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","percent_used":true}"#), "1 wrong_type null filesystems[1].percent_used"),
    (disk(#"{"device":"d","mount":"","percent_used":"NaN"}"#), "1 wrong_type null filesystems[1].percent_used"),
    (
      disk(#"{"device":"d","mount":"","free_gb":9223372036854775808}"#),
      "1 out_of_range null filesystems[1].free_gb"
    ),
    (disk(#"{"device":"d","mount":"","percent_used":1e309}"#), "1 out_of_range null filesystems[1].percent_used"),
    (
      disk(#"{"device":"d","mount":"","free_gb":1,"free_gb":1}"#), "1 duplicate_key null filesystems[1].free_gb"
    ),
    (
      disk(#"{"free_gb":1,"free_gb":1,"free_gb":2,"device":"d","mount":""}"#),
      "1 duplicate_key null filesystems[1].free_gb"
    ),
    (disk(#"{"device":"d","mount":"","new":1e200000}"#), "1 out_of_range null filesystems[1].new"),
    (disk(#"{"device":"d","mount":"","new":["\u0000"]}"#), "1 nul_character mended filesystems[1].new"),
    (disk(#"{"device":"d","mount":"","\ud800":1}"#), "1 bad_unicode mended filesystems[1].\u{FFFD}"),
    (disk(#"{"device":"d\u0000","mount":""}"#), "1 nul_character mended filesystems[1].device"),
    (log(#""level":"\u0000""#), "0 nul_character mended entries[0].level"),
    (log(#""message":"a\udc00""#), "0 bad_unicode mended entries[0].message"),
    (log(#""timestamp":"2026-02-30 00:00:00""#), "0 bad_timestamp null entries[0].timestamp"),
    (log(#""timestamp":"01/02/2026 00:00:00""#), "0 bad_timestamp null entries[0].timestamp"),
    (log(#""timestamp":5"#), "0 wrong_type null entries[0].timestamp"),
    (log(#""level":false"#), "0 wrong_type null entries[0].level"),
    (errors(#""\u0000""#), "1 nul_character mended collection_errors[1]"),
    (stats(#""size_bytes":"x""#), "- wrong_type null size_bytes"),
    (stats(#""size_bytes":1,"size_bytes":1"#), "- duplicate_key null size_bytes"),
    (stats(#""size_bytes":1,"x":"\u0000""#), "- nul_character mended x"),
    (stats(#""size_bytes":1,"\u0000":1"#), "- nul_character mended \u{FFFD}"),
    (stats(#""size_bytes":1,"database":"\u0000""#), "- nul_character mended database"),
    (#"{"type":"new","timestamp":"2026-11-22T19:33:04Z","a":{"\u0000":1}}"#, "- nul_character mended "),
    (#"{"type":"new","timestamp":"2026-11-22T19:33:04Z","a":[1e-20000]}"#, "- out_of_range null "),
    (connections(#"{"a":5}"#), "- wrong_type null databases.a"),
    (connections("[null]"), "- wrong_type null databases[0]"),
    (connections(#"[{"new":1}]"#), "- missing_field null databases[0].new"),
    (connections(#"[{"database":5}]"#), "- wrong_type null databases[0].database"),
    (
      connections(#"{"a":{"connection_stats":{"total_connections":"x"}}}"#),
      "- wrong_type null databases.a.connection_stats.total_connections"
    ),
    (
      connections(#"{"a":{"idle_transactions":[{},{"pid":"x"}]}}"#),
      "1 wrong_type null databases.a.idle_transactions[1].pid"
    ),
  ]

  @Test(arguments: values.indices)
  func `a value that its column cannot hold is lost alone, and is named`(index: Int) {
    let (metric, expected) = Self.values[index]
    let push = decode(envelope([metric]))
    let altered = push.summary.altered.map { value in
      let row = value.row.map { "\($0)" } ?? "-"
      return "\(row) \(value.kind.code.rawValue) \(value.kind.action.rawValue) \(value.path)"
    }
    #expect(altered == [expected], "\(metric)")
    #expect(push.summary.rejected.isEmpty && !push.summary.isPartial && push.summary.metricsStored == 1)
    #expect(push.summary.valuesNull + push.summary.valuesMended == 1)
    #expect(push.summary.alteredByKind.values.reduce(0, +) == 1)
  }

  @Test func `a database without a name loses its own rows only`() {
    let push = decode(
      envelope([
        Self.connections(
          #"[{"database":"a","idle_transactions":[{}]},{"connection_stats":{"total_connections":1},"idle_transactions":[{}]}]"#
        )
      ]))
    let rejected = push.summary.rejected.map { "\($0.row ?? -1) \($0.code.rawValue) \($0.path)" }
    #expect(
      rejected == ["0 missing_field databases[1].idle_transactions[0]", "1 missing_field databases[1]"])
    #expect(push.summary.rows == 1 && push.summary.metricsStored == 1)
  }

  @Test func `every reject code occurs here, in the tests of large metrics or in those of bytes`() {
    let met = Set(
      (Self.cases + Self.rows + Self.values).compactMap {
        $0.expected.split(separator: " ").first { RejectCode(rawValue: String($0)) != nil }
      })
    let elsewhere: Set<Substring> = [
      "metric_too_large", "row_too_large", "value_too_large", "bad_utf8", "string_too_long",
    ]
    #expect(met.union(elsewhere) == Set(RejectCode.allCases.map { Substring($0.rawValue) }))
  }

  @Test func `text that is not UTF-8 is mended in texts, keys, names and unknown values`() {
    for bad in [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
      for metric in [
        Self.log(#""level":"a~""#), Self.log(#""message":"~\n""#), Self.log(#""~":1"#), Self.stats(#""x":["~"]"#),
        Self.stats(#""~":1"#), Self.stats(#""database":"~""#), Self.disk(#"{"device":"~","mount":""}"#),
      ] {
        let body = Array(envelope([metric, soundMetric]).utf8).flatMap { $0 == UInt8(ascii: "~") ? bad : [$0] }
        let push = decode([body[...]])
        #expect(push.summary.rejected.isEmpty)
        #expect(push.summary.altered.map(\.kind) == [.init(.badUTF8, .mended)], "\(metric)")
        for (table, tuples) in push.tuples where table != "disk_usage" {
          for row in push.rows(table) {
            for case let field?? in [row["value"], row["level"], row["extra"], row["payload"]] {
              #expect(String(validating: field, as: UTF8.self) != nil, "\(table) \(tuples.count)")
            }
          }
        }
      }
    }
  }

  @Test(
    arguments: [
      (#"SELECT '\u0000'"#, "SELECT '\u{FFFD}'"), (#"\ud83d"#, "\u{FFFD}"), (#"a\ud83dz\ud83d\ude00"#, "a\u{FFFD}z😀"),
      (#"\ud83d\u0041\n"#, "\u{FFFD}A\n"), (#"\ude00\ud83d"#, "\u{FFFD}\u{FFFD}"), ("caf\u{F8FF}", "caf\u{FFFD}"),
      ("ok", "ok"),
    ])
  func `a text is mended only at its broken characters, and the same way each time`(sent: String, stored: String) {
    // U+F8FF stands for a byte that begins a character which does not end.
    let body = Array(envelope([Self.log(#""level":"\#(sent)""#)]).utf8)
    let bytes = String(decoding: body, as: UTF8.self).split(separator: "\u{F8FF}", omittingEmptySubsequences: false)
      .map { Array($0.utf8) }.joined(separator: [0xC3])
    for _ in 0..<2 {
      let push = decode([Array(bytes)[...]])
      #expect(push.rows("pg_log").map { ($0["level"] ?? nil)?.asText } == [stored])
    }
  }

  @Test func `a text may be as long as the limit, and a longer one is cut off at a character`() {
    var limits = PushLimits()
    limits.stringBytes = 100
    for (text, stored, isCut) in [
      (String(repeating: "x", count: 100), 100, false), (String(repeating: "x", count: 101), 100, true),
      (String(repeating: "x", count: 99) + "é", 99, true), (String(repeating: "x", count: 97) + #"\u0041b"#, 97, true),
      (String(repeating: "x", count: 90) + #"\ud83d\ude00"#, 90, true), (String(repeating: "é", count: 51), 100, true),
    ] {
      for member in [#""level":"\#(text)""#, #""message":"\#(text)""#] {
        let push = decode(envelope([Self.log(member)]), limits: limits)
        #expect(push.summary.altered.map(\.kind) == (isCut ? [.init(.stringTooLong, .mended)] : []))
        let found =
          member.hasPrefix(#""level"#)
          ? push.rows("pg_log").map { ($0["level"] ?? nil)?.count }
          : push.rows("texts").map { ($0["value"] ?? nil)?.count }.filter { $0 != 1 }
        #expect(found == [stored], "\(text)")
      }
    }
    limits.keyBytes = 100
    for (count, isMended) in [(100, false), (101, true)] {
      let key = String(repeating: "x", count: count)
      let push = decode(envelope([Self.log(#""\#(key)":1"#)]), limits: limits)
      #expect(push.summary.valuesMended == (isMended ? 1 : 0) && push.summary.rejected.isEmpty)
      for metric in [Self.stats(#""\#(key)":1"#), Self.connections(#"{"\#(key)":{}}"#)] {
        let codes = decode(envelope([metric]), limits: limits).summary.rejected.map(\.code)
        #expect(codes == (isMended ? [RejectCode.stringTooLong] : []))
      }
    }
  }

  @Test func `one bad value among 99 statements loses no statement`() {
    for bad in [#"{"hash":1000,"text":"SELECT '\u0000'"}"#, #"{"hash":1000,"text":"\ud83d"}"#] {
      let rows = (0..<98).map { #"{"hash":\#($0),"text":"SELECT \#($0)"}"# }
      let list = (rows[..<50] + [bad] + rows[50...]).joined(separator: ",")
      let push = decode(
        envelope([
          #"{"database":"d","queries":[\#(list)],"timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#
        ]))
      #expect(push.summary.rows == 99 && push.summary.valuesMended == 1)
      #expect(push.summary.altered.map(\.path) == ["queries[50].text"])
    }
  }

  @Test(
    arguments: [
      ("17588200675878996039", Int64?.none, "17588200675878996039"), ("9.3e18", nil, "9300000000000000000"),
      ("9223372036854775807", .max, nil), ("9223372036854775808", nil, "9223372036854775808"),
      ("-9223372036854775809", nil, "-9223372036854775809"), ("5860495", 5_860_495, nil), ("5.0", 5, nil),
      ("-3e2", -300, nil), ("12345678901234567890123456789012345678", nil, "12345678901234567890123456789012345678"),
      ("10000000000000000000000000000000000000000", nil, nil), ("5860495.5", nil, nil), (#""5860495""#, nil, nil),
      ("true", nil, nil), ("null", nil, nil), ("0", 0, nil), ("-0.0", 0, nil), ("1e400", nil, nil),
    ] as [(String, Int64?, String?)])
  func `a numeric of any size is read as PostgreSQL prints it`(sent: String, narrow: Int64?, wide: String?) throws {
    let push = decode(envelope([Self.queries(#"{"hash":7,"wal_bytes":\#(sent)}"#)]))
    let row = try #require(push.rows("pg_query_stats").first { ($0["hash"] ?? nil)?.asInteger == 7 })
    #expect((row["wal_bytes"] ?? nil)?.asInteger == narrow)
    #expect((row["wal_bytes_numeric"] ?? nil).map(numericText) == wide)
    #expect(push.summary.valuesNull == (narrow == nil && wide == nil && sent != "null" ? 1 : 0))
    #expect(push.summary.rows == 3)
  }

  /// The text of a binary numeric. The format is documented only in the source of numeric_recv: groups of four digits,
  /// the highest first.
  private func numericText(_ field: [UInt8]) -> String {
    let words = stride(from: 0, to: field.count, by: 2).map { Int(field[$0]) << 8 | Int(field[$0 + 1]) }
    let digits = words[4...].map { word in
      let text = String(word)
      return String(repeating: "0", count: 4 - text.count) + text
    }.joined()
    #expect(words[0] == words.count - 4 && words[1] == words.count - 5 && words[3] == 0)
    return (words[2] == 0x4000 ? "-" : "") + digits.drop { $0 == "0" }
  }

  @Test func `a text of megabytes is cut, wherever its metric is cut`() {
    var limits = PushLimits()
    limits.stringBytes = 100
    for text in [
      String(repeating: "x", count: 5000), String(repeating: #"\u0041"#, count: 500),
      String(repeating: "é", count: 900),
      String(repeating: #"a\ud83d\ude00"#, count: 200), String(repeating: #"\"\\"#, count: 700),
    ] {
      let body = Array(
        envelope([Self.queries(#"{"text":"\#(text)","hash":7,"calls":3,"new":"n"}"#), soundMetric])
          .utf8)
      limits.windowBytes = 1 << 20
      let whole = decode([body[...]], limits: limits)
      #expect(whole.summary.rows == 4 && whole.summary.valuesMended == 1 && whole.summary.rejected.isEmpty)
      limits.windowBytes = 600
      #expect(decode([body[...]], limits: limits) == whole)
      #expect(decode(body.indices.map { body[$0...$0] }, limits: limits) == whole)
    }
  }

  @Test func `a row that is still too large is rejected by itself`() {
    var limits = PushLimits()
    (limits.stringBytes, limits.windowBytes) = (100, 600)
    let many = (0..<400).map { #""k\#($0)":[1,2,3]"# }.joined(separator: ",")
    let body = Array(envelope([Self.queries(#"{"hash":7,\#(many)}"#), soundMetric]).utf8)
    for pieces in [[body[...]], body.indices.map { body[$0...$0] }] {
      let push = decode(pieces, limits: limits)
      #expect(push.summary.rejected.map { "\($0.row ?? -1) \($0.code.rawValue)" } == ["1 row_too_large"])
      #expect(push.summary.rows == 3 && push.summary.rejectedTotal == 0)
    }
  }

  @Test func `a limited number of rejects is described, and the others are counted`() {
    var limits = PushLimits()
    limits.reportedRejects = 3
    let push = decode(envelope(Array(repeating: "5", count: 10) + [soundMetric]), limits: limits)
    #expect(push.summary.rejected.map(\.index) == [0, 1, 2])
    #expect(push.summary.rejectedTotal == 10 && push.summary.metricsStored == 1)
  }

  @Test func `a row that was rejected with its metric may come again`() {
    let bad = soundMetric.replacing("/dev/vda", with: "x").replacing(#""type":"#, with: #""filesystems":5,"type":"#)
    let push = decode(envelope([bad, soundMetric.replacing("/dev/vda", with: "x")]))
    #expect(push.codes == ["0 disk_usage duplicate_key filesystems"])
    #expect(push.summary.rows == 1 && push.summary.rowsRepeated == 0)
    #expect(push.rows("objects").count == 1)
  }

  @Test func `a message names the place`() {
    let push = decode(envelope([Self.disk(#"{"device":5,"mount":""}"#)]))
    #expect(push.summary.rejected.first?.message == "filesystems[1].device: not of the declared type")
  }
}
