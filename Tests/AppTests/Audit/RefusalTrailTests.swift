import Ground
import Protocol
import Reactor
import Testing

@testable import App

@Suite struct RefusalTrailTests {
  private func refused() -> AuditEvent {
    AuditEvent(.login, by: "anonymous").refused(Problem(.invalidCredentials))
  }

  @Test func `refused events beyond the limit are counted, and the next line states the count`() {
    let now = MonotonicTime.now()
    let trail = RefusalTrail(perMinute: Live(constant: 2), now: now)
    for _ in 0..<2 {
      let line = trail.line(for: refused(), now: now)
      #expect(line?.outcome == .refused && line?.details["error"] == "invalid_credentials")
      #expect(line?.details["unwritten_before"] == nil)
    }
    for _ in 0..<5 { #expect(trail.line(for: refused(), now: now) == nil) }
    trail.count()
    let later = now + .seconds(31)
    #expect(trail.line(for: refused(), now: later)?.details["unwritten_before"] == 6)
    #expect(trail.line(for: refused(), now: later) == nil)
    #expect(trail.line(for: refused(), now: later + .seconds(31))?.details["unwritten_before"] == 1)
  }
}
