// Makes sure that the days of a push have partitions before its rows are stored. Each loop remembers the days that have
// them.

import Protocol
import Reactor

/// The result of making the partitions of some days.
enum DayPreparation: Sendable {
  /// Every table has its partitions.
  case ready
  /// PostgreSQL refuses the partitions of some table. It will refuse the rows of that table; the rows of other tables
  /// can be stored.
  case refused
  /// The database could not be reached, or did not answer in time.
  case failed
}

/// Knows the days that have partitions, for one loop.
final class PartitionGate {
  private let loop: EventLoop
  private let errands: any IngestErrands
  private let log: ServerLog
  /// Days that certainly have partitions, counted from 2000-01-01.
  private var days: Set<Int32> = []

  init(loop: EventLoop, errands: any IngestErrands, log: ServerLog) {
    self.loop = loop
    self.errands = errands
    self.log = log
  }

  /// The days of the push's rows and ledger entry that this loop does not know to have partitions.
  func missingDays(of push: Push) -> [Int32] { push.partitionDays.filter { !days.contains($0) } }

  /// Forgets days of which PostgreSQL has reported that a partition is missing.
  func forget(_ missing: [Int32]) { days.subtract(missing) }

  /// Makes the partitions of `wanted`, then runs the closure on this loop. A day counts as known even if some table
  /// refuses its partitions: another attempt for each push would not help.
  func prepare(_ wanted: [Int32], then: @escaping @Sendable (EventLoop, DayPreparation) -> Void) {
    let log = log
    let (handle, gate) = (loop.handle, LoopBound(self, on: loop))
    errands.ensurePartitions(of: wanted.map { Day(word: $0) }) { failure in
      if let failure { log.warning("partitions not made", ["error": "\(failure)"]) }
      let result: DayPreparation = failure.map { $0.batchFault == .lasting ? .refused : .failed } ?? .ready
      handle.submit { loop in
        if result != .failed { gate.value(on: loop).days.formUnion(wanted) }
        then(loop, result)
      }
    }
  }
}
