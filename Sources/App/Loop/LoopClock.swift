// The time of day of one loop. The system's clock is read once a second; in between the monotonic clock advances it.

import Ground
import Protocol
import Reactor

/// Unix time for certificates, tokens and Date fields. All parts of a loop share one instance. Deadlines never use it,
/// because it may jump.
final class LoopClock {
  private let loop: EventLoop
  private var readAt: MonotonicTime?
  private var unixMicrosecondsAtRead: Int64 = 0
  private var dateSeconds: Int64 = .min
  private var date = ""

  init(_ loop: EventLoop) { self.loop = loop }

  /// Microseconds since 1970-01-01 UTC.
  var unixMicroseconds: Int64 {
    let now = loop.now
    if let readAt, now - readAt < .seconds(1) {
      return unixMicrosecondsAtRead + readAt.duration(to: now).wholeNanoseconds / 1000
    }
    readAt = now
    unixMicrosecondsAtRead = loop.readWallClock()
    return unixMicrosecondsAtRead
  }

  /// Seconds since 1970-01-01 UTC.
  var unixSeconds: Int64 { unixMicroseconds / 1_000_000 }

  /// The current time as the value of an HTTP Date field.
  var httpDate: String {
    let seconds = unixSeconds
    if seconds != dateSeconds {
      dateSeconds = seconds
      date = HTTPDate.imfFixdate(unixSeconds: seconds)
    }
    return date
  }
}
