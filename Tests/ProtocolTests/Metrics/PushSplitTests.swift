// The result does not depend on how a body is cut, or on whether its metrics are decoded as a whole or row by row.

import GeneratedPushes
import Protocol
import Testing

@Suite struct PushSplitTests {
  private static func limits(window: Int) -> PushLimits {
    var limits = PushLimits()
    limits.windowBytes = window
    limits.keyBytes = 64
    return limits
  }

  /// There is one body for each type, because the work grows with the square of a body's length.
  @Test(arguments: MetricCatalog.types.map(\.name))
  func `every cut in two gives the same rows`(type: String) {
    var shape = PushGenerator.Shape()
    (shape.databases, shape.tables, shape.queries, shape.logLines, shape.activity) = (1, 1, 2, 2, 1)
    let generator = PushGenerator(seed: 5, shape: shape, types: MetricCatalog.types.filter { $0.name == type })
    let body = generator.body(collectorID: "c", hostname: "h", unixSeconds: pushTime).withUnsafeBytes { Array($0) }
    let whole = decode([body[...]])
    #expect(whole.error == nil && whole.summary.rejected.isEmpty && whole.summary.rows > 0)
    var decoder = PushDecoder(catalog: DecodedPush.catalog)
    var rows = PushRows(catalog: DecodedPush.catalog)
    for cut in 1..<body.count {
      var known = KnownIDs(capacity: 10)
      let push = decode([body[..<cut], body[cut...]], &decoder, &rows, &known)
      if push != whole {
        Issue.record("cut at \(cut)")
        return
      }
    }
  }

  @Test func `any window gives the same rows, byte by byte too`() {
    let body = PushDecoderTests.body(tables: 5, queries: 3, activity: 2)
    let whole = decode([body[...]])
    // The largest row has 900 bytes. The smallest metric with rows is larger than that.
    for window in [1000, 1500, 4000, 100_000] {
      let limits = Self.limits(window: window)
      #expect(decode([body[...]], limits: limits) == whole, "window \(window)")
      #expect(decode(body.indices.map { body[$0...$0] }, limits: limits) == whole, "window \(window), byte by byte")
      for seed in SeededGenerator.fuzzSeeds("PushSplit") {
        var generator = SeededGenerator(seed: seed)
        let longest = window
        for _ in 0..<4 {
          let pieces = randomSplit(of: body, longest: longest, using: &generator)
          #expect(decode(pieces, limits: limits) == whole, "window \(window), seed \(seed)")
        }
      }
    }
  }

  @Test func `repeats, leftovers and rejects are the same in any window`() {
    let rows = (0..<60).map { #"{"hash":\#($0 % 20),"text":"select \#($0)","new":[\#($0)]}"# }.joined(separator: ",")
    let metrics = [
      #"{"a":1,"database":"d","queries":[\#(rows)],"timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats","z":2}"#,
      #"{"database":"d","queries":[\#(rows)],"timestamp":"2026-11-22T19:33:05Z","type":"pg_query_stats"}"#,
      #"{"database":"d","queries":[\#(rows)],"timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#,
      #"{"database":"d","queries":[\#(rows),{"hash":"x"}],"timestamp":"2026-11-22T19:33:06Z","type":"pg_query_stats"}"#,
      #"{"database":"d","queries":[\#(rows)],"timestamp":"2020-11-22T19:33:06Z","type":"pg_query_stats"}"#,
      #"{"database":"d","queries":[\#(rows)],"timestamp":"","type":"pg_query_stats"}"#,
      #"{"databases":{"x":{"queries":[\#(rows)],"new":1},"y":{"queries":[\#(rows)]}},"timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#,
      #"{"databases":[{"database":"x","new":1,"queries":[\#(rows)]},{"database":"z","queries":[\#(rows)]}],"#
        + #""timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#,
      #"{"type":"pg_query_stats","timestamp":"2026-11-22T19:33:09Z","database":"d","queries":[\#(rows)]}"#,
      soundMetric,
    ]
    let body = Array(envelope(metrics).utf8)
    let whole = decode([body[...]])
    #expect(
      whole.codes == [
        "3 pg_query_stats wrong_type queries[60].hash", "4 pg_query_stats too_old ",
        "5 pg_query_stats missing_timestamp ",
      ])
    // The expected rows: 20 * 7, of which each is the sum of three, one of the sound metric, and two different
    // leftovers.
    #expect(whole.summary.rows == 20 * 7 + 1 + 2)
    for window in [150, 600, 2000, 3000] {
      for pieces in [[body[...]], body.indices.map { body[$0...$0] }] {
        var push = decode(pieces, limits: Self.limits(window: window))
        // Row by row the time is read only at its key, so the summary may differ in details. Its counts are compared
        // below.
        push.summary = whole.summary
        #expect(push == whole, "window \(window)")
        let again = decode(pieces, limits: Self.limits(window: window)).summary
        #expect(again.rejected.map(\.code) == whole.summary.rejected.map(\.code))
        #expect(again.rows == whole.summary.rows && again.rowsRepeated == whole.summary.rowsRepeated)
        #expect(again.rowsAddedUp == whole.summary.rowsAddedUp && again.altered == whole.summary.altered)
      }
    }
  }

