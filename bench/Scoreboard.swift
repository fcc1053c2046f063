// What the shards and the thread that watches them tell one another. A loop's objects cannot leave its thread, so both
// sides look here: the shards every 50 ms, the watcher when it is woken or another such time is over.

internal import Reactor
internal import Synchronization

/// What a live line of progress needs.
struct Progress: Sendable, Equatable {
  var enrolled = 0
  /// Connected, or given up.
  var ready = 0
  var acknowledged = 0
  var rows = 0
  var wireBytes = 0
  var errors = 0

  static func + (left: Progress, right: Progress) -> Progress {
    Progress(
      enrolled: left.enrolled + right.enrolled, ready: left.ready + right.ready,
      acknowledged: left.acknowledged + right.acknowledged, rows: left.rows + right.rows,
      wireBytes: left.wireBytes + right.wireBytes, errors: left.errors + right.errors)
  }
}

final class Scoreboard: Sendable {
  private struct State {
    var readyShards = 0
    var progress: [Progress]
    var start: MonotonicTime?
    var interruptions = 0
    var tallies: [Tally] = []
  }

  private let shards: Int
  private let watcher: LoopHandle
  private let state: Mutex<State>

  init(shards: Int, watcher: LoopHandle) {
    self.shards = shards
    self.watcher = watcher
    state = Mutex(State(progress: Array(repeating: Progress(), count: shards)))
  }

  // MARK: Shards

  func publish(_ progress: Progress, shard: Int) { state.withLock { $0.progress[shard] = progress } }

  func becameReady() {
    state.withLock { $0.readyShards += 1 }
    watcher.submit { _ in }
  }

  /// When the run begins; nil while some shard is not ready.
  var start: MonotonicTime? { state.withLock { $0.start } }

  /// How often the user wanted it to end.
  var interruptions: Int { state.withLock { $0.interruptions } }

  func finish(_ tally: Tally) {
    state.withLock { $0.tallies.append(tally) }
    watcher.submit { _ in }
  }

  // MARK: The watcher

  var areAllReady: Bool { state.withLock { $0.readyShards == shards } }

  func setStart(_ time: MonotonicTime) { state.withLock { $0.start = time } }

  func interrupt() { state.withLock { $0.interruptions += 1 } }

  var progress: Progress { state.withLock { $0.progress.reduce(Progress(), +) } }

  /// The sum of what the shards counted; nil while one of them is not done.
  var result: Tally? {
    state.withLock { state in
      if state.tallies.count < shards { return nil }
      var sum = Tally()
      for tally in state.tallies { sum.merge(tally) }
      return sum
    }
  }
}
