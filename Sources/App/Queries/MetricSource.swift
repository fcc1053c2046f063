/// Where the rows of an answer come from.
enum MetricSource: String, CaseIterable, Sendable, ResponseValue {
  case raw
  case fiveMinutes = "5m"
  case hour = "1h"

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
