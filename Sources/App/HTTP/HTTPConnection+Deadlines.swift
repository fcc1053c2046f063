// What a connection waits for, and for how long: one timer, always armed, and absolute. A byte now and then moves none of
// the ends; an answer's is moved by what is taken of it, as far as that is not too slow (`body_bytes_per_second`).

import Protocol
import Reactor

extension HTTPConnection: DeadlineHandler {
  /// The head's deadline runs from its first byte and is not extended by later ones.
  func armHead() {
    if isHeadTimed { return }
    isHeadTimed = true
    arm(desk.settings.headDeadline)
  }

  func arm(_ patience: Duration) { arm(at: desk.loop.now + patience) }

  /// While the client takes nothing its write deadline counts, and nothing that it sends puts that off.
  func arm(at time: MonotonicTime) {
    if !isWriteBlocked { setTimer(time) }
  }

  func setTimer(_ time: MonotonicTime) {
    if let timer, desk.loop.reschedule(timer, at: time) { return }
    timer = desk.loop.schedule(self, at: time)
  }

  /// The client takes its answers again: what it is at has a deadline of its own.
  func armPhase() {
    switch phase {
    case .idle: arm(http.isReadingHead ? desk.settings.headDeadline : desk.settings.idleDeadline)
    case .push, .gathering, .discarding: armBody()
    case .waiting, .answering, .streaming: arm(RequestDesk.answerDeadline)
    case .handshaking, .closing, .lingering, .gone: break  // the write deadline goes on, or is over
    }
  }

  func deadlineReached(_ id: TimerID) {
    timer = nil
    desk.records.count(.deadlineReached)
    if isWriteBlocked { return destroy() }
    if awaitsProxyHeader { desk.records.refused(.proxyHeaderMissing, from: peerAddress, "head_deadline") }
    switch phase {
    case .idle:
      if http.isReadingHead {
        answer(desk.refusal(Problem(.requestTimeout, "head_deadline"), of: exchange))
      } else {
        beginClose()
      }
    case .push, .gathering, .discarding:
      givePushBack()
      answer(desk.refusal(Problem(.requestTimeout, "body_deadline"), of: exchange))
    case .waiting, .answering:
      // Whoever works on it has deadlines of its own, which are shorter: this one is for what has none.
      let isRead = exchange.map { $0.head.method == .get || $0.head.method == .head } ?? true
      let problem = Problem(isRead ? .overloaded : .outcomeUnknown, "no answer in time", retryAfterSeconds: 10)
      answer(desk.refusal(problem, of: exchange))
      resume()
    case .handshaking, .streaming, .closing, .lingering, .gone: destroy()
    }
  }
}
