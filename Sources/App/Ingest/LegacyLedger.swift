// The ledger of versions before 9 of the schema: read as long as it has partitions, and never written.

import Protocol
import Synchronization

/// Whether it is still to be read: known at the start, and looked at by maintenance. A fresh database never has it.
final class LegacyLedger: Sendable {
  private let isAlive: Atomic<Bool>

  init(isRead: Bool = false) { isAlive = Atomic(isRead) }

  var isRead: Bool { isAlive.load(ordering: .relaxed) }
  func set(isRead: Bool) { isAlive.store(isRead, ordering: .relaxed) }
}

/// How that ledger would know a push.
struct LegacyIdentity {
  /// Of its `Idempotency-Key`, or of all its content.
  let id: UUID
  /// Days since 2000-01-01 under which it may be. Filled in when the push is complete.
  var days: [Int32] = []

  /// The older rule filed a push under the day of the envelope's timestamp, moved into a window around the day of its receipt,
  /// or under that day if the timestamp could not be read.
  /// - Parameters:
  ///   - timestamp: the envelope's.
  ///   - window: from the day of the oldest metric that is accepted to tomorrow.
  static func days(timestamp: String?, in window: ClosedRange<Day>) -> [Int32] {
    let own = timestamp.flatMap { Timestamp(rfc3339: $0) }.map { Day(of: $0) }
    guard let own, window.contains(own) else { return Array(window.lowerBound.word...window.upperBound.word) }
    // A clock that was ahead when the push was received had its day moved back.
    return Array(max(window.lowerBound.word, own.word - 3)...own.word)
  }
}
