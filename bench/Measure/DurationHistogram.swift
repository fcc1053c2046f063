// Latencies in buckets whose width grows with the value (log-linear, after Gil Tene's HdrHistogram). The memory is
// bounded, each operation takes constant time, and the relative error is below 1 % (128 buckets for each power of two),
// from 1 µs to 19 h.

/// Counts durations. The sum of two histograms equals one that has recorded all their durations.
struct DurationHistogram: Sendable, Equatable {
  private static let bucketsPerOctave = 128
  private static let octaves = 30
  /// The largest value of a bucket, in microseconds. Longer durations count as this one.
  static let maximumMicroseconds: UInt64 = 1 << 36 - 1
  /// The largest number of bytes of the buckets. A run keeps hundreds of histograms, so each holds only the octaves
  /// that it needs.
  static let maximumBytes = bucketsPerOctave * octaves * MemoryLayout<UInt64>.stride

  /// The buckets of whole octaves, up to that of the longest duration.
  private(set) var buckets: [UInt64] = []
  private(set) var count: UInt64 = 0
  private(set) var minimum: Duration = .zero
  /// The longest duration. It is exact even if it fits no bucket.
  private(set) var maximum: Duration = .zero
  private(set) var sumMicroseconds: Double = 0

  init() {}

  /// Makes a histogram from the counts of another process.
  /// - Parameter counts: the index of each bucket that is not empty, and its count.
  /// - Returns: nil for an index beyond the last bucket, or for a count of 0.
  init?(counts: [(index: Int, count: UInt64)], minimum: Duration, maximum: Duration, sumMicroseconds: Double) {
    for (index, count) in counts {
      guard (0..<Self.bucketsPerOctave * Self.octaves).contains(index), count > 0 else { return nil }
      reach(index)
      buckets[index] += count
      self.count += count
    }
    self.minimum = minimum
    self.maximum = maximum
    self.sumMicroseconds = sumMicroseconds
  }

  /// Records a duration. A negative duration counts as zero.
  mutating func record(_ duration: Duration) {
    let duration = max(duration, .zero)
    let microseconds = min(duration.wholeMicroseconds, Self.maximumMicroseconds)
    let index = Self.index(of: microseconds)
    if index >= buckets.count { reach(index) }
    buckets[index] += 1
    minimum = count == 0 ? duration : min(minimum, duration)
    maximum = max(maximum, duration)
    sumMicroseconds += Double(microseconds)
    count += 1
  }

  mutating func merge(_ other: DurationHistogram) {
    if other.count == 0 { return }
    if buckets.count < other.buckets.count { reach(other.buckets.count - 1) }
    for index in other.buckets.indices { buckets[index] += other.buckets[index] }
    minimum = count == 0 ? other.minimum : min(minimum, other.minimum)
    maximum = max(maximum, other.maximum)
    sumMicroseconds += other.sumMicroseconds
    count += other.count
  }

  private mutating func reach(_ index: Int) {
    let wanted = (index / Self.bucketsPerOctave + 1) * Self.bucketsPerOctave
    if wanted > buckets.count { buckets += [UInt64](repeating: 0, count: wanted - buckets.count) }
  }

  /// Returns the duration that `percent` of all recorded ones do not exceed; zero if nothing is recorded.
  /// - Parameter percent: 0 to 100.
  func percentile(_ percent: Double) -> Duration {
    if count == 0 { return .zero }
    let exactRank = Double(count) * min(max(percent, 0), 100) / 100
    let wholeRank = UInt64(exactRank)
    let rank = max(1, Double(wholeRank) < exactRank ? wholeRank + 1 : wholeRank)
    var seen: UInt64 = 0
    for index in buckets.indices {
      seen += buckets[index]
      if seen >= rank { return min(.microseconds(Int64(Self.highestMicroseconds(of: index))), maximum) }
    }
    return maximum
  }

  var mean: Duration {
    count == 0 ? .zero : .microseconds(Int64(sumMicroseconds / Double(count)))
  }

  /// The buckets that are not empty, in order.
  var filled: [(index: Int, count: UInt64)] {
    buckets.indices.compactMap { buckets[$0] == 0 ? nil : ($0, buckets[$0]) }
  }

  /// Returns the bucket of a value. Each value below 256 has its own bucket; above, the eight leading bits select one.
  static func index(of microseconds: UInt64) -> Int {
    let shift = max(0, 56 - microseconds.leadingZeroBitCount)
    return shift * bucketsPerOctave + Int(microseconds >> UInt64(shift))
  }

  /// Returns the largest value of a bucket.
  static func highestMicroseconds(of index: Int) -> UInt64 {
    let shift = max(0, index / bucketsPerOctave - 1)
    let leading = UInt64(index - shift * bucketsPerOctave)
    return (leading + 1) << UInt64(shift) - 1
  }
}
