// Queries give way to pushes. They have their own connections, so no push waits for one of them. But they share the
// processors and the disk with the loops and with the backends of the writers. Two things keep queries from taking what
// pushes need: their backends have a lower priority where this process may set it, and `QueryPacing` delays them. The
// lanes report how long their batches take, `PacingMachine` computes what queries cost, and the pool asks before a query
// begins.

import Ground
import Reactor
import Synchronization

/// The lanes report their batches to it, and the pool of queries asks it. Any thread may call it.
final class QueryPacing: Sendable {
  typealias Aim = PacingMachine.Aim

  /// The state for metrics and status pages.
  struct Snapshot: Sendable {
    /// -1.5 to 1, see `PacingMachine`.
    var room = 1.0
    /// The duration of a batch while no query is at work.
    var usual = Duration.zero
    var atWork = 0
    var waiting = 0
    /// The number of queries that had to wait for pushes although a connection was free, and of those that began
    /// because they had waited for the longest allowed time.
    var putOff = 0
    var letThrough = 0
  }

  /// All batches since the start. Lanes add to it; a reader computes differences.
  private struct Sum: ~Copyable {
    private let count = Atomic<UInt64>(0)
    private let nanoseconds = Atomic<UInt64>(0)

    func add(_ time: Duration) {
      nanoseconds.add(UInt64(clamping: time.wholeNanoseconds), ordering: .relaxed)
      count.add(1, ordering: .relaxed)
    }

    var now: PacingMachine.Batches {
      PacingMachine.Batches(
        count: Int(count.load(ordering: .relaxed)),
        total: .nanoseconds(Int64(clamping: nanoseconds.load(ordering: .relaxed))))
    }
  }

  private struct State {
    var machine = PacingMachine()
    var alone = PacingMachine.Batches()
    var beside = PacingMachine.Batches()
    var work = PacingMachine.Work()
    var waiting = 0
    var putOff = 0
    var letThrough = 0
  }

  /// A batch counts as at most this multiple of the usual duration. Something other than a query, such as a checkpoint,
  /// delays a batch for longer.
  private static let longestBatch = 3

  private let aim: Live<Aim>
  private let alone = Sum()
  private let beside = Sum()
  /// The number of queries at work and the time of the last end, for lanes.
  private let atWork = Atomic<Int>(0)
  private let lastEnd = Atomic<UInt64>(0)
  /// The longest duration that is counted for a batch, in nanoseconds.
  private let longest = Atomic<UInt64>(1_000_000_000)
  /// Lanes never take this lock.
  private let state = Mutex(State())

  init(_ aim: Live<Aim>) { self.aim = aim }

  /// Reports a committed batch. May be called from any thread; takes no lock and allocates nothing.
  /// - Parameters: `time`: from a push's last byte to the commit, as the mean of the batch; `since`: when the first of
  ///   its pushes was complete.
  func committed(after time: Duration, since: MonotonicTime) {
    let counted = min(time, .nanoseconds(Int64(clamping: longest.load(ordering: .relaxed))))
    let isAlone =
      atWork.load(ordering: .relaxed) == 0 && lastEnd.load(ordering: .relaxed) <= since.nanoseconds
    if isAlone { alone.add(counted) } else { beside.add(counted) }
  }

  // MARK: Queries

  func began(at now: MonotonicTime) {
    atWork.add(1, ordering: .relaxed)
    state.withLock { $0.work.begin(at: now) }
  }

  func ended(at now: MonotonicTime) {
    lastEnd.store(now.nanoseconds, ordering: .relaxed)
    atWork.subtract(1, ordering: .relaxed)
    state.withLock { $0.work.end(at: now) }
  }

  /// Whether a query that has waited since `since` may begin.
  /// - Parameters: `connections`: how many queries could be at work; `wasPutOff`: whether an earlier call returned
  ///   false.
  func mayBegin(since: MonotonicTime, of connections: Int, wasPutOff: Bool, at now: MonotonicTime) -> Bool {
    let aim = aim.now
    return state.withLock { state in
      update(&state, now, aim)
      let may = state.machine.mayBegin(since: since, beside: state.work, of: connections, at: now, aim)
      if !may, !wasPutOff { state.putOff += 1 }
      if may, wasPutOff, now - since >= aim.longestWait { state.letThrough += 1 }
      return may
    }
  }

  private func update(_ state: inout State, _ now: MonotonicTime, _ aim: Aim) {
    let (alone, beside) = (alone.now, beside.now)
    state.machine.record(alone: alone - state.alone, beside: beside - state.beside, at: now, aim)
    (state.alone, state.beside) = (alone, beside)
    if let usual = state.machine.usual {
      longest.store(UInt64(clamping: usual.wholeNanoseconds * Int64(Self.longestBatch)), ordering: .relaxed)
    }
  }

  // MARK: State for metrics

  func setWaiting(_ count: Int) { state.withLock { $0.waiting = count } }

  func snapshot(at now: MonotonicTime) -> Snapshot {
    let aim = aim.now
    return state.withLock { state in
      update(&state, now, aim)
      return Snapshot(
        room: state.machine.room, usual: state.machine.usual ?? .zero, atWork: state.work.queries,
        waiting: state.waiting, putOff: state.putOff, letThrough: state.letThrough)
    }
  }
}

extension PacingMachine.Batches {
  static func - (left: PacingMachine.Batches, right: PacingMachine.Batches) -> PacingMachine.Batches {
    PacingMachine.Batches(count: left.count - right.count, total: left.total - right.total)
  }
}
