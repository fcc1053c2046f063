// Counts over time, in memory that does not grow with the run. Each interval is one second long at first. When there
// are too many, each two are joined into one.

internal import Reactor

/// The counts of one interval.
struct Interval: Sendable, Equatable {
  var acknowledged = 0
  var rows = 0
  /// Answers other than 2xx, and broken connections.
  var errors = 0
  var wireBytes = 0
  /// The latency of the pushes that were acknowledged in the interval.
  var latency = DurationHistogram()

  mutating func merge(_ other: Interval) {
    acknowledged += other.acknowledged
    rows += other.rows
    errors += other.errors
    wireBytes += other.wireBytes
    latency.merge(other.latency)
  }
}

/// The intervals from the start of a run.
struct TimeSeries: Sendable, Equatable {
  /// The largest number of intervals. Up to four minutes of a run have intervals of one second, an hour has intervals
  /// of 16 s.
  static let maximumIntervals = 240

  /// A power of two.
  private(set) var secondsPerInterval = 1
  private(set) var intervals: [Interval] = []

  init() {}

  /// - Returns: nil if the width is no power of two, or if there are too many intervals.
  init?(secondsPerInterval: Int, intervals: [Interval]) {
    guard secondsPerInterval > 0, secondsPerInterval & (secondsPerInterval - 1) == 0,
      intervals.count <= Self.maximumIntervals
    else { return nil }
    self.secondsPerInterval = secondsPerInterval
    self.intervals = intervals
  }

  /// Changes the counts of the interval at `sinceStart`.
  /// - Parameter sinceStart: the time since the start of the run. A negative time counts as 0.
  mutating func note(at sinceStart: Duration, _ change: (inout Interval) -> Void) {
    let second = Int(max(sinceStart, .zero).components.seconds)
    while second / secondsPerInterval >= Self.maximumIntervals { coarsen() }
    let index = second / secondsPerInterval
    while intervals.count <= index { intervals.append(Interval()) }
    change(&intervals[index])
  }

  /// Adds the counts of another shard with the same start.
  mutating func merge(_ other: TimeSeries) {
    var other = other
    while other.secondsPerInterval < secondsPerInterval { other.coarsen() }
    while secondsPerInterval < other.secondsPerInterval { coarsen() }
    for (index, interval) in other.intervals.enumerated() {
      if index < intervals.count { intervals[index].merge(interval) } else { intervals.append(interval) }
    }
  }

  private mutating func coarsen() {
    secondsPerInterval *= 2
    intervals = stride(from: 0, to: intervals.count, by: 2).map { index in
      var joined = intervals[index]
      if index + 1 < intervals.count { joined.merge(intervals[index + 1]) }
      return joined
    }
  }
}
