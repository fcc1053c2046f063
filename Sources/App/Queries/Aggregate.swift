import Protocol

/// How the values in a bucket are combined into one.
enum Aggregate: String, CaseIterable, Sendable, ResponseValue {
  case avg, min, max, sum, last
  /// The increase per second of a counter. A counter that falls was reset, and its new value is the increase.
  case rate
  /// The 95th percentile, interpolated.
  case p95

  /// Whether the aggregate exists for `column`.
  func isDefined(for column: MetricColumn) -> Bool {
    switch (self, column.meaning) {
    case (.last, _), (.rate, .counter): true
    case (.avg, .counter), (.min, .counter), (.max, .counter), (.sum, .counter), (.p95, .counter): true
    case (.avg, .gauge), (.min, .gauge), (.max, .gauge), (.sum, .gauge), (.p95, .gauge): true
    case (.rate, .gauge), (_, .label): false
    }
  }

  /// Whether the aggregate of a bucket can be computed from the aggregates of its parts.
  var isComposable: Bool {
    switch self {
    case .avg, .min, .max, .sum, .last, .rate: true
    case .p95: false
    }
  }
}
