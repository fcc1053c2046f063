// Searches eight bytes at a time in an ordinary register (SWAR). A lane is one byte of the word. In a result, bit 7 of
// a lane is set for a match; all other bits are zero.

enum ByteLanes {
  @inline(__always) static var ones: UInt64 { 0x0101_0101_0101_0101 }
  @inline(__always) static var highBits: UInt64 { 0x8080_8080_8080_8080 }

  /// Marks the lanes that hold `byte`. The result is exact up to and including the first match; lanes after it may be
  /// wrong.
  @inline(__always)
  static func maybeEqual(_ word: UInt64, _ byte: UInt8) -> UInt64 {
    let difference = word ^ (ones &* UInt64(byte))
    return (difference &- ones) & ~difference & highBits
  }

  /// Marks the lanes that end a run of plain string text: quote, backslash, control character. The result is exact up
  /// to and including the first match; lanes after it may be wrong.
  @inline(__always)
  static func stringStops(_ word: UInt64) -> UInt64 {
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let quotes = (quote &- ones) & ~quote
    let backslashes = (backslash &- ones) & ~backslash
    let controls = (word &- ones &* 0x20) & ~word
    return (quotes | backslashes | controls) & highBits
  }

  /// The number of marked lanes.
  @inline(__always)
  static func count(_ lanes: UInt64) -> Int { Int(truncatingIfNeeded: (lanes >> 7 &* ones) >> 56) }

  /// Marks each lane for which an odd number of lanes up to and including it are marked.
  @inline(__always)
  static func runningParity(_ lanes: UInt64) -> UInt64 {
    var lanes = lanes
    lanes ^= lanes << 8
    lanes ^= lanes << 16
    lanes ^= lanes << 32
    return lanes
  }
}
