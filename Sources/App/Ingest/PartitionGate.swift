// Rows need partitions of their days. Each loop remembers which days have them; the gate has the others made.

import Protocol
import Reactor

/// What became of the partitions of some days.
enum DayPreparation: Sendable {
  /// Every table has its partitions.
  case ready
  /// PostgreSQL refuses some table's partitions. Rows for that table will be refused; rows for other tables can be stored.
  case refused
  /// The database could not be asked, or has no time for it.
  case failed
}

/// Knows the days with partitions, for one loop.
final class PartitionGate {
  private let loop: EventLoop
  private let errands: any IngestErrands
  private let log: ServerLog
  /// Days (since 2000-01-01) that have partitions for certain.
  private var days: Set<Int32> = []

  init(loop: EventLoop, errands: any IngestErrands, log: ServerLog) {
    self.loop = loop
    self.errands = errands
    self.log = log
  }

  /// Days of rows and ledger that this loop does not know to have partitions.
  func missingDays(of push: Push) -> [Int32] { push.partitionDays.filter { !days.contains($0) } }

  /// PostgreSQL said that some of these days have no partition.
  func forget(_ missing: [Int32]) { days.subtract(missing) }

  /// Makes the partitions of `wanted`, then runs the closure on this loop. Days whose partitions some table refuses count
  /// as known, too: to ask again for each push would change nothing.
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
