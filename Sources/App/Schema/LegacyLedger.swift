// The ledger of schema versions before 9. The server reads it as long as it has partitions and never writes it.

import Synchronization

/// Whether the server still has to read the older ledger. The start and later maintenance set it. A fresh database
/// never has that ledger.
final class LegacyLedger: Sendable {
  private let isAlive: Atomic<Bool>

  init(isRead: Bool = false) { isAlive = Atomic(isRead) }

  var isRead: Bool { isAlive.load(ordering: .relaxed) }
  func set(isRead: Bool) { isAlive.store(isRead, ordering: .relaxed) }
}
