import Protocol
import Testing

@testable import App

/// Bodies that are larger than they look. (Ratio, caps and every cut of a member: ProtocolTests/Gzip.)
@Suite struct CompressionAttackTests {
  private let gzip = [("Content-Encoding", "gzip")]

  /// A good push whose rows take some megabytes, and whose gzip fits in one read of the server.
  private func bomb(_ collector: TestCollector) -> [UInt8] {
    let entries = (0..<700).map { _ in
      let noise =
        String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
      return #"{"level":"LOG","message":"\#(noise)\#(String(repeating: "x", count: 4000))"}"#
    }.joined(separator: ",")
    let metric =
      #"{"type":"pg_log","database":"d","timestamp":"\#(TestCollector.now())","entries":["#
      + entries + "]}"
    return GzipDeflater.gzip(collector.push(of: [metric]), level: 9)
  }

  @Test func `a compression bomb is refused and leaves nothing in the server`() async throws {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    for filler in [UInt8(ascii: " "), UInt8(ascii: "["), 0] {
      let bomb = GzipDeflater.gzip([UInt8](repeating: filler, count: 32 << 20), level: 9)
      let answer = try await collector.push(bomb, gzip)
      #expect(filler == UInt8(ascii: " ") ? answer.status == 413 : [400, 422].contains(answer.status), "\(answer)")
    }
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `several gzip members are read as one body, and a damaged body is refused with 400`()
    async throws
  {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    let client = try await collector.client()
    func body(_ number: Int) -> [UInt8] { collector.push(of: [TestCollector.disk("/dev/\(number)", used: 1)]) }
    let sound = GzipDeflater.gzip(body(0))
    let empty = GzipDeflater.gzip([])
    let stray = [1 as UInt8]
    for broken in [
      sound + sound, Array(sound.dropLast()), Array(sound.prefix(12)), sound + stray, sound + sound.prefix(5),
    ] {
      let answer = try await collector.push(broken, gzip, over: client)
      #expect(answer.status == 400, "\(answer)")
      // Two whole pushes in a row are one body, which is not JSON.
      #expect(answer.error == (broken == sound + sound ? "invalid_json" : "invalid_compression"), "\(answer)")
    }
    #expect(try await collector.ledger() == 0)
    let tiny = body(1).split(maxSplits: 40, omittingEmptySubsequences: false) { $0 == UInt8(ascii: ",") }
    let members = tiny.enumerated().flatMap { GzipDeflater.gzip(($0 > 0 ? [UInt8(ascii: ",")] : []) + Array($1)) }
    for (number, whole) in [empty + GzipDeflater.gzip(body(2)), members, GzipDeflater.gzip(body(3)) + [0, 0]]
      .enumerated()
    {
      let answer = try await collector.push(whole, gzip, over: client)
      #expect(answer.status == 200 && answer.json["rows_inserted"]?.integer == 1, "\(number): \(answer)")
    }
    try await attacked.expectUnharmed(besides: 1)
    await attacked.server.stop()
  }

  @Test func `a body that is neither gzip nor JSON is refused with the name of its format`() async throws {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    let client = try await collector.client()
    let sound = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    let wide: [UInt8] = sound.flatMap { [$0, 0] as [UInt8] }
    let cases: [([UInt8], String)] = [
      ([0x28, 0xB5, 0x2F, 0xFD, 0x04, 0x00], "zstd"), ([0x78, 0x9C, 0x03, 0x00, 0, 0, 0, 1], "zlib"),
      (GzipDeflater.gzip(GzipDeflater.gzip(sound)), "gzip twice"), ([0xEF, 0xBB, 0xBF] + sound, "byte order mark"),
      ([0xFF, 0xFE] + wide, "UTF-16"), (wide, "UTF-16"), ([0, UInt8(ascii: "{"), 0, 0x22], "UTF-16"),
      (GzipDeflater.gzip([0xFF, 0xFE] + wide), "UTF-16"),
    ]
    for (body, name) in cases {
      for label in [gzip, []] {
        let answer = try await collector.push(body, label, over: client)
        #expect(answer.status == 400, "\(answer)")
        #expect(answer.json["details"]?.text?.contains(name) == true, "\(name): \(answer)")
      }
    }
    let broken = try await collector.push(Array(#"{"collector_id":"x","metrics":[{"a":tru}]}"#.utf8), over: client)
    #expect(broken.json["details"]?.text == "metrics[0]: unexpected character, at byte 39", "\(broken)")
    let wrong = try await collector.push(Array(#"{"collector_id":7,"metrics":[]}"#.utf8), over: client)
    #expect(wrong.json["details"]?.text == "collector_id: is of another type than declared, at byte 16", "\(wrong)")
    #expect(try await collector.ledger() == 0)
    try await attacked.expectUnharmed(besides: 1)
    await attacked.server.stop()
  }

  /// All heads come first, so that all pushes are admitted while nothing is held. All bodies follow while nothing can
  /// be stored.
  @Test func `many small bombs at once stay within the budget, and refused pushes succeed later`() async throws {
    let budget = 12 << 20
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.bytesInFlight = budget
      $0.pauseBytes = budget
      // The deadline begins with the heads, and eight collectors have yet to enrol.
      $0.bodyDeadline = .seconds(3600)
      $0.commitDeadline = .seconds(60)
      $0.lockTimeout = .seconds(60)
      $0.copyTimeout = .seconds(60)
    }
    let server = attacked.server
    var waiting: [(TestCollector, TestClient, [UInt8])] = []
    for _ in 0..<8 {
      let collector = try await server.enrol()
      let client = try await collector.client()
      let body = bomb(collector)
      #expect(body.count < 60_000)
      try await client.send(
        attacked.pushHead(
          collector, "Content-Encoding: gzip\r\nExpect: 100-continue\r\nContent-Length: \(body.count)\r\n"))
      #expect(try await client.interim() == 100)
      waiting.append((collector, client, body))
    }
    let pushes = waiting
    var outcomes: [UInt16: Int] = [:]
    try await server.database.lease { session throws(DatabaseError) in
      try await session.script("BEGIN; LOCK TABLE metrics.pg_log")
      await #expect(throws: Never.self) {
        for (_, client, body) in pushes { try await client.send(body) }
        var counters = ServerCounters()
        var most = 0.0
        try await server.eventually("the bodies are not read") {
          counters = try await attacked.counters()
          most = max(most, counters["held_bytes"])
          return counters.connections("receiving") == 0
        }
        #expect(counters.refused("overloaded") > 0, "the bombs are too small for the test")
        // One read of 64 KiB may exceed the budget by the size that it inflates to.
        #expect(most <= Double(budget + 64 * 1024 * server.settings.inflateRatio))
        #expect(counters["held_bytes"] <= Double(budget + (5 << 20)), "\(counters)")
      }
      try await session.script("ROLLBACK")
    }
    for (_, client, _) in pushes {
      let answer = try await client.answer()
      outcomes[answer.status, default: 0] += 1
      #expect([200, 503].contains(answer.status), "\(answer)")
      if answer.status == 503 { #expect(answer.field("retry-after") != nil) }
    }
    #expect(outcomes[200] ?? 0 > 0 && outcomes[503] ?? 0 > 0, "\(outcomes)")
    for (collector, _, body) in pushes { #expect(try await collector.push(body, gzip).status == 200) }
    waiting = []
    try await attacked.expectUnharmed(besides: pushes.count)
    await server.stop()
  }
}
