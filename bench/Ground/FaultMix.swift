// What a fleet does wrong on purpose, and what a server must answer to it.

/// A way for a push to go wrong. Each has one outcome that is right.
enum Fault: String, Sendable, CaseIterable {
  /// The body comes in pieces over some seconds. Right: it is stored as any other.
  case slowBody = "slow-body"
  /// The connection is reset in the middle of the body. Right: nothing of it was stored, so that the whole push, sent
  /// again over a new connection, is no duplicate.
  case reset
  /// The same push is sent again after it was acknowledged. Right: 200 with `duplicate: true`.
  case duplicate
  /// The body's JSON ends wrongly. Right: 400 or 422.
  case brokenJSON = "broken-json"
  /// Beside the push, the same is tried with a certificate for this very collector that another authority signed.
  /// Right: the handshake fails, or 401 or 403.
  case wrongCertificate = "wrong-certificate"
}

/// How probable each fault is. A push has one at most.
struct FaultMix: Sendable, Equatable {
  /// 0 to 1, together not more than 1.
  private(set) var shares: [Fault: Double] = [:]

  var isEmpty: Bool { shares.isEmpty }

  /// - Returns: nil if a share is not 0 to 1, or all together are more than 1.
  init?(_ shares: [Fault: Double]) {
    guard shares.values.allSatisfy({ $0 >= 0 && $0 <= 1 }), shares.values.reduce(0, +) <= 1.000_000_001 else {
      return nil
    }
    self.shares = shares.filter { $0.value > 0 }
  }

  init() {}

  /// The fault of one push. - Parameter draw: 0 up to 1.
  func fault(at draw: Double) -> Fault? {
    var end = 0.0
    for fault in Fault.allCases {
      end += shares[fault] ?? 0
      if draw < end { return fault }
    }
    return nil
  }
}
