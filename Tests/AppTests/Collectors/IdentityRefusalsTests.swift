import Ground
import Protocol
import Reactor
import Synchronization
import Testing

@testable import App

/// A flood of refusals does not become a flood of audit rows.
@Suite struct IdentityRefusalsTests {
  private final class Trail: Sendable {
    private let events = Mutex<[AuditEvent]>([])
    var lines: [AuditEvent] { events.withLock { $0 } }
    func write(_ event: AuditEvent) { events.withLock { $0.append(event) } }
  }

  private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
  private let mismatch = Problem(.identityMismatch)

  private func make() -> (IdentityRefusals, Trail) {
    let trail = Trail()
    return (IdentityRefusals(perMinute: Live(constant: 60), now: start) { trail.write($0) }, trail)
  }

  private func event(_ actor: String, address: String? = nil) -> AuditEvent {
    var event = AuditEvent(.identityMismatch, by: actor)
    event.address = address
    return event
  }

  @Test func `the first refusal is written at once, and the number of its repeats an hour later`() {
    let (refusals, trail) = make()
    for number in 0..<1000 { refusals.record(event("collector:a"), mismatch, now: start + .milliseconds(number)) }
    #expect(trail.lines.count == 1)
    #expect(trail.lines[0].outcome == .refused)
    #expect(trail.lines[0].details["error"] == .string("identity_mismatch"))
    #expect(trail.lines[0].details["repeated"] == nil)
    refusals.record(event("collector:a"), mismatch, now: start + IdentityRefusals.interval - .milliseconds(1))
    #expect(trail.lines.count == 1)
    refusals.record(event("collector:a"), mismatch, now: start + IdentityRefusals.interval)
    #expect(trail.lines.count == 2)
    #expect(trail.lines[1].details["repeated"] == .integer(1000))
  }

  @Test func `refusals are counted by identity, by reason, and without an identity by address`() {
    let (refusals, trail) = make()
    for _ in 0..<3 {
      refusals.record(event("collector:a"), mismatch, now: start)
      refusals.record(event("collector:b"), mismatch, now: start)
      refusals.record(event("collector:a"), Problem(.certificateRevoked), now: start)
      refusals.record(event("anonymous", address: "192.0.2.1"), mismatch, now: start)
      refusals.record(event("anonymous", address: "192.0.2.2"), mismatch, now: start)
      // Refusals of an identity are not counted by address: one identity may use any number of addresses.
      refusals.record(event("collector:a", address: "192.0.2.3"), mismatch, now: start)
    }
    #expect(trail.lines.count == 5)
  }

  @Test func `many identities together get no more lines than the limit per minute`() {
    let (refusals, trail) = make()
    for number in 0..<5000 { refusals.record(event("collector:\(number)"), mismatch, now: start) }
    #expect(trail.lines.count == 60)
    for second in 1...10 {
      for number in 0..<5000 { refusals.record(event("collector:\(number)"), mismatch, now: start + .seconds(second)) }
    }
    #expect(trail.lines.count == 70)
    #expect(trail.lines.last?.details["unwritten_before"] != nil, "the line counts the refusals without a line")
  }

  @Test func `a bounded number of identities is remembered, and a quiet identity is among them`() {
    let (refusals, trail) = make()
    refusals.record(event("collector:first"), mismatch, now: start)
    for number in 0..<(3 * IdentityRefusals.remembered) {
      refusals.record(event("collector:\(number)"), mismatch, now: start + .milliseconds(number))
      #expect(refusals.identities <= IdentityRefusals.remembered)
    }
    let lines = trail.lines.count
    refusals.record(event("collector:first"), mismatch, now: start + .seconds(31))
    #expect(trail.lines.count == lines, "the identity had a line less than an hour ago")
  }
}
