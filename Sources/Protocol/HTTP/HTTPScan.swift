// Finds the bytes that end a run of text in a head, eight at a time: most bytes of a request are a token or a value that
// nothing ends, and byte by byte each of them cost a dozen instructions.

enum HTTPScan {
  /// The index of the first control byte (HTAB is none, see `HTTPGrammar.isControl`) in `start..<end`, or `end`.
  static func firstControl(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    first(
      bytes, from: start, to: end,
      lanes: { word in
        // Below 0x20, or DEL. HTAB is among them and is let pass by the second look.
        (word &- ByteLanes.ones &* 0x20) & ~word & ByteLanes.highBits | ByteLanes.maybeEqual(word, 0x7F)
      }, HTTPGrammar.isControl)
  }

  /// The index of the first CR at or after `start`, or the count.
  static func firstCarriageReturn(_ bytes: Span<UInt8>, from start: Int) -> Int {
    first(
      bytes, from: start, to: bytes.count, lanes: { ByteLanes.maybeEqual($0, HTTPGrammar.cr) }, { $0 == HTTPGrammar.cr }
    )
  }

  static func containsWhitespace(_ bytes: Span<UInt8>) -> Bool {
    first(
      bytes, from: 0, to: bytes.count,
      lanes: { ByteLanes.maybeEqual($0, HTTPGrammar.space) | ByteLanes.maybeEqual($0, HTTPGrammar.tab) },
      HTTPGrammar.isWhitespace) < bytes.count
  }

  /// - Parameters:
  ///   - lanes: which of eight bytes may be wanted: exact up to the first that is.
  ///   - isWanted: whether one is.
  @inline(__always)
  private static func first(
    _ bytes: Span<UInt8>, from start: Int, to end: Int, lanes: (UInt64) -> UInt64, _ isWanted: (UInt8) -> Bool
  ) -> Int {
    precondition(start >= 0 && end <= bytes.count)
    var index = start
    while index < end {
      if end - index >= 8 {
        // Safety: eight bytes are left before `end`, which is within the span.
        let word = UInt64(
          littleEndian: bytes.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
        let candidates = lanes(word)
        if candidates == 0 {
          index += 8
          continue
        }
        index += candidates.trailingZeroBitCount / 8
      }
      if isWanted(bytes[index]) { return index }
      index += 1
    }
    return end
  }
}
