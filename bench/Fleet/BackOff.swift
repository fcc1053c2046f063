/// Growing, jittered pauses: a fleet that lost its server together must not come back together.
struct BackOff: Sendable {
  struct Limits: Sendable {
    var first: Duration = .milliseconds(100)
    var longest: Duration = .seconds(5)
  }

  private let limits: Limits
  private var failures = 0
  private var random: SplitMix64

  init(limits: Limits, seed: UInt64) {
    self.limits = limits
    random = SplitMix64(seed: seed)
  }

  /// Between half of and the whole pause, which doubles with each failure up to the longest.
  mutating func next() -> Duration {
    let whole = min(limits.first * (1 << min(failures, 20)), limits.longest)
    failures += 1
    return whole.scaled(by: 0.5 + 0.5 * random.fraction())
  }

  mutating func reset() { failures = 0 }
}

/// Sebastiano Vigna's generator: one word of state, and each seed a sequence of its own.
struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// 0 up to 1, without 1.
  mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
