// The time of day of one loop. The system's clock is read once a second; in between the monotonic clock advances it.

import Ground
import Protocol
import Reactor

/// Unix time for certificates, tokens and Date fields. Everything that lives on the loop shares one instance. Deadlines
/// never use it, because it may jump.
final class LoopClock {
  private let loop: EventLoop
  private var readAt: MonotonicTime?
  private var unixMicrosecondsAtRead: Int64 = 0
  private var dateSeconds: Int64 = .min
  private var date = ""

  init(_ loop: EventLoop) { self.loop = loop }

  var unixMicroseconds: Int64 {
    let now = loop.now
    if let readAt, now - readAt < .seconds(1) {
      return unixMicrosecondsAtRead + readAt.duration(to: now).wholeNanoseconds / 1000
    }
    readAt = now
    unixMicrosecondsAtRead = loop.readWallClock()
    return unixMicrosecondsAtRead
  }

  var unixSeconds: Int64 { unixMicroseconds / 1_000_000 }

  /// The value of a Date field.
  var httpDate: String {
    let seconds = unixSeconds
    if seconds != dateSeconds {
      dateSeconds = seconds
      date = HTTPDate.imfFixdate(unixSeconds: seconds)
    }
    return date
  }
}
