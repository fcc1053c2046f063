// The system's generator is a system call at each use, two of them a request: a tenth of what a small one costs.

/// SplitMix64 (Steele, Lea and Flood 2014), begun by the system's generator. Anybody can predict it: no secrets from here.
struct QuickRandom: RandomNumberGenerator {
  private var state: UInt64

  /// - Parameter seed: the same seed gives the same numbers.
  init(seed: UInt64 = .random(in: .min ... .max)) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
