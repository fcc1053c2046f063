// The state of one push from its due time to its end, with its fault. It has no clock and no connection: it decides
// which request is sent next and what an answer means.
//
//   fault          requests, in order
//   none           the push
//   slow-body      the push, slowly
//   reset          half of the push and a reset, then the push
//   duplicate      the push, then the push again
//   broken-json    a broken push, then the push
//   wrong-…        the push, and the same on another connection with a forged certificate

internal import Protocol
internal import Reactor

/// A push that is not yet settled.
struct PushInHand {
  enum Content: Equatable { case whole, broken }

  /// The next request of the push.
  struct Sending: Equatable {
    let content: Content
    let delivery: Delivery
    /// The complete push was sent before without an answer.
    let isResend: Bool
    /// The same push is also sent with a forged certificate.
    let isTrespassed: Bool
  }

  /// The next step after an answer.
  enum Next: Equatable {
    /// The push needs another request.
    case again
    /// The push is settled.
    case settled
    /// The push is settled, because the server will never take it.
    case refused
    case unauthorized
    case unavailable
    case deferred
  }

  /// The result of an answer.
  struct Step {
    let next: Next
    var verdict: (fault: Fault, verdict: FaultVerdict)?
    /// This answer is the first to say that the push is stored.
    var isAcknowledged = false
    /// The answer is the refusal that the fault has to cause, and no error.
    var isExpected = false
  }

  private enum Stage {
    case broken  // the broken push comes first; → whole
    case cutOff  // the half push comes first; → whole
    case whole  // → repeated, or done
    case repeated  // acknowledged, and sent once more; → done
  }

  let dueAt: MonotonicTime
  /// The fault of the push; nil if there is none, or if it is already judged.
  private(set) var fault: Fault?
  /// Whether the push never had a fault that delays it, so that its latency belongs to the server.
  let isFaultless: Bool
  /// The body. It is made for the first request, and later requests send the same bytes.
  var body: PushBody?
  private(set) var sentAt: MonotonicTime
  private(set) var wasSentWhole = false
  private var wasTrespassed = false
  private var stage: Stage

  init(dueAt: MonotonicTime, fault: Fault?) {
    self.dueAt = dueAt
    self.fault = fault
    // The connection with the forged certificate does not delay the push itself.
    isFaultless = fault == nil || fault == .wrongCertificate
    sentAt = dueAt
    switch fault {
    case .brokenJSON: stage = .broken
    case .reset: stage = .cutOff
    case .slowBody, .duplicate, .wrongCertificate, nil: stage = .whole
    }
  }

  /// Whether the server has acknowledged the push. The repeat of a duplicate may still be unanswered.
  var isAcknowledged: Bool {
    switch stage {
    case .repeated: true
    case .broken, .cutOff, .whole: false
    }
  }

  /// Returns the next request of the push. The caller sends it.
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

  /// Records that the connection is lost, with or without an unanswered request.
  /// - Parameter byUs: whether it was the reset after half a push.
  /// - Returns: a fault that can no longer be judged. The push continues without it.
  mutating func connectionLost(byUs: Bool) -> Fault? {
    switch stage {
    case .cutOff:
      if byUs { stage = .whole }
      return nil  // after a loss before the reset, the half push is sent again
    case .broken:
      stage = .whole
      return giveUpFault()
    case .whole:
      // After a lost answer, the server is right to call the repeat a duplicate. So the repeat does not show whether a
      // reset or a slow body was handled rightly.
      guard wasSentWhole, fault == .slowBody || fault == .reset else { return nil }
      return giveUpFault()
    case .repeated: return nil
    }
  }

  private mutating func giveUpFault() -> Fault? {
    defer { fault = nil }
    return fault
  }

  /// Processes an answer.
  /// - Parameters: `isDuplicate`: whether the answer says that the push is a duplicate; `slug`: the name of a refusal.
  mutating func answered(_ meaning: HTTPAnswer.Meaning, status: UInt16, isDuplicate: Bool, slug: String) -> Step {
    switch meaning {
    case .unauthorized: return Step(next: .unauthorized)
    case .unavailable: return Step(next: .unavailable)
    case .deferred:
      // A server answers 408 to a body that is too slow. Any other delay does not concern the fault.
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
    case .cutOff:  // the answer came before the reset: half a push is accepted, or its head is refused
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
