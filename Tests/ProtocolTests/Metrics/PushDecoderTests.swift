import GeneratedPushes
import Protocol
import Testing

@Suite struct PushDecoderTests {
  static func body(tables: Int, queries: Int, activity: Int = 3, rounds: Int = 1, seed: UInt64 = 11) -> [UInt8] {
    var shape = PushGenerator.Shape()
    shape.tables = tables
    shape.queries = queries
    shape.logLines = queries
    shape.activity = activity
    let body = PushGenerator(seed: seed, shape: shape)
      .body(collectorID: "c1", hostname: "db-host-01", unixSeconds: pushTime, rounds: rounds)
    return body.withUnsafeBytes { Array($0) }
  }

  @Test func `every declared type gives the rows of its declaration`() throws {
    let body = Self.body(tables: 6, queries: 9)
    let push = decode([body[...]])
    #expect(push.error == nil && push.summary.rejected.isEmpty)
    #expect(push.summary.metricsReceived == push.summary.metricsStored)
    #expect(push.summary.metricsReceived == MetricCatalog.types.count + 3)
    let expected = try expectedRows(body)
    var total = 0
    for table in MetricCatalog.tables {
      let all = try #require(expected[table.name], "\(table.name) is not generated")
      #expect(push.readableRows(table) == all, "\(table.name)")
      total += all.count
    }
    #expect(push.summary.rows == total)
    #expect(push.rows(MetricCatalog.catchAllTable).isEmpty)
    #expect(push.days == [9822])
  }

  @Test func `the envelope is read`() {
    let push = decode(envelope([soundMetric]))
    #expect(push.summary.collectorID == "c1")
    #expect(push.summary.hostname == "h")
    #expect(push.summary.version == "3.0.0")
    #expect(push.summary.timestamp == "2026-11-22T19:33:07Z")
  }

  @Test func `an envelope may come in any order, with unknown keys and white space`() {
    let text = """
       {  "metrics" : [ \(soundMetric) , \(soundMetric.replacing("vda", with: "vdb")) ] , "later" : {"a":[1,2,{"b":"]"}]},
      "ver\\u0073ion":null, "collector_id" : "c\\u0031" }
      """
    let push = decode(text)
    #expect(push.error == nil)
    #expect(push.summary.collectorID == "c1" && push.summary.version == nil)
    #expect(push.rows("disk_usage").count == 2)
  }

  @Test func `keys of metrics and rows may come in any order, as escapes and with spaces`() throws {
    let metric =
      #"{"database":"app","tables":[{"schema":"s","name":"t","live_tuples":1,"last_vacuum":"","dead_tuples":null}],"#
      + #""size_bytes":5,"timestamp":"2026-11-22T19:33:04Z","type":"pg_stats"}"#
    let other =
      #"{ "type" : "pg_stats" , "timestamp":"2026-11-22T19:33:04Z", "size_bytes" : 5.0 , "tables" : [ {"dead_tuples": null ,"#
      + #" "l\u0069ve_tuples" : 1 , "last_vacuum": "", "n\u0061me":"\u0074" , "schema":"s"} ] , "datab\u0061se":"app" }"#
    let first = decode(envelope([metric]))
    let second = decode(envelope([other]))
    #expect(first.summary.rejected.isEmpty && first.summary.rows == 2)
    #expect(first.tuples == second.tuples)
  }

