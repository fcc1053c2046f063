import GeneratedPushes
import Ground
import Protocol
import Testing

@testable import Bench

struct PushTests {
  private static let collector = UUID("8b0c1f6e-2f2f-4a8e-9a53-0b6a4c0d1e2f")!

  private func render(_ template: PushTemplate, newest: Int64) throws -> JSONObject {
    var buffer = ByteBuffer()
    template.append(collector: Self.collector, hostname: "db \"1\"".filter { $0 != "\"" }, newest: newest, to: &buffer)
    guard case .object(let object) = try JSONValue.parse(buffer.span) else { throw PushTemplateError.notAnObject }
    return object
  }

  private func template(_ json: String) throws(PushTemplateError) -> PushTemplate {
    try PushTemplate(json: Array(json.utf8).span)
  }

  @Test func `a template replaces collector, hostname and times, and leaves the rest unchanged`() throws {
    let template = try template(
      """
      {"collector_id":"old","hostname":"old","metrics":[
        {"timestamp":"2026-11-22T19:33:04Z","type":"a","collector_id":"inner","n":-1.5},
        {"b":"ü\\n","timestamp":"2026-11-22T19:33:07Z"}, {"timestamp":"soon"}, 7],
       "metrics_count":4,"timestamp":"2026-11-22T19:33:09Z","version":"3.0.0"}
      """)
    #expect(template.metricsCount == 4 && template.spanSeconds == 3)
    let push = try render(template, newest: 1_000_000_000)
    let names = push.members.map { $0.name }
    #expect(names == ["collector_id", "hostname", "metrics", "metrics_count", "timestamp", "version"])
    #expect(push.string("collector_id") == Self.collector.description && push.string("hostname") == "db 1")
    #expect(push.string("timestamp") == "2001-09-09T01:46:40Z" && push.integer("metrics_count") == 4)
    guard case .array(let metrics)? = push["metrics"] else { return #expect(Bool(false), "no metrics") }
    let expected = try JSONValue.parse(
      Array(
        """
        [{"timestamp":"2001-09-09T01:46:37Z","type":"a","collector_id":"inner","n":-1.5},
         {"b":"ü\\n","timestamp":"2001-09-09T01:46:40Z"}, {"timestamp":"soon"}, 7]
        """.utf8
      ).span)
    #expect(JSONValue.array(metrics) == expected)
  }

  @Test func `a template adds the envelope that a file lacks`() throws {
    let push = try render(try template(#"{"metrics":[]}"#), newest: 0)
    #expect(push.string("collector_id") == Self.collector.description && push.string("hostname") == "db 1")
    #expect(push.string("timestamp") == "1970-01-01T00:00:00Z")
  }

  @Test func `a plain or gzip file is a template, and any other file is refused with the reason`() throws {
    let json = samplePush()
    let plain = try PushTemplate(file: json)
    let zipped = try PushTemplate(file: GzipDeflater.gzip(json))
    #expect(try render(plain, newest: 77) == render(zipped, newest: 77))
    #expect(plain.spanSeconds == 1)
    #expect(throws: PushTemplateError.notAnObject) { try template("[]") }
    #expect(throws: PushTemplateError.noMetrics) { try template("{}") }
    #expect(throws: PushTemplateError.notGzip(.truncated)) {
      try PushTemplate(file: GzipDeflater.gzip(json).dropLast())
    }
  }

  @Test(arguments: [Compression.none, .fresh(level: 1), .fresh(level: 9), .prepared(level: 1), .prepared(level: 9)])
  func `bodies have the same content in every compression`(compression: Compression) throws {
    let templates = [try PushTemplate(json: samplePush().span)]
    var press = PushPress(templates: templates, compression: compression, hostnameBytes: 4)
    for hostname in ["db-1", "another"] {
      var clock = PushClock()
      let body = press.make(turn: 5, collector: Self.collector, hostname: hostname, now: 1_000, clock: &clock)
      var expected = ByteBuffer()
      templates[0].append(collector: Self.collector, hostname: hostname, newest: 1_000, to: &expected)
      let json = compression == .none ? body.wire : inflate(body.wire)
      #expect(json == expected.withUnsafeBytes { Array($0) } && body.rawBytes == json.count)
      #expect(body.rows == templates[0].rows && body.rows > 0)
    }
    let isCompressing = press.isCompressing
    #expect(isCompressing == (compression != .none))
  }

  /// zlib checks the length and the checksum of each body, as the server does.
  @Test(arguments: 1...9)
  func `a prepared body is the gzip of the push, for any collector and any time`(level: Int) throws {
    var shape = PushGenerator.Shape()
    shape.tables = 30
    let json = PushGenerator(seed: 3, shape: shape).body(
      collectorID: "-", hostname: "-", unixSeconds: 1_700_000_000, rounds: 3)
    let template = try PushTemplate(json: json.span, run: "r1")
    let prepared = PreparedBody(template: template, level: level, hostnameBytes: 12)
    var random = QuickRandom(seed: UInt64(level))
    for index in 0..<20 {
      let id = UUID(high: random.next(), low: random.next())
      let newest = Int64.random(in: 0...4_000_000_000, using: &random)
      let hostname = Hostname.of(index)
      let wire = try #require(prepared.fill(collector: id, hostname: hostname, newest: newest))
      var expected = ByteBuffer()
      template.append(collector: id, hostname: hostname, newest: newest, to: &expected)
      let isSame = inflate(wire) == expected.withUnsafeBytes { Array($0) }
      #expect(isSame, "push \(index)")
      #expect(prepared.rawBytes == expected.count)
      let plain = GzipDeflater.gzip(expected.withUnsafeBytes { Array($0) }, level: level).count
      #expect(
        wire.count < plain * 13 / 10,
        "the places for collector and time are too large: \(wire.count) bytes instead of \(plain)")
    }
    #expect(prepared.fill(collector: Self.collector, hostname: "short", newest: 1) == nil)
  }

  @Test func `pushes of two runs differ although collector and time are the same`() throws {
    let json = samplePush()
    let (one, two) = (try PushTemplate(json: json.span, run: "a"), try PushTemplate(json: json.span, run: "b"))
    // A server knows a push by its metrics, whatever is around them.
    #expect(try render(one, newest: 5)["metrics"] != render(two, newest: 5)["metrics"])
    #expect(try render(one, newest: 5) == render(try PushTemplate(json: json.span, run: "a"), newest: 5))
  }

  @Test func `a broken push is invalid JSON and differs from the whole push only in its last byte`() throws {
    var press = PushPress(templates: [try PushTemplate(json: samplePush().span)], compression: .none)
    var clock = PushClock()
    let whole = press.make(turn: 0, collector: Self.collector, hostname: "h", now: 9, clock: &clock)
    let broken = press.makeBroken(turn: 0, collector: Self.collector, hostname: "h", now: 9)
    #expect(broken.wire.dropLast() == whole.wire.dropLast() && broken.wire.count == whole.wire.count)
    #expect(throws: JSONValueError.self) {
      try JSONValue.parse(broken.wire.span, limits: JSONValueLimits(bytes: 1 << 26))
    }
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func `a collector uses no second twice, and none that has not come`(seed: UInt64) {
    var random = QuickRandom(seed: seed)
    var clock = PushClock()
    var used: Set<Int64> = []
    var now: Int64 = 1_800_000_000
    for _ in 0..<500 {
      now += Int64.random(in: 0...4, using: &random)
      let span = Int64.random(in: 0...5, using: &random)
      let newest = clock.next(now: now, spanSeconds: span)
      #expect(newest <= now)
      for second in newest - span...newest { #expect(used.insert(second).inserted, "seed \(seed)") }
    }
  }
}
