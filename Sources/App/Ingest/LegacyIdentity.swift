// How schema versions before 9 identified a push.

import Protocol

/// The identity of a push in the older ledger.
struct LegacyIdentity {
  /// Derived from the push's `Idempotency-Key`, or from all its content if it has none.
  let id: UUID
  /// The days under which the older ledger may have the push, since 2000-01-01. Set when the push is complete.
  var days: [Int32] = []

  /// The days under which the older ledger may have a push. That ledger filed a push under the day of the envelope's
  /// timestamp, moved into a window around the day of receipt, or under the day of receipt if the timestamp was
  /// unreadable.
  /// - Parameters:
  ///   - timestamp: the envelope's timestamp.
  ///   - window: from the day of the oldest metric that is accepted to tomorrow.
  static func days(timestamp: String?, in window: ClosedRange<Day>) -> [Int32] {
    let own = timestamp.flatMap { Timestamp(rfc3339: $0) }.map { Day(of: $0) }
    guard let own, window.contains(own) else { return Array(window.lowerBound.word...window.upperBound.word) }
    // If the client's clock was ahead when the push was received, the ledger moved the day back.
    return Array(max(window.lowerBound.word, own.word - 3)...own.word)
  }
}
