// What happened when, in memory that does not grow with the run: intervals of one second at first, and when there are
// too many, each two become one.

internal import Reactor

/// What fell into one interval.
struct Interval: Sendable, Equatable {
  var acknowledged = 0
  var rows = 0
  /// Answers other than 2xx, and broken connections.
  var errors = 0
  var wireBytes = 0
  /// Of the pushes acknowledged in it.
  var latency = DurationHistogram()

  mutating func merge(_ other: Interval) {
    acknowledged += other.acknowledged
    rows += other.rows
    errors += other.errors
    wireBytes += other.wireBytes
    latency.merge(other.latency)
  }
}

/// Intervals from the start of a run on.
struct TimeSeries: Sendable, Equatable {
  /// A run of four minutes in seconds, of an hour in steps of 16 s.
  static let maximumIntervals = 240

  /// A power of two.
  private(set) var secondsPerInterval = 1
  private(set) var intervals: [Interval] = []

  init() {}

  /// - Returns: nil for what no series is: a width that is no power of two, or too many intervals.
  init?(secondsPerInterval: Int, intervals: [Interval]) {
    guard secondsPerInterval > 0, secondsPerInterval & (secondsPerInterval - 1) == 0,
      intervals.count <= Self.maximumIntervals
    else { return nil }
    self.secondsPerInterval = secondsPerInterval
    self.intervals = intervals
  }

  /// Changes the interval that `time` falls into. - Parameter sinceStart: what is negative counts as 0.
  mutating func note(at sinceStart: Duration, _ change: (inout Interval) -> Void) {
    let second = Int(max(sinceStart, .zero).components.seconds)
    while second / secondsPerInterval >= Self.maximumIntervals { coarsen() }
    let index = second / secondsPerInterval
    while intervals.count <= index { intervals.append(Interval()) }
    change(&intervals[index])
  }

  /// Adds what another shard noted since the same start.
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
