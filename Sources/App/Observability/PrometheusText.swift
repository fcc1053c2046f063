// The text exposition format 0.0.4 of Prometheus, as far as a server needs it.

import Protocol
import Reactor

/// A document in the making. Families are written one after the other; each says its help and type once.
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
  mutating func family(_ name: String, _ help: String, by label: String, _ histograms: [(String, LatencyHistogram)]) {
    begin(name, .histogram, help)
    for (value, histogram) in histograms {
      let own = "\(label)=\"\(Self.escaped(value))\""
      var below: UInt64 = 0
      for (bound, count) in zip(LatencyHistogram.bounds, histogram.counts) {
        below += count
        sample(name + "_bucket", "{\(own),le=\"\(Double(bound) / 1e9)\"}", "\(below)")
      }
      sample(name + "_bucket", "{\(own),le=\"+Inf\"}", "\(histogram.count)")
      sample(name + "_sum", "{\(own)}", "\(Double(histogram.sum) / 1e9)")
      sample(name + "_count", "{\(own)}", "\(histogram.count)")
    }
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

  /// What a sample can be.
  protocol Sample {
    var sample: String { get }
  }
}

extension Int: PrometheusText.Sample { var sample: String { String(self) } }
extension UInt64: PrometheusText.Sample { var sample: String { String(self) } }
/// In seconds, as all durations of the format.
extension Duration: PrometheusText.Sample { var sample: String { "\(Double(wholeNanoseconds) / 1e9)" } }
