// One push from when it falls due until it is done with, faults included. Without clock or connection: what is to be sent,
// and what an answer to it means, are decided here and can be tested here.
//
//   fault          requests, in order
//   none           the push
//   slow-body      the push, slowly
//   reset          half of the push and a reset, then the push
//   duplicate      the push, then the push again
//   broken-json    a broken push, then the push
//   wrong-…        the push, and the same on a connection of its own with a forged certificate

internal import Protocol
internal import Reactor

struct PushInHand {
  enum Content: Equatable { case whole, broken }

  /// What is to go out.
  struct Sending: Equatable {
    let content: Content
    let delivery: Delivery
    /// The push was on the wire before, and was not to be.
    let isResend: Bool
    /// A stranger tries the same.
    let isTrespassed: Bool
  }

  enum Next: Equatable {
    /// Another request of the same push.
    case again
    case settled
    /// Settled, as the server will never take it.
    case refused
    case unauthorized
    case unavailable
    case deferred
  }

  /// What an answer means.
  struct Step {
    let next: Next
    var verdict: (fault: Fault, verdict: FaultVerdict)?
    /// The push is stored, and was not known to be.
    var isAcknowledged = false
    /// A refusal that the fault asked for: no error.
    var isExpected = false
  }

  private enum Stage {
    case broken  // the broken push comes first; → whole
    case cutOff  // the half push comes first; → whole
    case whole  // → repeated, or done
    case repeated  // acknowledged, and sent once more; → done
  }

  let dueAt: MonotonicTime
  /// nil once it is judged.
  private(set) var fault: Fault?
  /// It never had a fault, so that its latency is the server's alone.
  let isFaultless: Bool
  /// Made when it is first sent, and then kept as it is.
  var body: PushBody?
  private(set) var sentAt: MonotonicTime
  private(set) var wasSentWhole = false
  private var wasTrespassed = false
  private var stage: Stage

  init(dueAt: MonotonicTime, fault: Fault?) {
    self.dueAt = dueAt
    self.fault = fault
    // A stranger's try costs the push nothing that a server under attack would not also have to bear.
    isFaultless = fault == nil || fault == .wrongCertificate
    sentAt = dueAt
    switch fault {
    case .brokenJSON: stage = .broken
    case .reset: stage = .cutOff
    case .slowBody, .duplicate, .wrongCertificate, nil: stage = .whole
    }
  }

  /// The server has it, whatever comes of the repeat.
  var isAcknowledged: Bool {
    switch stage {
    case .repeated: true
    case .broken, .cutOff, .whole: false
    }
  }

  mutating func send(now: MonotonicTime, slowBodyTime: Duration) -> Sending {
    sentAt = now
    switch stage {
    case .broken: return Sending(content: .broken, delivery: .atOnce, isResend: false, isTrespassed: false)
    case .cutOff: return Sending(content: .whole, delivery: .cutOff, isResend: false, isTrespassed: false)
    case .whole:
      defer {
        wasSentWhole = true
        wasTrespassed = true
      }
      return Sending(
        content: .whole, delivery: fault == .slowBody ? .slowly(slowBodyTime) : .atOnce, isResend: wasSentWhole,
        isTrespassed: fault == .wrongCertificate && !wasTrespassed)
    case .repeated: return Sending(content: .whole, delivery: .atOnce, isResend: false, isTrespassed: false)
    }
  }

  /// The connection is gone, with or without a request unanswered.
  /// - Parameter byUs: it was our reset, after half a push.
  /// - Returns: a fault that will not be told what came of it any more. The push goes on without it.
  mutating func connectionLost(byUs: Bool) -> Fault? {
    switch stage {
    case .cutOff:
      if byUs { stage = .whole }
      return nil  // lost before the reset: it is tried again
    case .broken:
      stage = .whole
      return giveUpFault()
    case .whole:
      // A repeat after a lost answer is rightly called a duplicate, so a reset or a slow body can't be judged by it.
      guard wasSentWhole, fault == .slowBody || fault == .reset else { return nil }
      return giveUpFault()
    case .repeated: return nil
    }
  }

  private mutating func giveUpFault() -> Fault? {
    defer { fault = nil }
    return fault
  }

  /// - Parameters: `isDuplicate`: as the answer says; `slug`: of a refusal.
  mutating func answered(_ meaning: HTTPAnswer.Meaning, status: UInt16, isDuplicate: Bool, slug: String) -> Step {
    switch meaning {
    case .unauthorized: return Step(next: .unauthorized)
    case .unavailable: return Step(next: .unavailable)
    case .deferred:
      // 408 is what a server says to a body that is too slow for it; any other delay says nothing about the fault.
      guard status == 408, fault == .slowBody else { return Step(next: .deferred) }
      return Step(next: .deferred, verdict: judged(status, isDuplicate, slug))
    case .accepted, .refused: return final(meaning == .accepted, status, isDuplicate, slug)
    }
  }

  private mutating func final(_ isAccepted: Bool, _ status: UInt16, _ isDuplicate: Bool, _ slug: String) -> Step {
    switch stage {
    case .broken:
      stage = .whole
      let verdict = judged(status, isDuplicate, slug)
      return Step(next: .again, verdict: verdict, isExpected: verdict?.verdict == .right)
    case .cutOff:  // answered before it was cut off: an acceptance of half a push, or a refusal of its head
      stage = .whole
      fault = nil
      return Step(next: .again, verdict: (.reset, isAccepted ? .wrong("\(status) for half a push") : .open))
    case .whole:
      switch fault {
      case .slowBody, .reset:
        return Step(
          next: isAccepted ? .settled : .refused, verdict: judged(status, isDuplicate, slug),
          isAcknowledged: isAccepted)
      case .duplicate:
        if isAccepted {
          stage = .repeated
          return Step(next: .again, isAcknowledged: true)
        }
        fault = nil
        return Step(next: .refused, verdict: (.duplicate, .open))
      case .brokenJSON, .wrongCertificate, nil:
        return Step(next: isAccepted ? .settled : .refused, isAcknowledged: isAccepted)
      }
    case .repeated: return Step(next: .settled, verdict: judged(status, isDuplicate, slug))
    }
  }

  private mutating func judged(
    _ status: UInt16, _ isDuplicate: Bool, _ slug: String
  ) -> (fault: Fault, verdict: FaultVerdict)? {
    guard let fault else { return nil }
    self.fault = nil
    return (fault, fault.verdict(status: status, isDuplicate: isDuplicate, slug: slug))
  }
}
