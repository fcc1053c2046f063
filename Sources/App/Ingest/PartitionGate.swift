// Rows need partitions of their days. The lanes remember which days have them; the rest is asked for here.

import Protocol

extension Lane {
  /// Days (since 2000-01-01) of rows and ledger that this lane does not know to have partitions.
  func missingDays(of push: Push) -> [Int32] {
    push.partitionDays.filter { !knownDays.contains($0) }
  }

  /// Makes sure that `days` have partitions, then runs the closure on this lane, and tells it what stood in the way.
  /// Where PostgreSQL refuses the partitions of a table, the days have those of all others, and count as known: rows for that
  /// table are refused by themselves.
  func prepareDays(_ days: [Int32], then: @escaping @Sendable (Lane, DatabaseError?) -> Void) {
    let log = context.log
    let handle = handle
    context.errands.ensurePartitions(of: days.map { Day(word: $0) }) { failure in
      if let failure { log.warning("partitions not made", ["error": "\(failure)"]) }
      handle.submit { lane in
        if failure == nil || failure?.batchFault == .lasting { lane.knownDays.formUnion(days) }
        then(lane, failure)
      }
    }
  }
}
