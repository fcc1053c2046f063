// Queries give way to pushes. They have connections of their own, so no push waits for one of them; but they share the
// processors and the disk with the loops and with PostgreSQL's writers. Two things keep them from taking what
// pushes need: the priority of their backends, where we may set it, and this: lanes say how long their batches take,
// `PacingMachine` finds what queries cost them, and the pool asks before a query begins.

import Reactor
import Synchronization

/// Shared by the lanes, which tell of their batches, and by the pool of queries, which asks.
final class QueryPacing: Sendable {
  typealias Aim = PacingMachine.Aim

  /// For who watches.
  struct Snapshot: Sendable {
    /// -1 to 1: see `PacingMachine`.
    var room = 1.0
    /// What a batch takes while no query is at work.
    var usual = Duration.zero
    var atWork = 0
    var waiting = 0
    /// Queries that had to wait for pushes though a connection was free, and those of them whose wait was the longest.
    var putOff = 0
    var letThrough = 0
  }

  /// Batches since the start. Lanes add, whoever decides takes differences.
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
    var waiting = 0
    var putOff = 0
    var letThrough = 0
  }

  /// One batch counts as at most so many usual ones: a checkpoint is not the queries' doing.
  private static let longestBatch = 4

  private let aim: Live<Aim>
  private let alone = Sum()
  private let beside = Sum()
  private let atWork = Atomic<Int>(0)
  private let lastEnd = Atomic<UInt64>(0)
  /// Of a batch, in nanoseconds.
  private let longest = Atomic<UInt64>(1_000_000_000)
  /// Never taken by a lane.
  private let state = Mutex(State())

  init(_ aim: Live<Aim>) { self.aim = aim }

  /// A batch was committed. From any thread: no lock, no memory.
  /// - Parameters: `time`: from a push's last byte to the commit, the mean of the batch; `since`: when the first of its
  ///   pushes was complete.
  func committed(after time: Duration, since: MonotonicTime) {
    let counted = min(time, .nanoseconds(Int64(clamping: longest.load(ordering: .relaxed))))
    let isAlone =
      atWork.load(ordering: .relaxed) == 0 && lastEnd.load(ordering: .relaxed) <= since.nanoseconds
    if isAlone { alone.add(counted) } else { beside.add(counted) }
  }

  // MARK: Queries

  func began() { atWork.add(1, ordering: .relaxed) }

  func ended(at now: MonotonicTime) {
    lastEnd.store(now.nanoseconds, ordering: .relaxed)
    atWork.subtract(1, ordering: .relaxed)
  }

  /// Whether a query may begin that has waited since `since`.
  /// - Parameters: `connections`: how many queries could be at work; `wasPutOff`: the answer was no before.
  func mayBegin(since: MonotonicTime, of connections: Int, wasPutOff: Bool, at now: MonotonicTime) -> Bool {
    let aim = aim.now
    let atWork = atWork.load(ordering: .relaxed)
    return state.withLock { state in
      hear(&state, now, aim)
      let may = state.machine.mayBegin(since: since, atWork: atWork, of: connections, at: now, aim)
      if !may, !wasPutOff { state.putOff += 1 }
      if may, wasPutOff, now - since >= aim.longestWait { state.letThrough += 1 }
      return may
    }
  }

  private func hear(_ state: inout State, _ now: MonotonicTime, _ aim: Aim) {
    let (alone, beside) = (alone.now, beside.now)
    state.machine.hear(alone: alone - state.alone, beside: beside - state.beside, at: now, aim)
    (state.alone, state.beside) = (alone, beside)
    if let usual = state.machine.usual {
      longest.store(UInt64(clamping: usual.wholeNanoseconds * Int64(Self.longestBatch)), ordering: .relaxed)
    }
  }

  // MARK: Who watches

  func sawWaiting(_ count: Int) { state.withLock { $0.waiting = count } }

  func snapshot(at now: MonotonicTime) -> Snapshot {
    let (aim, atWork) = (aim.now, atWork.load(ordering: .relaxed))
    return state.withLock { state in
      hear(&state, now, aim)
      return Snapshot(
        room: state.machine.room, usual: state.machine.usual ?? .zero, atWork: atWork, waiting: state.waiting,
        putOff: state.putOff, letThrough: state.letThrough)
    }
  }
}

extension PacingMachine.Batches {
  static func - (left: PacingMachine.Batches, right: PacingMachine.Batches) -> PacingMachine.Batches {
    PacingMachine.Batches(count: left.count - right.count, total: left.total - right.total)
  }
}
