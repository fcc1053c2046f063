// The part of Prometheus's text exposition format 0.0.4 that the server needs.

/// A document in the format. Families follow one another; each begins with its help and type.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""

  init(_ families: MetricFamilies) {
    for family in families.all {
      text += "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
      for (value, number) in family.samples {
        sample(family.name, family.label.isEmpty ? "" : "{\(Self.pair(family.label, value))}", number.text)
      }
      for (value, histogram) in family.histograms {
        buckets(family.name, family.label.isEmpty ? "" : Self.pair(family.label, value), histogram)
      }
    }
  }

  private mutating func buckets(_ name: String, _ labels: String, _ histogram: MetricHistogram) {
    let separator = labels.isEmpty ? "" : ","
    var below: UInt64 = 0
    for (bound, count) in zip(histogram.boundTexts + ["+Inf"], histogram.counts) {
      below += count
      sample(name + "_bucket", "{\(labels)\(separator)le=\"\(bound)\"}", "\(below)")
    }
    let own = labels.isEmpty ? "" : "{\(labels)}"
    sample(name + "_sum", own, histogram.sum.text)
    sample(name + "_count", own, "\(below)")
  }

  private mutating func sample(_ name: String, _ labels: String, _ value: String) {
    text += "\(name)\(labels) \(value)\n"
  }

  private static func pair(_ label: String, _ value: String) -> String { "\(label)=\"\(escaped(value))\"" }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
