// A histogram of latencies for Prometheus: counts in fixed buckets, and their sum.

import Ground
import Reactor

/// Counts durations in fixed buckets.
struct LatencyBuckets: Sendable {
  /// Upper bounds in nanoseconds: 1, 2.5 and 5 per decade from 10 µs to 25 s. Longer durations are only in the last
  /// bucket.
  static let bounds: [Int64] =
    (0..<6).flatMap { decade -> [Int64] in
      let unit = (0..<decade).reduce(Int64(10_000)) { unit, _ in unit * 10 }
      return [unit, unit * 5 / 2, unit * 5]
    } + [10_000_000_000, 25_000_000_000]

  /// One more count than there are bounds.
  private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  private(set) var sum: Int64 = 0

  var count: UInt64 { counts.reduce(0, +) }

  mutating func observe(_ duration: Duration) {
    let nanoseconds = duration.wholeNanoseconds
    // At most twenty comparisons, and few for common durations, which is fast enough for each push.
    var bucket = 0
    while bucket < Self.bounds.count, nanoseconds > Self.bounds[bucket] { bucket += 1 }
    counts[bucket] += 1
    sum += nanoseconds
  }

  static func += (left: inout LatencyBuckets, right: LatencyBuckets) {
    for index in left.counts.indices { left.counts[index] += right.counts[index] }
    left.sum += right.sum
  }
}
