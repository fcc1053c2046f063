// The ingest path in thousands of simulated worlds: see docs/SIMULATION.md.

import Glibc
import Testing

@Suite struct SimulationTests {
  /// Seeds of a usual run; each takes some milliseconds in a debug build.
  private static let usualSeeds: UInt64 = 2000
  private static let workers: UInt64 = 2

  private static func number(_ variable: String) -> UInt64? { getenv(variable).flatMap { UInt64(String(cString: $0)) } }

  private static func simulate(_ seed: UInt64, slot: Int, isPrinted: Bool = false) throws -> Simulation.Outcome {
    SeedNote.set(seed, slot: slot)
    defer { SeedNote.set(nil, slot: slot) }
    return try Simulation(seed: seed, isPrinted: isPrinted).run()
  }

  @Test(arguments: 0..<workers)
  func `in every world an acknowledged push is stored once and nothing is left behind`(_ worker: UInt64) throws {
    let slot = Int(worker)
    if let seed = Self.number("SIMULATION_SEED") {
      if worker > 0 { return }
      let outcome = try Self.simulate(seed, slot: slot, isPrinted: true)
      print("\(outcome)")
      #expect(outcome.violations.isEmpty)
      return
    }
    let first = Self.number("SIMULATION_FIRST") ?? 1
    let count = Self.number("SIMULATION_SEEDS") ?? Self.usualSeeds
    var acknowledged = 0
    for seed in first..<first + count where seed % Self.workers == worker {
      let outcome = try Self.simulate(seed, slot: slot)
      acknowledged += outcome.acknowledged
      if !outcome.violations.isEmpty {
        Issue.record(
          """
          \(outcome.violations.joined(separator: "\n"))
          Again: SIMULATION_SEED=\(seed) swift test --filter SimulationTests
          """)
        return
      }
    }
    #expect(acknowledged > Int(count) / 2, "the worlds acknowledge many pushes")
  }

  @Test func `the same seed makes the same world, and another seed makes another`() throws {
    var digests: Set<UInt64> = []
    for seed: UInt64 in 1...20 {
      let outcomes = try (0..<2).map { _ in try Self.simulate(seed, slot: 2) }
      #expect(outcomes[0].digest == outcomes[1].digest, "seed \(seed)")
      #expect(outcomes[0].events == outcomes[1].events)
      digests.insert(outcomes[0].digest)
    }
    #expect(digests.count == 20)
  }
}
