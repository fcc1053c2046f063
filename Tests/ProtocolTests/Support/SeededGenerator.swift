// Random tests must be repeatable, so each of them uses a seed that it prints.

/// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"). It is small and works with
/// any seed.
struct SeededGenerator: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The seeds of a fuzz test: a fixed one, and one that is new in each run and is printed.
  static func fuzzSeeds(_ name: StaticString) -> [UInt64] {
    let fresh = UInt64.random(in: .min ... .max)
    print("\(name): fuzz seeds 1 and \(fresh)")
    return [1, fresh]
  }

  /// A copy of `bytes` with one to four changes: a byte is changed, dropped, doubled or inserted.
  mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &self)
      switch Int.random(in: 0..<4, using: &self) {
      case 0: bytes[index] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &self)
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(bytes[index], at: index)
      default: bytes.insert(UInt8.random(in: 0...255, using: &self), at: index)
      }
    }
    return bytes
  }
}
