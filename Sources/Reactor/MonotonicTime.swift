// Every deadline is a point on CLOCK_MONOTONIC: a stepped wall clock neither closes nor keeps a connection.

internal import CEpoll.Epoll

/// A point in time: nanoseconds since some moment before the process began (clock_gettime(2), CLOCK_MONOTONIC).
/// Its arithmetic saturates.
public struct MonotonicTime: InstantProtocol, Sendable {
  public var nanoseconds: UInt64

  public init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// Reads the clock. On a loop prefer `EventLoop.now`, which is read once a turn.
  public static func now() -> MonotonicTime {
    MonotonicTime(nanoseconds: cepoll_monotonic_nanoseconds())
  }

  public func advanced(by duration: Duration) -> MonotonicTime {
    let step = duration.saturatedNanoseconds
    let (sum, overflow) =
      step >= 0
      ? nanoseconds.addingReportingOverflow(step.magnitude) : nanoseconds.subtractingReportingOverflow(step.magnitude)
    if overflow { return MonotonicTime(nanoseconds: step >= 0 ? .max : 0) }
    return MonotonicTime(nanoseconds: sum)
  }

  public func duration(to other: MonotonicTime) -> Duration {
    let isForward = other.nanoseconds >= nanoseconds
    let distance = isForward ? other.nanoseconds - nanoseconds : nanoseconds - other.nanoseconds
    let attoseconds = Int128(Int64(clamping: distance)) * 1_000_000_000
    return Duration(attoseconds: isForward ? attoseconds : -attoseconds)
  }

  public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    time.advanced(by: duration)
  }

  public static func - (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    time.advanced(by: .zero - duration)
  }

  /// How long from `right` to `left`; negative if `left` comes first.
  public static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
    right.duration(to: left)
  }

  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

extension Duration {
  /// Whole nanoseconds; beyond 292 years the nearest value that fits.
  var saturatedNanoseconds: Int64 {
    // Below nine seconds one division of a machine word will do; those of 128 bits, and `components`, are calls.
    if let few = Int64(exactly: attoseconds) { return few / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }
}
