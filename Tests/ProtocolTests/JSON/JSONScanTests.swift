import Testing

@testable import Protocol

@Suite struct JSONScanTests {
  private func cursorEnd(_ bytes: [UInt8], maximumDepth: Int = 32) -> Result<Int, DecodeFault> {
    var cursor = JSONCursor(bytes.span)
    do throws(DecodeFault) {
      try cursor.skipValue(depth: 0, maximumDepth: maximumDepth, storable: false)
      return .success(cursor.position)
    } catch { return .failure(error) }
  }

  /// The end that the skipper finds. It gets each byte of `pieces` once.
  private func skipperEnd(_ pieces: [ArraySlice<UInt8>], maximumDepth: Int = 32) -> Result<Int, DecodeFault> {
    var skipper = JSONSkipper(outerDepth: 0, maximumDepth: maximumDepth)
    var base = 0
    for piece in pieces {
      let bytes = Array(piece)
      do throws(DecodeFault) {
        let end = try skipper.advance(bytes.span, from: 0)
        if skipper.isDone { return .success(base + end) }
      } catch {
        guard case .malformed(let defect, let at) = error else { return .failure(error) }
        return .failure(.malformed(defect, at: base + at))
      }
      base += bytes.count
    }
    return .failure(.malformed(.unexpectedEnd, at: base))
  }

  private func scan(_ pieces: [ArraySlice<UInt8>], findsMembers: Bool) -> (scan: JSONScan, isEnded: Bool) {
    var scan = JSONScan(findsMembers: findsMembers)
    var window: [UInt8] = []
    for piece in pieces {
      window += piece
      if scan.advance(window.span, from: 0, to: window.count) { return (scan, true) }
    }
    return (scan, false)
  }

  @Test func `the skipper finds the same end as the parser, however the text is cut`() {
    for seed in SeededGenerator.fuzzSeeds("JSONScan") {
      var generator = SeededGenerator(seed: seed)
      for _ in 0..<60 {
        let text = Array((randomJSON(depth: 5, using: &generator) + ",").utf8)
        let expected = cursorEnd(text)
        #expect(expected == .success(text.count - 1), "seed \(seed)")
        var ways = [[text[...]], text.indices.map { text[$0...$0] }]
        for _ in 0..<6 { ways.append(randomSplit(of: text, longest: 20, using: &generator)) }
        for pieces in ways {
          #expect(skipperEnd(pieces) == expected, "seed \(seed)")
          for findsMembers in [false, true] {
            let (scan, isEnded) = scan(pieces, findsMembers: findsMembers)
            #expect(isEnded && scan.length == text.count - 1, "seed \(seed)")
          }
        }
      }
    }
  }

  @Test func `parser and skipper refuse the same texts at the same byte`() {
    for seed in SeededGenerator.fuzzSeeds("JSONSkipper") {
      var generator = SeededGenerator(seed: seed)
      var refused = 0
      for _ in 0..<1500 {
        var text = Array(randomJSON(depth: 4, using: &generator).utf8)
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let index = Int.random(in: text.indices, using: &generator)
          text[index] = Array(#"{}[]",:\0123eE+-.tfn"#.utf8).randomElement(using: &generator) ?? 0
        }
        text.append(UInt8(ascii: ","))  // a number ends at the byte after it
        let expected = cursorEnd(text, maximumDepth: 4)
        let pieces = randomSplit(of: text, longest: 9, using: &generator)
        if case .failure = expected { refused += 1 }
        #expect(
          Self.place(skipperEnd(pieces, maximumDepth: 4)) == Self.place(expected),
          "seed \(seed): \(String(decoding: text, as: UTF8.self))")
      }
      #expect(refused > 300)
    }
  }

  /// The end, or the offset of the defect. Two readers may give a defect different names.
  private static func place(_ result: Result<Int, DecodeFault>) -> Int {
    switch result {
    case .success(let end): end
    case .failure(.malformed(_, let at)): -1 - at
    case .failure: .min
    }
  }

  @Test func `the scan finds the metric's own members, not those inside it`() {
    let text = Array(
      #"{"a":{"type":"x"},"b":["type","timestamp"],"c":"type","ty\u0070e" : "pg_stats","timestamp":"t","type":"2","d":1}"#
        .utf8)
    for pieces in splits(of: text) {
      let (scan, isEnded) = scan(pieces, findsMembers: true)
      #expect(isEnded)
      #expect(scan.type.text(from: 0).map { String(decoding: text[$0.range], as: UTF8.self) } == "pg_stats")
      #expect(scan.timestamp.text(from: 0).map { String(decoding: text[$0.range], as: UTF8.self) } == "t")
      #expect(scan.database.text(from: 0) == nil)
    }
  }

  @Test func `strings are decoded to their meaning`() throws {
    let cases: [(String, String)] = [
      (#""""#, ""), (#""plain""#, "plain"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
      (#""\u0041\u00fc\u6f22\ud83d\ude00""#, "Aü漢😀"),
      (#""eight by\nte words\n, and more\\""#, "eight by\nte words\n, and more\\"),
      (#""ü\n""#, "ü\n"),
    ]
    for (text, expected) in cases {
      for tail in ["", "        ,"] {
        let bytes = Array((text + tail).utf8)
        var cursor = JSONCursor(bytes.span)
        let token = try cursor.text()
        var decoded = ByteBuffer()
        try cursor.decode(token, into: &decoded)
        #expect(decoded.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == expected)
      }
    }
  }

  @Test(arguments: [
    (#""\u0000""#, RejectCode.nulCharacter), (#""\ud800""#, .badUnicode), (#""\udc00x""#, .badUnicode),
    (#""\ud800\u0041""#, .badUnicode), (#""\ud800\n""#, .badUnicode),
  ])
  func `a string that PostgreSQL cannot hold is refused`(text: String, code: RejectCode) throws {
    let bytes = Array(text.utf8)
    var cursor = JSONCursor(bytes.span)
    let token = try cursor.text()
    let end = cursor.position
    #expect(throws: DecodeFault.reject(code)) { try Self.check(bytes, token, decoding: false) }
    #expect(throws: DecodeFault.reject(code)) { try Self.check(bytes, token, decoding: true) }
    #expect(end == bytes.count)
  }

  private static func check(_ bytes: [UInt8], _ token: JSONText, decoding: Bool) throws {
    var decoded = ByteBuffer()
    if decoding {
      try JSONCursor(bytes.span).decode(token, into: &decoded)
    } else {
      try JSONCursor(bytes.span).check(token)
    }
  }
}
