// The faults that a fleet makes on purpose, and the answers that are right.

/// A deliberate fault of a push. Each fault has one right outcome.
enum Fault: String, Sendable, CaseIterable {
  /// The body is sent in pieces over some seconds. Right: the push is stored like any other.
  case slowBody = "slow-body"
  /// The connection is reset in the middle of the body. Right: no part was stored, so the whole push, sent again over a
  /// new connection, is no duplicate.
  case reset
  /// The same push is sent again after it was acknowledged. Right: 200 with `duplicate: true`.
  case duplicate
  /// The end of the JSON is wrong. Right: 400 or 422.
  case brokenJSON = "broken-json"
  /// The push is also sent with a certificate for the same collector that another authority signed. Right: the
  /// handshake fails, or the answer is 401 or 403.
  case wrongCertificate = "wrong-certificate"
}

/// The share of each fault. A push has at most one fault.
struct FaultMix: Sendable, Equatable {
  /// The shares, each 0 to 1, together not more than 1.
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

  /// Returns the fault of one push; nil for none.
  /// - Parameter draw: a random number from 0 up to 1.
  func fault(at draw: Double) -> Fault? {
    var end = 0.0
    for fault in Fault.allCases {
      end += shares[fault] ?? 0
      if draw < end { return fault }
    }
    return nil
  }
}
