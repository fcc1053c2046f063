import Reactor
import Testing

@testable import App

@Suite struct PrometheusTextTests {
  @Test func `the page has metric families with help, type and samples`() {
    var page = MetricFamilies()
    page.family("a_total", .counter, "How many.", 3)
    page.family("b", .gauge, "By name.", by: "name", [("x", 1), ("quo\"te\\", 2)])
    page.family("c_seconds", .gauge, "How long.", Duration.milliseconds(1500))
    #expect(
      PrometheusText(page).text == """
        # HELP a_total How many.
        # TYPE a_total counter
        a_total 3
        # HELP b By name.
        # TYPE b gauge
        b{name="x"} 1
        b{name="quo\\"te\\\\"} 2
        # HELP c_seconds How long.
        # TYPE c_seconds gauge
        c_seconds 1.5

        """)
  }

  @Test func `the buckets of a histogram are cumulative and end with the total`() {
    var histogram = LatencyBuckets()
    histogram.observe(.microseconds(10))
    histogram.observe(.microseconds(11))
    histogram.observe(.seconds(1000))
    var page = MetricFamilies()
    page.family("d_seconds", "Stages.", by: "stage", [("all", histogram)])
    let lines = PrometheusText(page).text.split(separator: "\n").dropFirst(2).map(String.init)
    #expect(lines.first == "d_seconds_bucket{stage=\"all\",le=\"1e-05\"} 1")
    #expect(lines.dropFirst().first == "d_seconds_bucket{stage=\"all\",le=\"2.5e-05\"} 2")
    #expect(lines.dropLast(3).last == "d_seconds_bucket{stage=\"all\",le=\"25.0\"} 2")
    #expect(
      lines.suffix(3) == [
        "d_seconds_bucket{stage=\"all\",le=\"+Inf\"} 3", "d_seconds_sum{stage=\"all\"} 1000.000021",
        "d_seconds_count{stage=\"all\"} 3",
      ])
  }

  @Test func `bounds grow, and the sum of two histograms counts both`() {
    #expect(LatencyBuckets.bounds == LatencyBuckets.bounds.sorted())
    #expect(Set(LatencyBuckets.bounds).count == LatencyBuckets.bounds.count)
    var left = LatencyBuckets()
    var right = LatencyBuckets()
    left.observe(.milliseconds(3))
    right.observe(.milliseconds(300))
    left += right
    #expect(left.count == 2)
    #expect(left.sum == 303_000_000)
  }
}
