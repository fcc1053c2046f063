// The time of the day for a loop: read once a second from the system, advanced by the monotonic clock in between.

import Ground
import Protocol
import Reactor

/// Unix time for certificates, tokens and Date fields. Deadlines never use it: it may jump.
struct LoopClock {
  private var readAt: MonotonicTime?
  private var unixMicrosecondsAtRead: Int64 = 0
  private var dateSeconds: Int64 = .min
  private var date = ""

  mutating func unixMicroseconds(of loop: EventLoop) -> Int64 {
    let now = loop.now
    if let readAt, now - readAt < .seconds(1) {
      return unixMicrosecondsAtRead + readAt.duration(to: now).wholeNanoseconds / 1000
    }
    readAt = now
    unixMicrosecondsAtRead = loop.readWallClock()
    return unixMicrosecondsAtRead
  }

  mutating func unixSeconds(of loop: EventLoop) -> Int64 { unixMicroseconds(of: loop) / 1_000_000 }

  /// The value of a Date field.
  mutating func httpDate(of loop: EventLoop) -> String {
    let seconds = unixSeconds(of: loop)
    if seconds != dateSeconds {
      dateSeconds = seconds
      date = HTTPDate.imfFixdate(unixSeconds: seconds)
    }
    return date
  }
}
