import Protocol
import Testing

@testable import App

@Suite struct StatusAnswerTests {
  @Test func `every metric family has its figure in the status of the server`() throws {
    let page = MetricsPage.example
    let bytes = ObjectWriter.encode(StatusAnswer.example)
    let answer = try JSONValue.parse(bytes.span)
    // These have a member of another form.
    let others = [
      "build_info": "version", "budget_held_bytes": "budgets", "budget_limit_bytes": "budgets",
      "certificate_not_after_seconds": "certificates", "settings_reloaded_timestamp_seconds": "settings_reloaded_at",
    ]
    for family in page.families.all {
      let name = StatusAnswer.name(of: family)
      #expect(answer[member: others[name] ?? name] != nil, "\(family.name)")
    }
    #expect(answer[member: "uptime_seconds"] == .integer(3600))
    #expect(answer[member: "connections"]?.elementNamed("idle")?[member: "count"] == .integer(1))
    #expect(answer[member: "pushes_refused"] == .array([]), "a counter leaves out names with 0")
  }

  @Test func `a quantile is the upper bound of its bucket, and unknown beyond the last bound`() {
    var buckets = LatencyBuckets()
    #expect(MetricHistogram(buckets).quantile(0.5) == nil)
    for milliseconds in [1, 3, 3, 90] { buckets.observe(.milliseconds(milliseconds)) }
    #expect(MetricHistogram(buckets).quantile(0) == 0.001)
    #expect(MetricHistogram(buckets).quantile(0.5) == 0.005)
    #expect(MetricHistogram(buckets).quantile(0.99) == 0.1)
    buckets.observe(.seconds(1000))
    #expect(MetricHistogram(buckets).quantile(0.5) == 0.005)
    #expect(MetricHistogram(buckets).quantile(1) == nil)
  }
}

extension JSONValue {
  fileprivate func elementNamed(_ name: String) -> JSONValue? {
    guard case .array(let elements) = self else { return nil }
    return elements.first { $0[member: "name"] == .string(name) }
  }
}
