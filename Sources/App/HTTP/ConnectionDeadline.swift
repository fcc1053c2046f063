// What a connection waits for, and for how long: one timer, always armed, and absolute. A byte now and then moves none of
// the ends; an answer's is moved by what is taken of it, as far as that is not too slow (`body_bytes_per_second`).

import Protocol
import Reactor

/// The timer of one connection.
struct ConnectionDeadline {
  /// An answer that never comes must not keep a connection for ever.
  private static let answer = Duration.seconds(90)

  /// When the connection was accepted: its handshake has a deadline from there.
  let openedAt: MonotonicTime
  /// When the client has to be done with what it still sends, however it goes on.
  private var lingerEnd = MonotonicTime(nanoseconds: 0)
  private var timer: TimerID?

  init(openedAt: MonotonicTime) { self.openedAt = openedAt }

  /// Lingering begins. What comes is read past as long as it comes, which is looked at every `linger_deadline`, and for
  /// `body_deadline` at most.
  mutating func beginLinger(_ desk: RequestDesk) { lingerEnd = desk.loop.now + desk.settings.bodyDeadline }

  /// The timer has fired.
  mutating func reached() { timer = nil }

  mutating func set(_ time: MonotonicTime, _ loop: EventLoop, _ handler: any DeadlineHandler) {
    if let timer, loop.reschedule(timer, at: time) { return }
    timer = loop.schedule(handler, at: time)
  }

  mutating func cancel(_ loop: EventLoop) {
    if let timer { loop.cancel(timer) }
    timer = nil
  }

  /// When the deadline of `wait` is, if it counts from now on.
  /// - Parameters:
  ///   - exchange: the request in work, whose body may be waited for.
  ///   - bodyBytes: of that body, so far.
  ///   - writeEnd: see `ClientChannel`.
  func time(
    of wait: ConnectionMachine.Wait, _ desk: RequestDesk, _ exchange: Exchange?, bodyBytes: Int,
    writeEnd: MonotonicTime
  ) -> MonotonicTime {
    let now = desk.loop.now
    switch wait {
    case .handshake: return openedAt + desk.settings.handshakeDeadline
    case .head: return now + desk.settings.headDeadline
    case .idle: return now + desk.settings.idleDeadline
    case .body: return exchange.map { bodyEnd(of: $0, desk, bodyBytes) } ?? now + desk.settings.bodyDeadline
    case .answer: return now + Self.answer
    case .write: return writeEnd
    case .close: return now + desk.settings.writeDeadline
    case .linger: return min(now + desk.settings.lingerDeadline, lingerEnd)
    }
  }

  /// From the head on: `body_deadline`, or longer for a body that takes longer at `body_bytes_per_second`.
  private func bodyEnd(of exchange: Exchange, _ desk: RequestDesk, _ bodyBytes: Int) -> MonotonicTime {
    let announced: Int
    switch exchange.head.framing {
    case .length(let length): announced = length
    case .chunked: announced = bodyBytes
    case .none, .untilClose: announced = 0
    }
    let patience = Duration.seconds(announced / desk.settings.bodyBytesPerSecond)
    return exchange.startedAt + max(desk.settings.bodyDeadline, patience)
  }
}
