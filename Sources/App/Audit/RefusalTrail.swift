// Limits how many refusals of strangers the audit trail gets per minute, because a stranger can cause any number of
// them. Further refusals are counted, and the next line that is written contains the count.

import Ground
import Protocol
import Reactor
import Synchronization

/// Any thread may call it.
final class RefusalTrail: Sendable {
  private struct State {
    var bucket: TokenBucket<MonotonicTime>
    var unwritten: Int64 = 0
  }

  private let perMinute: Live<Int>
  private let state: Mutex<State>

  init(perMinute: Live<Int>, now: MonotonicTime = .now()) {
    self.perMinute = perMinute
    state = Mutex(State(bucket: TokenBucket(burst: Double(perMinute.now), now: now)))
  }

  /// The line to write for `event`, with the number of unwritten refusals before it; nil if this one is not written
  /// either.
  func line(for event: AuditEvent, now: MonotonicTime = .now()) -> AuditEvent? {
    let perMinute = Double(perMinute.now)
    return state.withLock { state in
      let wait = state.bucket.take(1, perSecond: perMinute / 60, burst: perMinute, now: now)
      guard wait == nil else {
        state.unwritten += 1
        return nil
      }
      var event = event
      if state.unwritten > 0 { event.details["unwritten_before"] = .integer(state.unwritten) }
      state.unwritten = 0
      return event
    }
  }

  /// Counts a refusal that is never written itself, such as one by a rate limit.
  func count() { state.withLock { $0.unwritten += 1 } }
}
