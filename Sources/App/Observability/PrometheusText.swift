// The part of Prometheus's text exposition format 0.0.4 that the server needs.

import Ground
import Protocol
import Reactor

/// A document that is being written. Families follow one another; each begins with its help and type.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  enum Kind: String { case counter, gauge, histogram }

  private(set) var text = ""

  /// A family with one sample.
  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: some Sample) {
    begin(name, kind, help)
    sample(name, "", value.sample)
  }

  /// A family with a sample for each value of a label.
  mutating func family(
    _ name: String, _ kind: Kind, _ help: String, by label: String, _ samples: [(String, any Sample)]
  ) {
    begin(name, kind, help)
    for (value, number) in samples { sample(name, "{\(label)=\"\(Self.escaped(value))\"}", number.sample) }
  }

  /// Histograms of one family, by label.
  mutating func family(_ name: String, _ help: String, by label: String, _ histograms: [(String, LatencyBuckets)]) {
    begin(name, .histogram, help)
    for (value, histogram) in histograms { samples(name, "\(label)=\"\(Self.escaped(value))\"", histogram) }
  }

  /// A family with one histogram.
  mutating func family(_ name: String, _ help: String, _ histogram: LatencyBuckets) {
    begin(name, .histogram, help)
    samples(name, "", histogram)
  }

  /// A family with one histogram of sizes, in the unit that its name ends with.
  mutating func family(_ name: String, _ help: String, _ histogram: SizeBuckets) {
    begin(name, .histogram, help)
    samples(name, "", SizeBuckets.bounds.map { "\($0)" }, histogram.counts, sum: "\(histogram.sum)")
  }

  private mutating func samples(_ name: String, _ labels: String, _ histogram: LatencyBuckets) {
    samples(
      name, labels, LatencyBuckets.bounds.map { "\(Double($0) / 1e9)" }, histogram.counts,
      sum: "\(Double(histogram.sum) / 1e9)")
  }

  /// - Parameter counts: one for each bound, and one for values beyond the last bound.
  private mutating func samples(_ name: String, _ labels: String, _ bounds: [String], _ counts: [UInt64], sum: String) {
    let separator = labels.isEmpty ? "" : ","
    var below: UInt64 = 0
    for (bound, count) in zip(bounds + ["+Inf"], counts) {
      below += count
      sample(name + "_bucket", "{\(labels)\(separator)le=\"\(bound)\"}", "\(below)")
    }
    let own = labels.isEmpty ? "" : "{\(labels)}"
    sample(name + "_sum", own, sum)
    sample(name + "_count", own, "\(below)")
  }

  private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private mutating func sample(_ name: String, _ labels: String, _ value: String) {
    text += "\(name)\(labels) \(value)\n"
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  /// The value of a sample.
  protocol Sample {
    var sample: String { get }
  }
}

extension Int: PrometheusText.Sample { var sample: String { String(self) } }
extension Double: PrometheusText.Sample { var sample: String { "\(self)" } }
extension UInt64: PrometheusText.Sample { var sample: String { String(self) } }
/// A duration in seconds, which is the format's unit.
extension Duration: PrometheusText.Sample { var sample: String { "\(Double(wholeNanoseconds) / 1e9)" } }
