// The time of day. Deadlines never use it, because it may jump.

private import Glibc

/// Reads the system's clock.
package enum WallClock {
  /// Microseconds since 1970-01-01 UTC (clock_gettime(2), CLOCK_REALTIME).
  package static func unixMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }

  /// Seconds since 1970-01-01 UTC.
  package static func unixSeconds() -> Int64 { unixMicroseconds() / 1_000_000 }
}
