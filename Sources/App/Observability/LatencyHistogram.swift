// Latencies as Prometheus wants them: counts in fixed buckets, and their sum.

import Ground
import Reactor

struct LatencyHistogram: Sendable {
  /// Upper ends in nanoseconds, 1-2.5-5 a decade from 10 µs to 25 s; what is longer is counted in the last bucket only.
  static let bounds: [Int64] =
    (0..<6).flatMap { decade -> [Int64] in
      let unit = (0..<decade).reduce(Int64(10_000)) { unit, _ in unit * 10 }
      return [unit, unit * 5 / 2, unit * 5]
    } + [10_000_000_000, 25_000_000_000]

  /// One more than bounds.
  private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  private(set) var sum: Int64 = 0

  var count: UInt64 { counts.reduce(0, +) }

  mutating func observe(_ duration: Duration) {
    let nanoseconds = duration.wholeNanoseconds
    // Twenty comparisons at most, few for what is usual: fast enough for a push, and there are no more than those.
    var bucket = 0
    while bucket < Self.bounds.count, nanoseconds > Self.bounds[bucket] { bucket += 1 }
    counts[bucket] += 1
    sum += nanoseconds
  }

  static func += (left: inout LatencyHistogram, right: LatencyHistogram) {
    for index in left.counts.indices { left.counts[index] += right.counts[index] }
    left.sum += right.sum
  }
}
