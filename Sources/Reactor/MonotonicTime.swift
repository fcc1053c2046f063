// Each deadline is a point on CLOCK_MONOTONIC, so a jump of the wall clock affects no connection.

internal import CEpoll.Epoll

/// A point in time: nanoseconds since a moment before the process began (clock_gettime(2), CLOCK_MONOTONIC). Its
/// arithmetic saturates.
public struct MonotonicTime: InstantProtocol, Sendable {
  /// The nanoseconds.
  public var nanoseconds: UInt64

  /// Makes a point in time.
  public init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// Reads the clock. Code on a loop prefers `EventLoop.now`, which is read once per turn.
  public static func now() -> MonotonicTime {
    MonotonicTime(nanoseconds: cepoll_monotonic_nanoseconds())
  }

  /// The time `duration` later. It saturates at both ends.
  public func advanced(by duration: Duration) -> MonotonicTime {
    let step = duration.saturatedNanoseconds
    let (sum, overflow) =
      step >= 0
      ? nanoseconds.addingReportingOverflow(step.magnitude) : nanoseconds.subtractingReportingOverflow(step.magnitude)
    if overflow { return MonotonicTime(nanoseconds: step >= 0 ? .max : 0) }
    return MonotonicTime(nanoseconds: sum)
  }

  /// The time from this point to `other`; negative if `other` is earlier.
  public func duration(to other: MonotonicTime) -> Duration {
    let isForward = other.nanoseconds >= nanoseconds
    let distance = isForward ? other.nanoseconds - nanoseconds : nanoseconds - other.nanoseconds
    let attoseconds = Int128(Int64(clamping: distance)) * 1_000_000_000
    return Duration(attoseconds: isForward ? attoseconds : -attoseconds)
  }

  /// The time `duration` later.
  public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    time.advanced(by: duration)
  }

  /// The time `duration` earlier.
  public static func - (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    time.advanced(by: .zero - duration)
  }

  /// The time from `right` to `left`; negative if `left` is earlier.
  public static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
    right.duration(to: left)
  }

  /// Whether `left` is earlier.
  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

extension Duration {
  /// The duration in whole nanoseconds. Beyond 292 years it is the nearest value that fits.
  var saturatedNanoseconds: Int64 {
    // Below nine seconds one division of a machine word is enough. Divisions of 128 bits, and `components`, are
    // function calls.
    if let few = Int64(exactly: attoseconds) { return few / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }
}
