// The events of a simulation, as text for people and as one number to compare.

/// The events of one simulation. Texts must not contain anything that differs from run to run, such as a token.
struct SimulationTrace {
  private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
  private(set) var count = 0
  private let isPrinted: Bool

  init(isPrinted: Bool) { self.isPrinted = isPrinted }

  mutating func note(_ time: UInt64, _ event: StaticString, _ values: [Int]) {
    count += 1
    mix(time)
    event.withUTF8Buffer { for byte in $0 { mix(UInt64(byte)) } }
    for value in values { mix(UInt64(bitPattern: Int64(value))) }
    if isPrinted {
      let microseconds = (time - SimulatedKernel.start) / 1000
      print(
        "\(microseconds / 1_000_000).\(String(1_000_000 + microseconds % 1_000_000).dropFirst()) \(event) \(values)")
    }
  }

  private mutating func mix(_ value: UInt64) { digest = (digest ^ value) &* 0x100_0000_01B3 }
}
