import Protocol
import Testing

@Suite struct PushRejectTests {
  private static func disk(_ row: String) -> String {
    #"{"filesystems":[{"device":"ok","mount":""},\#(row)],"timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}"#
  }
  private static func log(_ members: String) -> String {
    #"{"database":"d","entries":[{\#(members)}],"timestamp":"2026-11-22T19:33:04Z","type":"pg_log"}"#
  }
  private static func stats(_ members: String) -> String {
    #"{\#(members),"timestamp":"2026-11-22T19:33:04Z","type":"pg_stats"}"#
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
    (#"{"type":"pg_log","entries":[5],"timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log wrong_type entries[0]"),
    (#"{"type":"pg_log","entries":[{},null],"timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log wrong_type entries[1]"),
    (
      #"{"type":"pg_replication","collection_errors":["a",1],"timestamp":"2026-11-22T19:33:04Z"}"#,
      "pg_replication wrong_type collection_errors[1]"
    ),
    (#"{"type":"pg_log","database":5,"timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log wrong_type database"),
    (#"{"type":"pg_log","database":"\u0000","timestamp":"2026-11-22T19:33:04Z"}"#, "pg_log nul_character "),
    (disk(#"{"device":"d"}"#), "disk_usage missing_field filesystems[1].mount"),
    (disk(#"{"device":null,"mount":""}"#), "disk_usage missing_field filesystems[1].device"),
    (disk(#"{"device":5,"mount":""}"#), "disk_usage wrong_type filesystems[1].device"),
    (disk(#"{"device":"d","mount":"","free_gb":"1"}"#), "disk_usage wrong_type filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","free_gb":1.5}"#), "disk_usage wrong_type filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","free_gb":[]}"#), "disk_usage wrong_type filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","percent_used":true}"#), "disk_usage wrong_type filesystems[1].percent_used"),
    (
      disk(#"{"device":"d","mount":"","free_gb":9223372036854775808}"#),
      "disk_usage out_of_range filesystems[1].free_gb"
    ),
    (disk(#"{"device":"d","mount":"","percent_used":1e309}"#), "disk_usage out_of_range filesystems[1].percent_used"),
    (disk(#"{"device":"d","mount":"","free_gb":1,"free_gb":1}"#), "disk_usage duplicate_key filesystems[1].free_gb"),
    (disk(#"{"device":"d","mount":"","new":1e200000}"#), "disk_usage out_of_range filesystems[1]"),
    (disk(#"{"device":"d","mount":"","new":["\u0000"]}"#), "disk_usage nul_character filesystems[1]"),
    (disk(#"{"device":"d","mount":"","\ud800":1}"#), "disk_usage bad_unicode filesystems[1]"),
    (log(#""level":"\u0000""#), "pg_log nul_character entries[0].level"),
    (log(#""message":"a\udc00""#), "pg_log bad_unicode entries[0].message"),
    (log(#""timestamp":"2026-02-30 00:00:00""#), "pg_log bad_timestamp entries[0].timestamp"),
    (log(#""timestamp":5"#), "pg_log wrong_type entries[0].timestamp"),
    (log(#""level":false"#), "pg_log wrong_type entries[0].level"),
    (stats(#""size_bytes":"x""#), "pg_stats wrong_type size_bytes"),
    (stats(#""x":"\u0000""#), "pg_stats nul_character x"),
    (stats(#""\u0000":1"#), "pg_stats nul_character "),
    (#"{"type":"new","timestamp":"2026-11-22T19:33:04Z","a":{"\u0000":1}}"#, "new nul_character "),
    (#"{"type":"new","timestamp":"2026-11-22T19:33:04Z","a":[1e-20000]}"#, "new out_of_range "),
    (connections("5"), "pg_connections wrong_type databases"),
    (connections("[null]"), "pg_connections wrong_type databases[0]"),
    (connections(#"{"a":5}"#), "pg_connections wrong_type databases.a"),
    (
      connections(#"{"a":{"connection_stats":{"total_connections":"x"}}}"#),
      "pg_connections wrong_type databases.a.connection_stats.total_connections"
    ),
    (
      connections(#"{"a":{"idle_transactions":[{},{"pid":"x"}]}}"#),
      "pg_connections wrong_type databases.a.idle_transactions[1].pid"
    ),
    (
      connections(#"[{"database":"a"},{"connection_stats":{"total_connections":1}}]"#),
      "pg_connections missing_field databases[1]"
    ),
    (connections(#"[{"idle_transactions":[{}]}]"#), "pg_connections missing_field databases[0].idle_transactions[0]"),
    (connections(#"[{"new":1}]"#), "pg_connections missing_field databases[0].new"),
    (connections(#"[{"database":5}]"#), "pg_connections wrong_type databases[0].database"),
  ]

  @Test(arguments: cases.indices)
  func `rejects a metric that cannot be stored, and nothing else`(index: Int) {
    let (metric, expected) = Self.cases[index]
    let neighbour = soundMetric.replacing("vda", with: "vdb")
    let alone = decode(envelope([soundMetric, neighbour]))
    let push = decode(envelope([soundMetric, metric, neighbour]))
    #expect(push.error == nil, "\(metric)")
    #expect(push.codes == ["1 " + expected], "\(metric)")
    #expect(push.summary.rejectedTotal == 1)
    #expect(push.summary.metricsReceived == 3 && push.summary.metricsStored == 2)
    #expect(push.tuples == alone.tuples, "the rows, texts and objects of \(metric) stayed")
    #expect(push.pendingIDs == alone.pendingIDs && push.days == alone.days)
    #expect(push.summary.rows == 2)
  }

  @Test func `every code is met here, in the tests of large metrics or of bytes`() {
    let met = Set(
      Self.cases.map { $0.expected.split(separator: " ").first { RejectCode(rawValue: String($0)) != nil } ?? "" })
    let elsewhere: Set<Substring> = ["metric_too_large", "bad_utf8", "string_too_long"]
    #expect(met.union(elsewhere) == Set(RejectCode.allCases.map { Substring($0.rawValue) }))
  }

  @Test func `rejects bytes that are not UTF-8, in texts, keys and unknown values`() {
    for bad in [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] as [[UInt8]] {
      for metric in [
        Self.log(#""level":"a~""#), Self.log(#""message":"~\n""#), Self.log(#""~":1"#), Self.stats(#""x":["~"]"#),
        Self.stats(#""~":1"#), #"{"type":"~","timestamp":"2026-11-22T19:33:04Z"}"#, Self.stats(#""database":"~""#),
      ] {
        let body = Array(envelope([metric, soundMetric]).utf8).flatMap { $0 == UInt8(ascii: "~") ? bad : [$0] }
        let push = decode([body[...]])
        #expect(push.summary.rejected.map(\.code) == [.badUTF8], "\(metric)")
        #expect(push.summary.rows == 1)
      }
    }
  }

  @Test func `a text may be as long as the limit, and not longer`() {
    var limits = PushLimits()
    limits.stringBytes = 100
    for (count, codes) in [(100, []), (101, [RejectCode.stringTooLong])] {
      let text = String(repeating: "x", count: count)
      for member in [#""level":"\#(text)""#, #""message":"\#(text)""#] {
        #expect(decode(envelope([Self.log(member)]), limits: limits).summary.rejected.map(\.code) == codes)
      }
    }
    limits.keyBytes = 100
    for (count, codes) in [(100, []), (101, [RejectCode.stringTooLong])] {
      let text = String(repeating: "x", count: count)
      for metric in [Self.log(#""\#(text)":1"#), Self.stats(#""\#(text)":1"#), Self.connections(#"{"\#(text)":{}}"#)] {
        #expect(decode(envelope([metric]), limits: limits).summary.rejected.map(\.code) == codes)
      }
    }
  }

  @Test func `describes as many rejects as the limit says, and counts the others`() {
    var limits = PushLimits()
    limits.reportedRejects = 3
    let push = decode(envelope(Array(repeating: "5", count: 10) + [soundMetric]), limits: limits)
    #expect(push.summary.rejected.map(\.index) == [0, 1, 2])
    #expect(push.summary.rejectedTotal == 10 && push.summary.metricsStored == 1)
  }

  @Test func `a row rejected with its metric may come again`() {
    let bad = soundMetric.replacing(#""filesystems":["#, with: #""filesystems":[{"device":"x","mount":""},"#)
      .replacing(#""used_gb":21}"#, with: #""used_gb":"x"}"#)
    let push = decode(envelope([bad, soundMetric.replacing("/dev/vda", with: "x")]))
    #expect(push.codes == ["0 disk_usage wrong_type filesystems[1].used_gb"])
    #expect(push.summary.rows == 1 && push.summary.rowsRepeated == 0)
    #expect(push.rows("objects").count == 1)
  }

  @Test func `messages name the place`() {
    let push = decode(envelope([Self.disk(#"{"device":"d","mount":"","free_gb":"1"}"#)]))
    #expect(push.summary.rejected.first?.message == "filesystems[1].free_gb: not of the declared type")
  }

  // MARK: the push as a whole

  @Test(
    arguments: [
      ("", PushError.Kind.malformed(.unexpectedEnd), 0), ("  ", .malformed(.unexpectedEnd), 2),
      ("[]", .envelope(.notAnObject), 0),
      (" 5", .envelope(.notAnObject), 1), ("x", .malformed(.unexpectedByte), 0),
      ("{}", .envelope(.missingCollectorID), 1),
      (#"{"collector_id":"c"}"#, .envelope(.missingMetrics), 19),
      (#"{"metrics":[]}"#, .envelope(.missingCollectorID), 13),
      (#"{"collector_id":5,"metrics":[]}"#, .envelope(.wrongType), 16),
      (#"{"collector_id":null,"metrics":[]}"#, .envelope(.wrongType), 16),
      (#"{"collector_id":"c","metrics":{}}"#, .envelope(.wrongType), 30),
      (#"{"collector_id":"c","metrics":null}"#, .envelope(.wrongType), 30),
      (#"{"collector_id":"c","metrics_count":"1"}"#, .envelope(.wrongType), 36),
      (#"{"collector_id":"c","metrics_count":1.5}"#, .envelope(.wrongType), 36),
      (#"{"collector_id":"c","hostname":["#, .malformed(.unexpectedEnd), 32),
      (#"{"collector_id":"c","hostname":{}}"#, .envelope(.wrongType), 31),
      (#"{"collector_id":"c","metrics":[],"metrics":[]}"#, .envelope(.duplicateKey), 33),
      (#"{"collector_id":"c","collector_id":"c"}"#, .envelope(.duplicateKey), 20),
      (#"{"collector_id":"\u0000","metrics":[]}"#, .envelope(.badText), 16),
      (#"{"collector_id":"c","metrics":[]}x"#, .malformed(.trailingBytes), 33),
      (#"{"collector_id":"c","metrics":[]} {}"#, .malformed(.trailingBytes), 34),
      (#"{"collector_id":"c","metrics":[}"#, .malformed(.unexpectedByte), 31),
      (#"{"collector_id":"c","metrics":[],}"#, .malformed(.unexpectedByte), 33),
      (#"{"collector_id":"c" "metrics":[]}"#, .malformed(.unexpectedByte), 20),
      (#"{"collector_id" "c"}"#, .malformed(.unexpectedByte), 16),
      (#"{collector_id:1}"#, .malformed(.unexpectedByte), 1),
      (#"{"collector_id":"c\q"}"#, .malformed(.badEscape), 19),
      ("{\"collector_id\":\"c\n\"}", .malformed(.controlCharacter), 18),
      (#"{"x":[1,]}"#, .malformed(.unexpectedByte), 8), (#"{"x":tru}"#, .malformed(.unexpectedByte), 8),
      (#"{"x":01}"#, .malformed(.badNumber), 6), (#"{"x":"\ud8"}"#, .malformed(.badEscape), 10),
      (#"{"collector_id":"c","metrics":[5 6]}"#, .malformed(.unexpectedByte), 33),
    ] as [(String, PushError.Kind, Int)])
  func `refuses a push that is no JSON or no push`(body: String, kind: PushError.Kind, offset: Int) {
    for pieces in splits(of: Array(body.utf8)) {
      let error = decode(pieces.isEmpty ? [[]] : pieces).error
      #expect(error == PushError(kind: kind, offset: offset), "\(body)")
    }
  }

  @Test(
    arguments: [
      (#"{"type":"pg_log","entries":[{"level":"a"]}"#, JSONDefect.unexpectedByte, 40),
      (#"{"type":"pg_log","entries":[{"level":"a}]}"#, .unexpectedEnd, nil),
      (#"{"type":"pg_log","entries":[{"level":tru}]}"#, .unexpectedByte, 40),
      (#"{"type":5,"x":01}"#, .badNumber, 15), (#"{"a":}"#, .unexpectedByte, 5),
      (#"{"type":"pg_log" "a":1}"#, .unexpectedByte, nil),
      ("{\"type\":\"pg_log\",\"entries\":[{\"level\":\"\u{1}\"}]}", .controlCharacter, nil),
    ] as [(String, JSONDefect, Int?)])
  func `broken JSON inside of a metric refuses the push`(metric: String, defect: JSONDefect, at: Int?) {
    let body = envelope([soundMetric, metric])
    let error = decode(body).error
    #expect(error != nil)
    if let at {
      let start = Array(envelope([soundMetric, "~"]).utf8).firstIndex(of: UInt8(ascii: "~")) ?? 0
      #expect(error.map { $0.offset - start } == at, "\(metric)")
      #expect(error?.kind == .malformed(defect))
    }
    let bytes = Array(body.utf8)
    #expect(decode(bytes.indices.map { bytes[$0...$0] }).error == error)
  }

  @Test func `refuses a push at every byte that it may be cut off`() {
    let body = Array(
      envelope([soundMetric, "[1]", #"{"type":"new","timestamp":"2026-11-22T19:33:04Z","x":["\n",-1.5e1]}"#]).utf8)
    #expect(decode([body[...]]).error == nil)
    for end in 0..<body.count {
      #expect(decode([body[..<end]]).error == PushError(kind: .malformed(.unexpectedEnd), offset: end))
    }
  }

  @Test func `nests as deep as the limit, and not deeper`() {
    var limits = PushLimits()
    limits.depth = 10
    // The body, `metrics`, the metric, and in `tables` the array and the row are open around a value.
    for (place, around) in [("x", 1), ("metric", 3), ("row", 5)] {
      for (levels, isRefused) in [(10 - around, false), (11 - around, true)] {
        let value = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        let body =
          switch place {
          case "x": #"{"collector_id":"c","x":\#(value),"metrics":[]}"#
          case "metric": envelope([Self.stats(#""x":\#(value)"#)])
          default: envelope([Self.log(#""x":\#(value)"#)])
          }
        let error = decode(body, limits: limits).error
        #expect((error?.kind == .malformed(.tooDeep)) == isRefused, "\(place) \(levels)")
        #expect((error == nil) == !isRefused)
      }
    }
  }

  @Test func `refuses a push whose rows are too many`() {
    var limits = PushLimits()
    let rows = (0..<100).map { #"{"pid":\#($0)}"# }.joined(separator: ",")
    let body = envelope([
      #"{"databases":{"a":{"active_locks":[\#(rows)]}},"timestamp":"2026-11-22T19:33:04Z","type":"pg_locks"}"#
    ])
    #expect(decode(body, limits: limits).error == nil)
    limits.encodedBytes = 5000
    #expect(decode(body, limits: limits).error?.kind == .envelope(.tooManyRows))
  }
}
