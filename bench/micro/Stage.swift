// Measures a stage: the processor time of this thread, on which other work of the machine has little influence, and the
// allocations and copied bytes, which are exact.

import CCounters
import Glibc

/// The cost of one unit (a body, a head, a handshake) of a stage.
struct StageResult {
  let name: String
  /// The nanoseconds per unit of each round, sorted.
  let nanoseconds: [Double]
  let allocations: Double
  /// Bytes copied by memcpy and memmove per unit.
  let copied: Double
  /// The bytes and rows of a unit; 0 if the unit has none.
  let bytes: Int
  let rows: Int

  var best: Double { nanoseconds[0] }
  var median: Double { nanoseconds[nanoseconds.count / 2] }
  /// Copied bytes for each byte of the unit.
  var copiesPerByte: Double { bytes == 0 ? .nan : copied / Double(bytes) }
}

struct Bench {
  /// The number of rounds of a stage, and the shortest time of each round.
  let rounds: Int
  let roundNanoseconds: Int64

  /// - Parameter unit: does one unit. It is called as often as each round needs, and three times before to warm up.
  func measure(
    _ name: String, bytes: Int = 0, rows: Int = 0, _ unit: () throws -> Void
  ) rethrows -> StageResult {
    for _ in 0..<3 { try unit() }
    var count = 1
    while true {
      let start = Self.threadNanoseconds()
      for _ in 0..<count { try unit() }
      if Self.threadNanoseconds() - start >= roundNanoseconds { break }
      count *= 2
    }
    var results: [Double] = []
    results.reserveCapacity(rounds)
    let before = counted_by_this_thread()
    for _ in 0..<rounds {
      let start = Self.threadNanoseconds()
      for _ in 0..<count { try unit() }
      results.append(Double(Self.threadNanoseconds() - start) / Double(count))
    }
    let after = counted_by_this_thread()
    let units = Double(rounds * count)
    return StageResult(
      name: name, nanoseconds: results.sorted(), allocations: Double(after.allocations - before.allocations) / units,
      copied: Double(after.copied_bytes - before.copied_bytes) / units, bytes: bytes, rows: rows)
  }

  /// Processor time of the calling thread.
  static func threadNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

extension Double {
  /// Returns the number with `digits` digits behind the point.
  func text(_ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (self * scale).rounded()
    if digits == 0 { return String(Int64(scaled)) }
    let whole = Int64(scaled / scale)
    let rest = String(Int64(scaled - Double(whole) * scale))
    return "\(whole)." + String(repeating: "0", count: digits - rest.count) + rest
  }
}
