import Protocol

/// How the values of a bucket become one.
enum Aggregate: String, CaseIterable, Sendable, ResponseValue {
  case avg, min, max, sum, last
  /// Increase per second of a counter; one that falls was reset, and its new value is the increase.
  case rate
  /// The value that 95 of 100 do not exceed, interpolated.
  case p95

  /// Whether it can be taken of `column`.
  func isDefined(for column: MetricColumn) -> Bool {
    switch (self, column.meaning) {
    case (.last, _), (.rate, .counter): true
    case (.avg, .counter), (.min, .counter), (.max, .counter), (.sum, .counter), (.p95, .counter): true
    case (.avg, .gauge), (.min, .gauge), (.max, .gauge), (.sum, .gauge), (.p95, .gauge): true
    case (.rate, .gauge), (_, .label): false
    }
  }

  /// Whether the aggregates of parts of a bucket make that of the bucket.
  var isComposable: Bool {
    switch self {
    case .avg, .min, .max, .sum, .last, .rate: true
    case .p95: false
    }
  }
}
