// Computes the deadline of a connection and holds its timer. Exactly one deadline counts at a time. Single bytes from
// the client do not postpone it, except while the connection lingers. The deadline for sending an answer moves by the
// time that the bytes taken need at `body_bytes_per_second`.

import Protocol
import Reactor

/// The timer of one connection.
struct ConnectionDeadline {
  /// The limit for the work on an answer, so that no connection waits without end.
  private static let answer = Duration.seconds(90)

  /// The time of accept. The handshake's deadline counts from it.
  let openedAt: MonotonicTime
  /// The latest end of lingering, whatever the client sends.
  private var lingerEnd = MonotonicTime(nanoseconds: 0)
  private var timer: TimerID?

  init(openedAt: MonotonicTime) { self.openedAt = openedAt }

  /// Begins lingering. The server skips what the client sends for as long as bytes arrive within each
  /// `linger_deadline`, and for at most `body_deadline`.
  mutating func beginLinger(_ desk: RequestDesk) { lingerEnd = desk.loop.now + desk.settings.bodyDeadline }

  /// Records that the timer has fired.
  mutating func reached() { timer = nil }

  /// Arms the timer, or moves it.
  mutating func set(_ time: MonotonicTime, _ loop: EventLoop, _ handler: any DeadlineHandler) {
    if let timer, loop.reschedule(timer, at: time) { return }
    timer = loop.schedule(handler, at: time)
  }

  mutating func cancel(_ loop: EventLoop) {
    if let timer { loop.cancel(timer) }
    timer = nil
  }

  /// Returns the deadline of `wait`, counted from now.
  /// - Parameters:
  ///   - exchange: the request in work; its body may be what the connection waits for.
  ///   - bodyBytes: the number of bytes of that body that have arrived.
  ///   - writeEnd: see `ClientSocket`.
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

  /// The deadline of a body: `body_deadline` after the head, or later for a body that needs longer at
  /// `body_bytes_per_second`.
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
