// A histogram of sizes for Prometheus: counts in fixed buckets, and their sum.

/// Counts sizes in fixed buckets.
struct SizeBuckets: Sendable {
  /// Upper bounds: powers of four up to 2^28. Larger sizes are only in the last bucket.
  static let bounds: [Int] = (0...14).map { 1 << (2 * $0) }

  /// One more count than there are bounds.
  private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  private(set) var sum = 0

  var count: UInt64 { counts.reduce(0, +) }

  /// - Parameter size: not negative.
  mutating func observe(_ size: Int) {
    let bits = size <= 1 ? 0 : Int.bitWidth - (size - 1).leadingZeroBitCount
    let bucket = (bits + 1) / 2
    counts[bucket < Self.bounds.count ? bucket : Self.bounds.count] += 1
    sum += size
  }

  static func += (left: inout SizeBuckets, right: SizeBuckets) {
    for index in left.counts.indices { left.counts[index] += right.counts[index] }
    left.sum += right.sum
  }
}
