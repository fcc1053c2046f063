// Eight bytes at a time in an ordinary register (SWAR): bit 7 of a lane says yes, all other bits are zero.

enum ByteLanes {
  @inline(__always) static var ones: UInt64 { 0x0101_0101_0101_0101 }
  @inline(__always) static var highBits: UInt64 { 0x8080_8080_8080_8080 }

  /// The lanes that hold `byte`: exact up to and including the first such lane, lanes behind it may be wrong.
  @inline(__always)
  static func maybeEqual(_ word: UInt64, _ byte: UInt8) -> UInt64 {
    let difference = word ^ (ones &* UInt64(byte))
    return (difference &- ones) & ~difference & highBits
  }

  /// The lanes that end a run of plain string text: quote, backslash, control character.
  /// Exact up to and including the first such lane; lanes behind it may be wrong.
  @inline(__always)
  static func stringStops(_ word: UInt64) -> UInt64 {
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let quotes = (quote &- ones) & ~quote
    let backslashes = (backslash &- ones) & ~backslash
    let controls = (word &- ones &* 0x20) & ~word
    return (quotes | backslashes | controls) & highBits
  }

  /// How many lanes say yes.
  @inline(__always)
  static func count(_ lanes: UInt64) -> Int { Int(truncatingIfNeeded: (lanes >> 7 &* ones) >> 56) }

  /// Of each lane: whether an odd number of the lanes up to and including it are set.
  @inline(__always)
  static func runningParity(_ lanes: UInt64) -> UInt64 {
    var lanes = lanes
    lanes ^= lanes << 8
    lanes ^= lanes << 16
    lanes ^= lanes << 32
    return lanes
  }
}
