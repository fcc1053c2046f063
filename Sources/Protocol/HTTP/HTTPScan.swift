// Finds the bytes that end a run of text in a head, eight bytes at a time. Most bytes of a request belong to a token or
// a value, and a loop over single bytes would take a dozen instructions for each of them.

enum HTTPScan {
  /// The index of the first control byte in `start..<end`, or `end`. HTAB does not count, see `HTTPGrammar.isControl`.
  static func firstControl(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    first(
      bytes, from: start, to: end,
      lanes: { word in
        // Marks bytes below 0x20 and DEL. HTAB is marked too; the second test lets it pass.
        (word &- ByteLanes.ones &* 0x20) & ~word & ByteLanes.highBits | ByteLanes.maybeEqual(word, 0x7F)
      }, HTTPGrammar.isControl)
  }

  /// The index of the first CR at or after `start`, or `bytes.count`.
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

  /// The index of the first wanted byte in `start..<end`, or `end`.
  /// - Parameters:
  ///   - lanes: marks the bytes of a word that may be wanted. It must mark the first wanted byte of the word. It may
  ///     mark bytes that are not wanted.
  ///   - isWanted: whether a byte is wanted.
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
