// The server's counters as metric families, with help and kind. The page /metrics and the status of the server are written
// from them, so that a figure has one declaration.

import Ground
import Protocol
import Reactor

/// A value of a metric family.
protocol MetricSample: Sendable {
  /// In the unit that the name of the family ends with.
  var json: JSONValue { get }
  /// The value in Prometheus's text format.
  var text: String { get }
}

extension Int: MetricSample {
  var json: JSONValue { .integer(Int64(self)) }
  var text: String { String(self) }
}

extension UInt64: MetricSample {
  var json: JSONValue { .integer(Int64(clamping: self)) }
  var text: String { String(self) }
}

extension Double: MetricSample {
  var json: JSONValue { .double(self) }
  var text: String { "\(self)" }
}

/// A duration in seconds, which is Prometheus's unit.
extension Duration: MetricSample {
  private var seconds: Double { Double(wholeNanoseconds) / 1e9 }
  var json: JSONValue { .double(seconds) }
  var text: String { "\(seconds)" }
}

/// A histogram with fixed buckets.
struct MetricHistogram: Sendable {
  /// The upper bounds in the unit of the family.
  let bounds: [Double]
  /// The bounds as Prometheus's format writes them.
  let boundTexts: [String]
  /// One for each bound, and one for values beyond the last bound.
  let counts: [UInt64]
  let sum: any MetricSample

  init(_ buckets: LatencyBuckets) {
    bounds = LatencyBuckets.bounds.map { Double($0) / 1e9 }
    boundTexts = bounds.map { "\($0)" }
    counts = buckets.counts
    sum = Double(buckets.sum) / 1e9
  }

  init(_ buckets: SizeBuckets) {
    bounds = SizeBuckets.bounds.map { Double($0) }
    boundTexts = SizeBuckets.bounds.map { "\($0)" }
    counts = buckets.counts
    sum = buckets.sum
  }

  var count: UInt64 { counts.reduce(0, +) }

  /// The upper bound of the bucket that has a quantile; nil if nothing was counted, or if the quantile is beyond the last
  /// bound.
  /// - Parameter part: from 0 to 1.
  func quantile(_ part: Double) -> Double? {
    let wanted = Double(count) * part
    var below: UInt64 = 0
    for (bound, count) in zip(bounds, counts) {
      below += count
      if below > 0, Double(below) >= wanted { return bound }
    }
    return nil
  }
}

/// One family: its declaration and its samples.
struct MetricFamily: Sendable {
  enum Kind: String, Sendable { case counter, gauge, histogram }

  let name: String
  let kind: Kind
  let help: String
  /// The name of the label; empty if the family has one sample without a label.
  let label: String
  /// By the value of the label.
  var samples: [(label: String, value: any MetricSample)] = []
  /// By the value of the label; only of a histogram.
  var histograms: [(label: String, value: MetricHistogram)] = []
}

/// All families at one moment, in the order of the documentation.
struct MetricFamilies: Sendable {
  private(set) var all: [MetricFamily] = []

  /// A family with one sample.
  mutating func family(_ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: some MetricSample) {
    all.append(MetricFamily(name: name, kind: kind, help: help, label: "", samples: [("", value)]))
  }

  /// A family with a sample for each value of a label.
  mutating func family(
    _ name: String, _ kind: MetricFamily.Kind, _ help: String, by label: String,
    _ samples: [(String, any MetricSample)]
  ) {
    all.append(
      MetricFamily(name: name, kind: kind, help: help, label: label, samples: samples.map { ($0.0, $0.1) }))
  }

  /// Histograms of one family, by label.
  mutating func family(_ name: String, _ help: String, by label: String, _ histograms: [(String, LatencyBuckets)]) {
    all.append(
      MetricFamily(
        name: name, kind: .histogram, help: help, label: label,
        histograms: histograms.map { ($0.0, MetricHistogram($0.1)) }))
  }

  /// A family with one histogram.
  mutating func family(_ name: String, _ help: String, _ histogram: LatencyBuckets) {
    all.append(
      MetricFamily(
        name: name, kind: .histogram, help: help, label: "", histograms: [("", MetricHistogram(histogram))]))
  }

  /// A family with one histogram of sizes, in the unit that its name ends with.
  mutating func family(_ name: String, _ help: String, _ histogram: SizeBuckets) {
    all.append(
      MetricFamily(
        name: name, kind: .histogram, help: help, label: "", histograms: [("", MetricHistogram(histogram))]))
  }

  /// The family with a name, which must exist.
  /// - Parameter name: without `pganalytics_`, which all names begin with.
  subscript(name: String) -> MetricFamily {
    guard let family = all.first(where: { $0.name == "pganalytics_" + name }) else {
      preconditionFailure("there is no metric family \(name)")
    }
    return family
  }
}
