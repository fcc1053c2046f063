// Rows need partitions of their days. The lanes remember which days have them; the rest is asked for here.

import Protocol

extension Lane {
  /// Days (since 2000-01-01) of rows and ledger that this lane does not know to have partitions.
  func missingDays(of push: Push) -> [Int32] {
    push.partitionDays.filter { !knownDays.contains($0) }
  }

  /// What became of the partitions of some days.
  enum DayPreparation: Sendable {
    /// Every table has its partitions.
    case ready
    /// PostgreSQL refuses some table's partitions. Rows for that table will be refused; rows for other tables can be stored.
    case refused
    /// The database could not be asked, or has no time for it.
    case failed
  }

  /// Makes the partitions of `days`, then runs the closure on this lane. Days whose partitions some table refuses count as
  /// known, too: to ask again for each push would change nothing.
  func prepareDays(_ days: [Int32], then: @escaping @Sendable (Lane, DayPreparation) -> Void) {
    let log = context.log
    let handle = handle
    context.errands.ensurePartitions(of: days.map { Day(word: $0) }) { failure in
      if let failure { log.warning("partitions not made", ["error": "\(failure)"]) }
      let result: DayPreparation = failure.map { $0.batchFault == .lasting ? .refused : .failed } ?? .ready
      handle.submit { lane in
        if result != .failed { lane.knownDays.formUnion(days) }
        then(lane, result)
      }
    }
  }
}
