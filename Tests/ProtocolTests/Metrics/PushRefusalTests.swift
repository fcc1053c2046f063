import Protocol
import Testing

/// Tests of pushes that are refused as a whole.
@Suite struct PushRefusalTests {
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
  func `a text that is no JSON or no push is refused`(body: String, kind: PushError.Kind, offset: Int) {
    for pieces in splits(of: Array(body.utf8)) {
      let error = decode(pieces.isEmpty ? [[]] : pieces).error
      #expect(error?.kind == kind && error?.offset == offset, "\(body)")
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
  func `broken JSON inside a metric refuses the push`(metric: String, defect: JSONDefect, at: Int?) {
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

  @Test func `a push is refused at every byte where it may be cut off`() {
    let body = Array(
      envelope([soundMetric, "[1]", #"{"type":"new","timestamp":"2026-11-22T19:33:04Z","x":["\n",-1.5e1]}"#]).utf8)
    #expect(decode([body[...]]).error == nil)
    for end in 0..<body.count {
      let error = decode([body[..<end]]).error
      #expect(error?.kind == .malformed(.unexpectedEnd) && error?.offset == end)
    }
  }

  @Test(
    arguments: [
      (#"{"collector_id":5,"metrics":[]}"#, "collector_id"), (#"{"collector_id":"c","metrics":{}}"#, "metrics"),
      (#"{"collector_id":"c"}"#, "metrics"), (#"{"metrics":[]}"#, "collector_id"), ("[]", ""),
      (#"{"collector_id":"c","metrics":[],"metrics":[]}"#, "metrics"),
      (#"{"collector_id":"c","metrics":[5,}"#, "metrics[1]"),
      (
        #"{"collector_id":"c","metrics":[5,{"type":"pg_log","entries":[{},{"level":tru}]}]}"#, "metrics[1]"
      ),
    ])
  func `the fault of a push names the member`(body: String, path: String) {
    #expect(decode(body).error?.path == path)
  }

  @Test func `a push may nest as deep as the limit and not deeper`() {
    var limits = PushLimits()
    limits.depth = 10
    // Around a value in a row are open: the body, `metrics`, the metric, the array `tables`, and the row.
    for (place, around) in [("x", 1), ("metric", 3), ("row", 5)] {
      for (levels, isRefused) in [(10 - around, false), (11 - around, true)] {
        let value = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        let body =
          switch place {
          case "x": #"{"collector_id":"c","x":\#(value),"metrics":[]}"#
          case "metric": envelope([PushRejectTests.stats(#""x":\#(value)"#)])
          default: envelope([PushRejectTests.log(#""x":\#(value)"#)])
          }
        let error = decode(body, limits: limits).error
        #expect((error?.kind == .malformed(.tooDeep)) == isRefused, "\(place) \(levels)")
        #expect((error == nil) == !isRefused)
      }
    }
  }

  @Test func `a push with too many rows is refused`() {
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
