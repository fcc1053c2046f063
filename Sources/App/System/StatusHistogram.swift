// Histograms in the status of the server. Quantiles count from the start of the server; the buckets are for clients that
// want those of the time between two answers.

import Protocol

/// The durations of one stage.
struct StatusLatency: ResponseBody {
  private let name: String
  private let histogram: MetricHistogram

  static let example = StatusLatency(("total", MetricHistogram(LatencyBuckets())))

  init(_ histogram: (label: String, value: MetricHistogram)) {
    (name, self.histogram) = (histogram.label, histogram.value)
  }

  func write(to object: inout ObjectWriter) {
    object.member("name", name, "The stage; empty if there is only one.")
    object.member("count", Int64(clamping: histogram.count), "A counter.")
    object.nullable("median_seconds", histogram.quantile(0.5), StatusBucket.quantile)
    object.nullable("p90_seconds", histogram.quantile(0.9), StatusBucket.quantile)
    object.nullable("p99_seconds", histogram.quantile(0.99), StatusBucket.quantile)
    object.member("buckets", StatusBucket.all(histogram), StatusBucket.prose)
  }
}

/// The sizes of one kind of thing.
struct StatusSizes: ResponseBody {
  private let name: String
  private let histogram: MetricHistogram

  static let example = StatusSizes(("", MetricHistogram(SizeBuckets())))

  init(_ histogram: (label: String, value: MetricHistogram)) {
    (name, self.histogram) = (histogram.label, histogram.value)
  }

  func write(to object: inout ObjectWriter) {
    object.member("name", name, "Empty.")
    object.member("count", Int64(clamping: histogram.count), "A counter.")
    object.nullable("median", histogram.quantile(0.5), StatusBucket.quantile)
    object.nullable("p90", histogram.quantile(0.9), StatusBucket.quantile)
    object.nullable("p99", histogram.quantile(0.99), StatusBucket.quantile)
    object.member("buckets", StatusBucket.all(histogram), StatusBucket.prose)
  }
}

/// One bucket of a histogram.
struct StatusBucket: ResponseBody {
  static let quantile =
    "Since the start of the server: the upper bound of the bucket with it; null: nothing was counted, or it is beyond the last bound."
  static let prose = "The buckets that have counted something, by their upper bounds."
  static let example = StatusBucket(bound: 0.005, count: 17)

  let bound: Double?
  let count: UInt64

  static func all(_ histogram: MetricHistogram) -> [StatusBucket] {
    zip(histogram.bounds.map(Optional.some) + [nil], histogram.counts).filter { $0.1 > 0 }.map {
      StatusBucket(bound: $0.0, count: $0.1)
    }
  }

  func write(to object: inout ObjectWriter) {
    object.nullable("up_to", bound, "In the unit of the histogram; null: beyond the last bound.")
    object.member("count", Int64(clamping: count), "Values in this bucket and not in the one before. A counter.")
  }
}
