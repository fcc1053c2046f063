// Fast random numbers. The system's generator makes a system call for each number. A request draws two numbers, so
// those calls would be a tenth of the cost of a small request.

/// SplitMix64 (Steele, Lea and Flood 2014). Its numbers are predictable, so no secret may be derived from them.
package struct QuickRandom: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  /// - Parameter seed: the same seed gives the same numbers.
  package init(seed: UInt64 = .random(in: .min ... .max)) { state = seed }

  @inlinable
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// Returns a number from 0 up to but not including 1.
  package mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
