// How a stage is measured: processor time of this thread, so that what else the machine does counts little, and
// the allocations it made and the bytes it copied, which are exact.

import CCounters
import Glibc

/// What one unit (a body, a head, a handshake) of a stage costs.
struct StageResult {
  let name: String
  /// Rounds' nanoseconds a unit, sorted.
  let nanoseconds: [Double]
  let allocations: Double
  /// Bytes moved by memcpy and memmove.
  let copied: Double
  /// What a unit consists of; 0 where the question makes no sense.
  let bytes: Int
  let rows: Int

  var best: Double { nanoseconds[0] }
  var median: Double { nanoseconds[nanoseconds.count / 2] }
  /// Copied for each byte that the unit consists of.
  var copiesPerByte: Double { bytes == 0 ? .nan : copied / Double(bytes) }
}

struct Bench {
  /// Rounds of one stage, and how long each takes at least.
  let rounds: Int
  let roundNanoseconds: Int64

  /// - Parameter unit: does one unit; called often enough to fill each round, and once ahead, to warm up.
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
  /// With so many digits behind the point.
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
