import Ground
import Reactor
import Testing

@testable import Bench

struct FaultTests {
  private let due = MonotonicTime(nanoseconds: 5)

  private func push(_ fault: Fault?) -> PushInHand { PushInHand(dueAt: due, fault: fault) }

  private func send(_ push: inout PushInHand) -> PushInHand.Sending {
    push.send(now: due + .seconds(1), slowBodyTime: .seconds(3))
  }

  @Test func `a mix draws each fault with its probability`() throws {
    let mix = try #require(FaultMix([.reset: 0.1, .duplicate: 0.3, .slowBody: 0]))
    var random = QuickRandom(seed: 1)
    var counts: [Fault?: Int] = [:]
    for _ in 0..<20_000 { counts[mix.fault(at: random.fraction()), default: 0] += 1 }
    #expect(abs(counts[.reset]! - 2000) < 200 && abs(counts[.duplicate]! - 6000) < 300)
    #expect(counts[.slowBody] == nil && counts[Fault?.none]! > 11_000)
    #expect(mix.fault(at: 0.0999) == .reset && mix.fault(at: 0.1) == .duplicate && mix.fault(at: 0.4) == nil)
    #expect(FaultMix([.reset: 0.6, .duplicate: 0.5]) == nil && FaultMix([.reset: -0.1]) == nil)
    let all = try #require(FaultMix([.reset: 0.6, .duplicate: 0.4]))
    #expect(all.fault(at: 0.99999) == .duplicate)
  }

  @Test func `a push without a fault is sent until it is settled, and counted once`() {
    var push = push(nil)
    #expect(send(&push) == .init(content: .whole, delivery: .atOnce, isResend: false, isTrespassed: false))
    let busy = push.answered(.unavailable, status: 503, isDuplicate: false, slug: "overloaded")
    #expect(busy.next == .unavailable && busy.verdict == nil)
    #expect(push.connectionLost(byUs: false) == nil)
    #expect(send(&push).isResend)
    let stored = push.answered(.accepted, status: 200, isDuplicate: true, slug: "")
    #expect(stored.next == .settled && stored.isAcknowledged && stored.verdict == nil)
    #expect(push.isFaultless && push.sentAt == due + .seconds(1))
  }

  @Test(arguments: [
    (Fault.slowBody, UInt16(200), false, FaultVerdict.right), (.slowBody, 200, true, .wrong("200 duplicate")),
    (.slowBody, 408, false, .wrong("408 s")), (.reset, 200, false, .right),
    (.reset, 200, true, .wrong("200 duplicate")),
    (.duplicate, 200, true, .right), (.duplicate, 200, false, .wrong("200")), (.duplicate, 422, false, .wrong("422 s")),
    (.brokenJSON, 400, false, .right), (.brokenJSON, 422, false, .right), (.brokenJSON, 200, false, .wrong("200")),
    (.brokenJSON, 500, false, .wrong("500 s")), (.wrongCertificate, 403, false, .right),
    (.wrongCertificate, 401, false, .right), (.wrongCertificate, 200, false, .wrong("200")),
  ])
  func `each fault has a right answer`(fault: Fault, status: UInt16, isDuplicate: Bool, verdict: FaultVerdict) {
    #expect(fault.verdict(status: status, isDuplicate: isDuplicate, slug: "s") == verdict)
  }

  @Test func `a broken push is sent before the whole one, and its refusal is no error`() {
    var push = push(.brokenJSON)
    #expect(send(&push).content == .broken)
    let refused = push.answered(.refused, status: 400, isDuplicate: false, slug: "malformed")
    #expect(refused.next == .again && refused.isExpected && refused.verdict! == (.brokenJSON, .right))
    #expect(send(&push) == .init(content: .whole, delivery: .atOnce, isResend: false, isTrespassed: false))
    let stored = push.answered(.accepted, status: 200, isDuplicate: false, slug: "")
    #expect(stored.next == .settled && stored.isAcknowledged && stored.verdict == nil && !push.isFaultless)

    var swallowed = self.push(.brokenJSON)
    _ = send(&swallowed)
    let wrong = swallowed.answered(.accepted, status: 200, isDuplicate: false, slug: "")
    #expect(wrong.next == .again && !wrong.isAcknowledged && wrong.verdict! == (.brokenJSON, .wrong("200")))
  }

  @Test func `half a push and a reset precede the whole push, which is then no duplicate`() {
    var push = push(.reset)
    #expect(send(&push).delivery == .cutOff)
    #expect(push.connectionLost(byUs: false) == nil)
    #expect(send(&push).delivery == .cutOff, "the server lost the connection: the fault is tried again")
    #expect(push.connectionLost(byUs: true) == nil)
    #expect(send(&push) == .init(content: .whole, delivery: .atOnce, isResend: false, isTrespassed: false))
    let stored = push.answered(.accepted, status: 200, isDuplicate: false, slug: "")
    #expect(stored.next == .settled && stored.isAcknowledged && stored.verdict! == (.reset, .right))

    var early = self.push(.reset)
    _ = send(&early)
    let half = early.answered(.accepted, status: 200, isDuplicate: false, slug: "")
    #expect(half.verdict! == (.reset, .wrong("200 for half a push")) && !half.isAcknowledged && half.next == .again)
  }

  @Test func `a lost answer leaves a fault unjudged, because the repeat is rightly a duplicate`() {
    for fault in [Fault.reset, .slowBody] {
      var push = push(fault)
      _ = send(&push)
      if fault == .reset {
        _ = push.connectionLost(byUs: true)
        _ = send(&push)
      }
      #expect(push.connectionLost(byUs: false) == fault)
      let sending = send(&push)
      #expect(sending.isResend && sending.delivery == .atOnce)
      let stored = push.answered(.accepted, status: 200, isDuplicate: true, slug: "")
      #expect(stored.verdict == nil && stored.isAcknowledged)
    }
  }

  @Test func `an acknowledged duplicate is sent once more, until the second sending is answered too`() {
    var push = push(.duplicate)
    _ = send(&push)
    let stored = push.answered(.accepted, status: 200, isDuplicate: false, slug: "")
    #expect(stored.next == .again && stored.isAcknowledged && push.isAcknowledged)
    #expect(!send(&push).isResend)
    #expect(push.connectionLost(byUs: false) == nil)
    _ = send(&push)
    #expect(push.answered(.deferred, status: 429, isDuplicate: false, slug: "").next == .deferred)
    let repeated = push.answered(.accepted, status: 200, isDuplicate: true, slug: "")
    #expect(repeated.next == .settled && !repeated.isAcknowledged && repeated.verdict! == (.duplicate, .right))
  }

  @Test func `a slow body that the server does not wait for is judged once`() {
    var push = push(.slowBody)
    #expect(send(&push).delivery == .slowly(.seconds(3)))
    let late = push.answered(.deferred, status: 408, isDuplicate: false, slug: "slow")
    #expect(late.next == .deferred && late.verdict! == (.slowBody, .wrong("408 slow")))
    #expect(send(&push).delivery == .atOnce)
    #expect(push.answered(.accepted, status: 200, isDuplicate: false, slug: "").verdict == nil)
  }

  @Test func `a push with a wrong certificate is tried once`() {
    var push = push(.wrongCertificate)
    #expect(send(&push).isTrespassed)
    #expect(!send(&push).isTrespassed && push.isFaultless)
    #expect(push.answered(.accepted, status: 200, isDuplicate: false, slug: "").verdict == nil)
  }
}
