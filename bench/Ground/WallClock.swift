internal import Glibc

/// The calendar's clock.
enum WallClock {
  /// Now, in unix seconds.
  static func unixSeconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec)
  }
}
