/// Where the rows of an answer come from, from the finest source to the coarsest.
enum MetricSource: String, CaseIterable, Sendable, ResponseValue {
  case raw
  case fiveMinutes = "5m"
  case hour = "1h"

  func isFiner(than other: MetricSource) -> Bool { (step?.seconds ?? 0) < (other.step?.seconds ?? 0) }

  /// The roll-up's step; nil for the metric tables themselves.
  var step: RollupStep? {
    switch self {
    case .raw: nil
    case .fiveMinutes: .fiveMinutes
    case .hour: .hour
    }
  }
}

extension RollupStep {
  /// The roll-ups of this width.
  var source: MetricSource {
    switch self {
    case .fiveMinutes: .fiveMinutes
    case .hour: .hour
    }
  }
}
