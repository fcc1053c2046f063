// The seeds that are being simulated. If the code under them traps, the process ends and prints these seeds.

import Glibc

enum SeedNote {
  private static let slots = 16
  private static let slotBytes = 64
  /// Safety: one thread at a time writes a slot. The signal handler reads whatever a slot holds.
  nonisolated(unsafe) private static let texts: UnsafeMutablePointer<CChar> = {
    let texts = UnsafeMutablePointer<CChar>.allocate(capacity: slots * slotBytes)
    texts.initialize(repeating: 0, count: slots * slotBytes)
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] {
      signal(number) { number in
        for slot in 0..<SeedNote.slots {
          let text = SeedNote.texts + slot * SeedNote.slotBytes
          if text.pointee != 0 { _ = write(STDERR_FILENO, text, strlen(text)) }
        }
        // The instruction traps once more, and then the process ends.
        signal(number, SIG_DFL)
      }
    }
    return texts
  }()

  /// Sets the seed of the caller's slot. A nil seed clears the slot.
  static func set(_ seed: UInt64?, slot: Int) {
    let text = seed.map { "\ntrapped in a simulation: SIMULATION_SEED=\($0)\n" } ?? ""
    let target = texts + slot * slotBytes
    text.withCString { _ = strncpy(target, $0, slotBytes - 1) }
  }
}
