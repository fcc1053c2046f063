import Testing

@testable import App

@Suite struct SizeBucketsTests {
  @Test func `a size is counted at the first bound that is not below it`() {
    for size in [0, 1, 2, 3, 4, 5, 15, 16, 17, 64, 65, 1 << 27, 1 << 28, 1 << 28 + 1, 1 << 40, .max] {
      var histogram = SizeBuckets()
      histogram.observe(size)
      let expected = SizeBuckets.bounds.firstIndex { size <= $0 } ?? SizeBuckets.bounds.count
      #expect(histogram.counts.firstIndex(of: 1) == expected, "\(size)")
      #expect(histogram.count == 1 && histogram.sum == size)
    }
  }

  @Test func `the sum of two size histograms counts both, and the page has all buckets`() {
    var (left, right) = (SizeBuckets(), SizeBuckets())
    left.observe(3)
    right.observe(1 << 30)
    left += right
    var page = MetricFamilies()
    page.family("e_bytes", "Sizes.", left)
    let lines = PrometheusText(page).text.split(separator: "\n").map(String.init)
    #expect(
      lines[1...4] == [
        "# TYPE e_bytes histogram", "e_bytes_bucket{le=\"1\"} 0", "e_bytes_bucket{le=\"4\"} 1",
        "e_bytes_bucket{le=\"16\"} 1",
      ])
    #expect(lines.suffix(3) == ["e_bytes_bucket{le=\"+Inf\"} 2", "e_bytes_sum 1073741827", "e_bytes_count 2"])
  }
}