  // MARK: metrics larger than the window

  private static let rows = (0..<40).map { #"{"hash":\#($0)}"# }.joined(separator: ",")

  /// Metrics that can only be decoded as a whole.
  @Test(arguments: [
    // The type cannot be inferred from the rows, or it differs from the inferred one.
    #"{"unheard":[\#(rows),\#(rows)],"timestamp":"2026-11-22T19:33:04Z","type":"pg_log"}"#,
    #"{"queries":[\#(rows),\#(rows)],"timestamp":"2026-11-22T19:33:04Z","type":"new"}"#,
    #"{"queries":[\#(rows),\#(rows)],"timestamp":"2026-11-22T19:33:04Z","type":"pg_log"}"#,
    #"{"type":"new","timestamp":"2026-11-22T19:33:04Z","queries":[\#(rows),\#(rows)]}"#,
    // The database comes after the rows.
    #"{"queries":[\#(rows),\#(rows)],"database":"d","timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#,
    #"{"databases":[{"queries":[\#(rows),\#(rows)],"database":"d"}],"timestamp":"2026-11-22T19:33:04Z","type":"pg_query_stats"}"#,
  ])
  func `a large metric that must be seen as a whole is rejected`(metric: String) {
    let body = Array(envelope([metric, soundMetric]).utf8)
    #expect(decode([body[...]]).summary.rejected.isEmpty)
    for pieces in [[body[...]], body.indices.map { body[$0...$0] }] {
      let push = decode(pieces, limits: Self.limits(window: 250))
      #expect(push.error == nil)
      #expect(push.summary.rejected.map(\.code) == [.metricTooLarge])
      #expect(push.tuples == decode(envelope([soundMetric])).tuples)
    }
  }

  @Test func `a large metric without type is rejected as such`() {
    let body = Array(envelope([#"{"queries":[\#(Self.rows)],"timestamp":"2026-11-22T19:33:04Z"}"#, soundMetric]).utf8)
    let push = decode([body[...]], limits: Self.limits(window: 250))
    #expect(push.summary.rejected.map(\.code) == [.missingType] && push.summary.rows == 1)
  }

  @Test func `the decoder needs no larger window than it states`() {
    let body = PushDecoderTests.body(tables: 20, queries: 30)
    let whole = decode([body[...]])
    let limit = 1200
    var decoder = PushDecoder(catalog: DecodedPush.catalog, limits: Self.limits(window: limit))
    var rows = PushRows(catalog: DecodedPush.catalog)
    var known = KnownIDs(capacity: 10)
    decoder.begin(serverID: 7, timeWindow: pushWindow)
    var start = 0
    var calls = 0
    while start < body.count {
      let end = min(start + limit, body.count)
      let done = try? decoder.consume(  // because a refusal ends the loop and fails the comparison below
        body[start..<end].span, isLast: end == body.count, rows: &rows, known: &known)
      guard let done, done > 0 else { break }
      start += done
      calls += 1
    }
    #expect(start == body.count)
    let encoded = rows.encodedBytes
    #expect(encoded == whole.tuples.values.reduce(0) { $0 + $1.count })
    #expect(calls < body.count / 50)
  }
}
