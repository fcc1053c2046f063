import Testing

@testable import Protocol

/// Compares the scans of eight bytes at a time with loops over single bytes.
struct HTTPScanTests {
  @Test func `every byte value at every place is found as by a search byte by byte`() {
    for byte in UInt8.min ... .max {
      for length in 1...19 {
        for place in 0..<length {
          var text = [UInt8](repeating: UInt8(ascii: "a"), count: length)
          text[place] = byte
          #expect(
            HTTPScan.firstControl(text.span, from: 0, to: length) == (HTTPGrammar.isControl(byte) ? place : length))
          #expect(HTTPScan.firstCarriageReturn(text.span, from: 0) == (byte == HTTPGrammar.cr ? place : length))
          #expect(HTTPScan.containsWhitespace(text.span) == HTTPGrammar.isWhitespace(byte))
        }
      }
    }
  }

  @Test(arguments: SeededGenerator.fuzzSeeds("HTTPScan"))
  func `random text is read as byte by byte, from every start to every end`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bytes: [UInt8] = [0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x21, 0x7E, 0x7F, 0x80, 0x8D, 0xFF]
    for _ in 0..<200 {
      let text = (0..<24).map { _ in bytes.randomElement(using: &random) ?? 0 }
      for start in 0...text.count {
        for end in start...text.count {
          let expected = text[start..<end].firstIndex(where: HTTPGrammar.isControl) ?? end
          #expect(HTTPScan.firstControl(text.span, from: start, to: end) == expected)
        }
        let expected = text[start...].firstIndex(of: HTTPGrammar.cr) ?? text.count
        #expect(HTTPScan.firstCarriageReturn(text.span, from: start) == expected)
      }
    }
  }
}
