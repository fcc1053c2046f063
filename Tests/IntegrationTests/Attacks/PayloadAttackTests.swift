import Protocol
import Testing

@testable import App

/// JSON that is valid, nearly valid, or invalid. (All kinds of defects, at every split: ProtocolTests/JSON and
/// /Metrics.)
@Suite struct PayloadAttackTests {
  private static let time = TestCollector.now()

  private static func disk(_ members: String) -> String {
    #"{"type":"disk_usage","timestamp":"\#(time)","filesystems":[{"device":"d","mount":"m",\#(members)}]}"#
  }

  private static func log(_ members: String) -> String {
    #"{"type":"pg_log","database":"d","timestamp":"\#(time)","entries":[{\#(members)}]}"#
  }

  private static let digits = String(repeating: "9", count: 5000)

  @Test func `a value that cannot be stored is altered alone, and its row is stored`() async throws {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    let client = try await collector.client()
    let cases: [(String, String)] = [
      (Self.disk(#""used_gb":9223372036854775808"#), "out_of_range"),
      (Self.disk(#""used_gb":-9223372036854775809"#), "out_of_range"),
      (Self.disk(#""used_gb":\#(Self.digits)"#), "out_of_range"),
      (Self.disk(#""percent_used":1e309"#), "out_of_range"), (Self.disk(#""percent_used":-1e400"#), "out_of_range"),
      (Self.disk(#""percent_used":1\#(Self.digits)"#), "out_of_range"),
      (Self.disk(#""used_gb":1.5"#), "wrong_type"), (Self.disk(#""used_gb":true"#), "wrong_type"),
      (Self.disk(#""used_gb":{"a":[[[[1]]]]}"#), "wrong_type"),
      (Self.disk(#""used_gb":1,"used_gb":2"#), "duplicate_key"),
      (Self.log(#""message":"a\u0000b""#), "nul_character"), (Self.log(#""message":"\ud800""#), "bad_unicode"),
      (Self.log(#""message":"\udfff\ud800""#), "bad_unicode"), (Self.log(#""\u0000":1"#), "nul_character"),
      (Self.log(#""timestamp":"9999-99-99T00:00:00Z""#), "bad_timestamp"),
      (Self.log(#""message":"\#(String(repeating: "m", count: 1_048_577))""#), "string_too_long"),
    ]
    for (number, (metric, code)) in cases.enumerated() {
      let answer = try await collector.push(
        collector.push(of: [TestCollector.disk("/dev/\(number)", used: 1), metric]), over: client)
      #expect(answer.status == 200, "\(metric.prefix(200)): \(answer)")
      #expect(answer.json["altered"]?[0]?["code"]?.text == code, "\(metric.prefix(200)): \(answer)")
      #expect(answer.json["status"]?.text == "success" && answer.json["rejected"]?.elements.isEmpty == true)
      #expect(answer.json["rows_inserted"]?.integer == 2)
    }
    let disks = try await collector.rows("disk_usage")
    let lines = try await collector.rows("pg_log")
    #expect(disks + lines == Int64(2 * cases.count))
    let twice = #"{"type":"disk_usage","type":"pg_log","timestamp":"\#(Self.time)"}"#
    let answer = try await collector.push(collector.push(of: [twice]), over: client)
    #expect(answer.json["rejected"]?[0]?["code"]?.text == "duplicate_key", "\(answer)")
    try await attacked.expectUnharmed(besides: 1)
    await attacked.server.stop()
  }

  @Test func `numbers and texts at the end of their range are stored unchanged`() async throws {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    let text = #"'; DROP TABLE metrics.pg_log; -- \\ \" \b\f\n\r\t \u20ac \ud83d\ude00 \uffff"#
    let answer = try await collector.push(
      collector.push(of: [
        Self.disk(
          #""used_gb":9223372036854775807,"free_gb":-9223372036854775808,"percent_used":1.7976931348623157e308"#),
        Self.log(#""message":"\#(text)""#),
      ]))
    #expect(answer.json["rows_inserted"]?.integer == 2, "\(answer)")
    let server = attacked.server
    let id = collector.serverID
    #expect(
      try await server.integer("SELECT used_gb FROM metrics.disk_usage WHERE server_id = \(id)") == Int64.max)
    #expect(
      try await server.integer("SELECT free_gb FROM metrics.disk_usage WHERE server_id = \(id)") == Int64.min)
    #expect(
      try await server.integer(
        "SELECT count(*) FROM metrics.disk_usage WHERE server_id = \(id) AND percent_used = 1.7976931348623157e308")
        == 1)
    let message = try #require(
      try await server.database.one(
        Statement<Int32, SingleValue<String>>(
          "attacked_message", "SELECT message FROM named.pg_log WHERE server_id = $1"), Int32(id))
    ).value
    #expect(message == "'; DROP TABLE metrics.pg_log; -- \\ \" \u{8}\u{c}\n\r\t € 😀 \u{ffff}")
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `invalid JSON is refused, however deep, wide or long`() async throws {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    let prefix = #"{"collector_id":"\#(collector.id)","metrics":["#
    let deep = String(repeating: "[", count: 1_000_000)
    let objects = String(repeating: #"{"a":"#, count: 200_000)
    let members = (0..<200_000).map { #""k\#($0)":0"# }.joined(separator: ",")
    let bodies: [(String, ClosedRange<UInt16>)] = [
      (deep, 400...422), (prefix + deep, 400...400), (prefix + objects, 400...400),
      (prefix + #"{"type":"pg_stats","timestamp":"\#(Self.time)","x":"# + deep, 400...400),
      (prefix + #"""# + String(repeating: "a", count: 3_000_000), 400...413),
      (prefix + Self.digits, 400...400), ("\u{feff}" + prefix + "]}", 400...400),
      (prefix + "NaN]}", 400...400), (prefix + "1,]}", 400...400), (prefix + "'a']}", 400...400),
      (#"{"collector_id":"\#(collector.id)","collector_id":"\#(collector.id)","metrics":[]}"#, 400...422),
      (#"{"metrics":[],"collector_id":"\#(UUID.random())"}"#, 403...403),
      ("{\(members)}", 400...422),
    ]
    for (body, wanted) in bodies {
      let answer = try await collector.push(Array(body.utf8))
      #expect(wanted.contains(answer.status), "\(body.prefix(80)): \(answer)")
    }
    for bytes in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x00]] as [[UInt8]] {
      let answer = try await collector.push(Array(prefix.utf8) + bytes + Array("]}".utf8))
      #expect(answer.status == 400, "\(bytes): \(answer)")
    }
    #expect(try await collector.ledger() == 0)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }
}