  @Test func `keys in every rotation give the same row`() {
    let members = [
      #""device":"d""#, #""mount":"/""#, #""free_gb":1"#, #""percent_used":2.5"#, #""total_gb":3"#, #""used_gb":4"#,
      #""new":[1]"#,
    ]
    var results: Set<[UInt8]> = []
    for turn in members.indices {
      let row = (members[turn...] + members[..<turn]).joined(separator: ",")
      let push = decode(
        envelope([#"{"filesystems":[{\#(row)}],"timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}"#]))
      results.insert(push.tuples["disk_usage"] ?? [])
    }
    #expect(results.count == 1 && results.first?.isEmpty == false)
  }

  @Test func `a metric with a databases array has many databases`() {
    let array =
      #"{"databases":[{"database":"a","queries":[{"hash":1}]},{"queries":[{"hash":1}],"database":"b"}],"#
      + #""timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#
    let push = decode(envelope([array]))
    #expect(push.summary.rejected.isEmpty)
    let databases = push.rows("pg_query_stats").map { ($0["database_id"] ?? nil)?.asInteger }
    let texts = push.rows("texts").map { (($0["text_id"] ?? nil)?.asInteger, ($0["value"] ?? nil)?.asText) }
    #expect(databases == texts.map(\.0))
    #expect(texts.map(\.1) == ["a", "b"])
  }

  @Test func `a metric without a database has rows without one`() {
    let push = decode(
      envelope([#"{"queries":[{"hash":1}],"timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#]))
    #expect(push.rows("pg_query_stats").map { ($0["database_id"] ?? nil) == nil } == [true])
  }

  @Test func `null and an absent array give no rows, and an absent scalar gives no header row`() {
    let push = decode(
      envelope([
        #"{"database":"a","tables":null,"timestamp":"2026-11-22T19:33:04Z","type":"pg_stats"}"#,
        #"{"databases":null,"timestamp":"2026-11-22T19:33:04Z","type":"pg_locks"}"#,
        #"{"databases":{"a":null},"timestamp":"2026-11-22T19:33:04Z","type":"pg_locks"}"#,
        #"{"cpu":null,"memory":{},"timestamp":"2026-11-22T19:33:04Z","type":"sysstat"}"#,
        #"{"cpu":{"idle":null},"timestamp":"2026-11-22T19:33:04Z","type":"sysstat"}"#,
      ]))
    #expect(push.summary.rejected.isEmpty && push.summary.metricsStored == 5)
    #expect(push.summary.rows == 1)
    #expect(push.rows("sysstat").count == 1)
  }

  // MARK: undeclared keys and types

  @Test func `the unknown keys of a row are kept`() {
    let row = #"{"device":"d","mount":"","new" : {"a":[1,"x"]},"free_gb":1, "ü":null}"#
    let push = decode(
      envelope([#"{"filesystems":[\#(row)],"timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}"#]))
    #expect(
      push.rows("disk_usage").map { ($0["extra"] ?? nil)?.asText } == ["\u{1}" + #"{"new" : {"a":[1,"x"]},"ü":null}"#])
  }

  @Test func `the unknown keys of a metric, its nested objects and its databases are kept`() {
    let metric =
      #"{"x":1,"databases":{"b\u0061":{"y":[2],"connection_stats":{"z":"3","total_connections":4}},"other":{},"#
      + #""third":{"database":"key"}},"timestamp":"2026-11-22T19:33:04Z","type":"pg_connections","v":{}}"#
    let push = decode(envelope([metric]))
    #expect(push.summary.rejected.isEmpty)
    let rows = push.rows(MetricCatalog.catchAllTable)
    #expect(rows.map { ($0["metric_type"] ?? nil)?.asText } == ["pg_connections"])
    #expect(
      rows.map { ($0["payload"] ?? nil)?.asText } == [
        "\u{1}"
          + #"{"x":1,"databases":{"b\u0061":{"y":[2],"connection_stats":{"z":"3"}},"third":{"database":"key"}},"v":{}}"#
      ])
  }

  @Test func `a metric of an unknown type is kept`() {
    let metric = #"{"type":"pg_n\u0065w","timestamp":"2026-11-22T19:33:04Z","a":[{"b":-1.5e3}]}"#
    let push = decode(envelope([metric, soundMetric]))
    #expect(push.summary.rejected.isEmpty && push.summary.rows == 2)
    let rows = push.rows(MetricCatalog.catchAllTable)
    #expect(rows.map { ($0["metric_type"] ?? nil)?.asText } == ["pg_new"])
    #expect(rows.map { ($0["payload"] ?? nil)?.asText } == ["\u{1}" + metric])
    #expect(rows.map { ($0["time"] ?? nil)?.asInteger } == [848_691_184_000_000])
  }

  // MARK: repeats and dimensions

  @Test func `a repeated row is stored once, and the repeats are counted`() {
    func entry(_ level: String, _ message: String) -> String {
      #"{"timestamp":"2024-01-01 00:00:00","level":"\#(level)","message":"\#(message)"}"#
    }
    func log(_ second: Int, _ entries: [String]) -> String {
      #"{"database":"d","entries":[\#(entries.joined(separator: ","))],"timestamp":"2026-11-22T19:33:0\#(second)Z","type":"pg_log"}"#
    }
    let push = decode(
      envelope([
        log(4, [entry("LOG", "a"), entry("LOG", "b"), entry("LOG", "a"), entry("ERROR", "a")]),
        log(4, [entry("LOG", "b")]), log(5, [entry("LOG", "b")]),
      ]))
    // Each line of a list is a row. The line in a later list of the same second is a repeat.
    #expect(push.summary.rows == 5 && push.summary.rowsRepeated == 1)
    #expect(push.rows("pg_log").count == 5)
  }

  @Test func `a text or object is named once, and not at all if it is known`() {
    let body = Self.body(tables: 3, queries: 3, rounds: 2)
    let first = decode([body[...]])
    #expect(first.pendingIDs.count == first.rows("texts").count + first.rows("objects").count)
    #expect(Set(first.pendingIDs).count == first.pendingIDs.count)
    let second = decode([body[...]], known: first.pendingIDs)
    #expect(second.rows("texts").isEmpty && second.rows("objects").isEmpty && second.pendingIDs.isEmpty)
    for table in MetricCatalog.tables { #expect(second.tuples[table.name] == first.tuples[table.name]) }
  }

  @Test func `the known ids of two servers are separate`() {
    let body = Array(envelope([soundMetric]).utf8)
    var decoder = PushDecoder(catalog: DecodedPush.catalog)
    var rows = PushRows(catalog: DecodedPush.catalog)
    var known = KnownIDs(capacity: 100)
    let first = decode([body[...]], &decoder, &rows, &known)
    for id in first.pendingIDs { known.insert(id) }
    rows.reset()
    decoder.begin(serverID: 8, timeWindow: pushWindow)
    do throws(PushError) {
      _ = try decoder.consume(body.span, isLast: true, rows: &rows, known: &known)
    } catch { Issue.record("\(error)") }
    let objects = rows.rowCount(of: DecodedPush.catalog.objectsTarget)
    #expect(objects == 1)
  }

  @Test func `parts of an object's key stay separate`() {
    func row(_ device: String, _ mount: String) -> String { #"{"device":"\#(device)","mount":"\#(mount)"}"# }
    let push = decode(
      envelope([
        #"{"filesystems":[\#(row("ab", "c")),\#(row("a", "bc")),\#(row("abc", ""))],"timestamp":"2026-11-22T19:33:04Z","type":"disk_usage"}"#
      ]))
    #expect(push.rows("objects").count == 3 && push.summary.rows == 3)
  }

  // MARK: reuse

  @Test func `a used decoder gives the same rows as a fresh one`() {
    let bodies = [
      Self.body(tables: 4, queries: 4), Array("{\"metrics\":[{\"type\":".utf8),
      Self.body(tables: 1, queries: 1, seed: 3),
      Array(envelope([soundMetric, "5", soundMetric]).utf8),
    ]
    var decoder = PushDecoder(catalog: DecodedPush.catalog)
    var rows = PushRows(catalog: DecodedPush.catalog)
    for body in bodies + bodies.reversed() {
      var known = KnownIDs(capacity: 100)
      let reused = decode([body[...]], &decoder, &rows, &known)
      #expect(reused == decode([body[...]]))
    }
  }

  @Test func `memory does not grow from push to push`() {
    let body = Self.body(tables: 20, queries: 40)
    var decoder = PushDecoder(catalog: DecodedPush.catalog)
    var rows = PushRows(catalog: DecodedPush.catalog)
    var known = KnownIDs(capacity: 100)
    _ = decode([body[...]], &decoder, &rows, &known)
    let (first, firstRows) = (decoder.allocatedBytes, rows.allocatedBytes)
    for _ in 0..<5 { _ = decode([body[...]], &decoder, &rows, &known) }
    let (later, laterRows, encoded) = (decoder.allocatedBytes, rows.allocatedBytes, rows.encodedBytes)
    #expect(later == first)
    #expect(laterRows <= firstRows + 64 << 10)
    #expect(encoded <= laterRows)
  }

  @Test func `the targets are the catalog's tables and three further ones`() {
    let targets = DecodedPush.catalog.targets
    #expect(targets.map(\.table) == MetricCatalog.tables.map(\.name) + ["unknown_metrics", "texts", "objects"])
    #expect(targets.map(\.index) == Array(targets.indices))
    for target in targets { #expect(Set(target.columns.map(\.name)).count == target.columns.count) }
    let log = targets.first { $0.table == "pg_log" }
    #expect(
      log?.columns.map { "\($0.name) \($0.type)" } == [
        "time timestamptz", "server_id int4", "database_id int8", "logged_at timestamptz", "level text",
        "message_id int8",
        "extra jsonb",
      ])
  }
}
