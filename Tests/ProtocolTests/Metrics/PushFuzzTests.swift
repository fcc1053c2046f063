// For any input the decoder does not trap, and gives an error or a valid result, which does not depend on how the input
// is cut.

import Protocol
import Testing

@Suite struct PushFuzzTests {
  private static let fragments: [[UInt8]] =
    [
      "{", "}", "[", "]", "\"", ",", ":", "null", "1e999", "-", "\\u0000", "\\ud800", "\\", "\"type\":\"pg_log\",",
      "[]", "{}", "\u{0}",
      "\"database\":\"x\",", "\"timestamp\":\"\",", "  ", "99999999999999999999", "0.5", "true",
    ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0x80]]

  private func mutate(_ body: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var body = body
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let index = Int.random(in: body.indices, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: body[index] = UInt8.random(in: 0...255, using: &generator)
      case 1: body[index] ^= 1 << UInt8.random(in: 0...7, using: &generator)
      case 2: body.insert(contentsOf: Self.fragments.randomElement(using: &generator) ?? [], at: index)
      case 3: body.removeSubrange(index..<min(body.count, index + Int.random(in: 1...20, using: &generator)))
      case 4:
        let end = min(body.count, index + Int.random(in: 1...200, using: &generator))
        body.insert(contentsOf: Array(body[index..<end]), at: index)
      default: body.replaceSubrange(index..<index + 1, with: Self.fragments.randomElement(using: &generator) ?? [])
      }
      if body.isEmpty { return [0] }
    }
    return body
  }

  @Test func `mutated pushes give whole tuples or an error, the same in pieces`() {
    let sound = PushDecoderTests.body(tables: 1, queries: 1, activity: 1)
    var limits = PushLimits()
    limits.windowBytes = 1 << 16
    var refused = 0
    var rejected = 0
    for seed in SeededGenerator.fuzzSeeds("PushFuzz") {
      var generator = SeededGenerator(seed: seed)
      for round in 0..<250 {
        let body = mutate(sound, &generator)
        let whole = decode([body[...]], limits: limits)
        if whole.error != nil { refused += 1 }
        rejected += whole.summary.rejectedTotal
        for target in DecodedPush.catalog.targets {
          let bytes = whole.tuples[target.table] ?? []
          #expect(
            readTuples(bytes, fields: target.columns.count) != nil, "seed \(seed), round \(round): \(target.table)")
        }
        let pieces = decode(randomSplit(of: body, longest: 600, using: &generator), limits: limits)
        #expect(pieces.error == whole.error, "seed \(seed), round \(round)")
        if whole.error == nil { #expect(pieces == whole, "seed \(seed), round \(round)") }
        // Row by row other metrics may be rejected. A valid push must stay valid, and invalid JSON must still be
        // refused.
        var small = limits
        small.windowBytes = 300
        small.keyBytes = 64
        let streamed = decode(randomSplit(of: body, longest: 200, using: &generator), limits: small)
        if case .malformed = whole.error?.kind { #expect(streamed.error != nil, "seed \(seed), round \(round)") }
        if whole.error == nil { #expect(streamed.error == nil, "seed \(seed), round \(round)") }
      }
    }
    #expect(refused > 50 && rejected > 10)
  }

  /// The time of a call depends on its new bytes: a byte that arrives alone must not cause all earlier bytes to be read
  /// again.
  @Test func `dripping bytes cost no more than the bytes themselves`() {
    var limits = PushLimits()
    limits.windowBytes = 1 << 20
    let text = String(repeating: "x", count: 60_000)
    let body = Array(
      envelope([
        #"{"database":"d","entries":[{"message":"\#(text)"}],"timestamp":"2026-11-22T19:33:04Z","type":"pg_log"}"#
      ]).utf8)
    var decoder = PushDecoder(catalog: DecodedPush.catalog, limits: limits)
    var rows = PushRows(catalog: DecodedPush.catalog)
    var known = KnownIDs(capacity: 10)
    decoder.begin(serverID: 7, timeWindow: pushWindow)
    // The push arrives as 20 kB and then byte by byte. If the decoder read all bytes again each time, it would read 1.6
    // GB, which takes minutes in a debug build.
    var start = 0
    var stored = 0
    for end in 20_000...body.count {
      do {
        start += try decoder.consume(body[start..<end].span, isLast: end == body.count, rows: &rows, known: &known)
      } catch {
        Issue.record("\(error)")
        return
      }
      stored = rows.rowCount
    }
    #expect(stored == 3)
  }
}
