// Refusals of strangers in the audit trail. A stranger can cause as many as he likes, so their number a minute is limited;
// those beyond are counted, and the next line that is written says how many it stands for.

import Ground
import Protocol
import Reactor
import Synchronization

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

  /// The line to write for `event`, with the number of those before it that were not written; nil: this one is not either.
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

  /// Counts a refusal that is never written by itself: the rate limits'.
  func count() { state.withLock { $0.unwritten += 1 } }
}
