// Random tests must be repeatable, so each of them uses a seed that it prints.

import Ground

struct SeededGenerator: RandomNumberGenerator {
  let seed: UInt64
  private var random: QuickRandom

  init(seed: UInt64) {
    self.seed = seed
    random = QuickRandom(seed: seed)
  }

  mutating func next() -> UInt64 { random.next() }

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
