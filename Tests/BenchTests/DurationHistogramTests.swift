import Ground
import Testing

@testable import Bench

struct DurationHistogramTests {
  @Test(arguments: [UInt64(1), 2, 3])
  func `percentiles are within 1 percent of the exact ones`(seed: UInt64) {
    var random = QuickRandom(seed: seed)
    var histogram = DurationHistogram()
    var exact: [Duration] = []
    for _ in 0..<5000 {
      // Magnitudes from 1 µs to about 12 days, past the end of the scale.
      let duration = Duration.microseconds(Int64(random.next() >> UInt64.random(in: 24...63, using: &random)) + 1)
      histogram.record(duration)
      exact.append(duration)
    }
    exact.sort()
    let largest = Duration.microseconds(Int64(DurationHistogram.maximumMicroseconds))
    for percent in [0.0, 10, 50, 90, 99, 99.9, 99.99, 100] {
      let rank = max(1, Int((percent / 100 * 5000).rounded(.up)))
      let value = min(exact[rank - 1], largest)
      let found = histogram.percentile(percent)
      #expect(found >= value && found.inSeconds <= value.inSeconds * 1.01, "seed \(seed), p\(percent)")
    }
    #expect(histogram.maximum == exact.last && histogram.minimum == exact.first && histogram.count == 5000)
  }

  @Test func `merging counts what one would have counted`() {
    var random = QuickRandom(seed: 4)
    var (left, right, both) = (DurationHistogram(), DurationHistogram(), DurationHistogram())
    for index in 0..<1000 {
      let duration = Duration.microseconds(Int64(random.next() >> 40))
      if index % 3 == 0 { left.record(duration) } else { right.record(duration) }
      both.record(duration)
    }
    left.merge(right)
    left.merge(DurationHistogram())
    #expect(left == both)
  }

  @Test func `every bucket ends where the next begins`() {
    for index in 0..<(DurationHistogram.index(of: DurationHistogram.maximumMicroseconds)) {
      let highest = DurationHistogram.highestMicroseconds(of: index)
      #expect(DurationHistogram.index(of: highest) == index && DurationHistogram.index(of: highest + 1) == index + 1)
    }
  }

  @Test func `an empty histogram has zeros, and a negative duration counts as zero`() {
    var histogram = DurationHistogram()
    #expect(histogram.percentile(99) == .zero && histogram.mean == .zero)
    histogram.record(.milliseconds(-5))
    #expect(histogram.maximum == .zero && histogram.count == 1)
  }

  @Test func `a histogram stays within its memory bound and has only the octaves that it needs`() {
    var histogram = DurationHistogram()
    #expect(histogram.buckets.isEmpty)
    histogram.record(.microseconds(100))
    #expect(histogram.buckets.count == 128)
    for _ in 0..<3 { histogram.record(.seconds(1 << 40)) }
    #expect(histogram.buckets.count * 8 <= DurationHistogram.maximumBytes)
    #expect(histogram.maximum == .seconds(1 << 40), "the maximum is exact beyond the scale")
  }

  @Test func `counts that no histogram has are refused`() {
    for counts in [[(index: 128 * 30, count: UInt64(1))], [(index: 5, count: 0)], [(index: -1, count: 1)]] {
      #expect(DurationHistogram(counts: counts, minimum: .zero, maximum: .zero, sumMicroseconds: 0) == nil)
    }
  }
}
