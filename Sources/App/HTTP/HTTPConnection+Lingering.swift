// The end of a connection whose client may still be sending: what a refused body has left. A client that sends first and reads
// then would lose the answer to a reset if we closed. So what comes is read past, up to `linger_bytes`: as long as it comes, which is
// looked at every `linger_deadline`, and for `body_deadline` at most.

import Protocol
import Reactor

extension HTTPConnection {
  /// Everything is out. Closing now could reset the connection and eat the answer if the client is still sending
  /// (RFC 9112 section 9.6): half-close, then read until it is done, for a bounded time.
  func linger() {
    if hasPeerClosed { return destroy() }
    link.shutdownWrite()
    phase = .lingering(discarded: 0)
    setReading(true)
    lingerEnd = desk.loop.now + desk.settings.bodyDeadline
    arm(at: min(desk.loop.now + desk.settings.lingerDeadline, lingerEnd))
  }

  /// What still comes over a connection that is over is read past: closing now would take the answer from a client that
  /// sends first and reads then.
  func discard(_ count: Int, after discarded: Int) {
    if discarded + count > desk.settings.lingerBytes { return destroy() }
    phase = .lingering(discarded: discarded + count)
    arm(at: min(desk.loop.now + desk.settings.lingerDeadline, lingerEnd))
  }

  /// The server ends: a request in work is answered by that, as far as the socket takes it.
  func cutOff() {
    switch phase {
    case .waiting, .push, .gathering, .discarding, .answering:
      givePushBack()
      answer(desk.refusal(Problem(.shuttingDown, retryAfterSeconds: desk.ingest.intake.jittered(5)), of: exchange))
    case .handshaking, .idle, .streaming: destroy()
    case .closing, .lingering, .gone: break
    }
  }
}
