// The state that the shards share with the thread that watches them. A loop's objects cannot leave its thread, so both
// sides read this state: the shards every 50 ms, the watcher when it is woken, and at the latest after the same time.
// If there are several processes, each counts as one shard.

internal import Reactor
internal import Synchronization

/// The shared state of a run. Any thread may call it.
final class Scoreboard: Sendable {
  private struct State {
    var readyShards = 0
    var progress: [Progress]
    var times: RunTimes?
    var interruptions = 0
    var results: [FleetResult] = []
  }

  /// The interval at which a shard reads and writes the scoreboard.
  static let tick: Duration = .milliseconds(50)

  private let shards: Int
  private let watcher: LoopHandle
  private let state: Mutex<State>

  init(shards: Int, watcher: LoopHandle) {
    self.shards = shards
    self.watcher = watcher
    state = Mutex(State(progress: Array(repeating: Progress(), count: shards)))
  }

  // MARK: Shards

  /// Sets the progress of a shard.
  func publish(_ progress: Progress, shard: Int) { state.withLock { $0.progress[shard] = progress } }

  /// Records that a shard is ready to begin.
  func becameReady() {
    state.withLock { $0.readyShards += 1 }
    watcher.submit { _ in }
  }

  /// The times of the run; nil while some shard is not ready.
  var times: RunTimes? { state.withLock { $0.times } }

  /// The number of times that the user has asked the run to end.
  var interruptions: Int { state.withLock { $0.interruptions } }

  /// Adds the result of a shard that is done.
  func finish(_ result: FleetResult) {
    state.withLock { $0.results.append(result) }
    watcher.submit { _ in }
  }

  // MARK: The watcher

  var areAllReady: Bool { state.withLock { $0.readyShards == shards } }

  func setTimes(_ times: RunTimes) { state.withLock { $0.times = times } }

  func interrupt() { state.withLock { $0.interruptions += 1 } }

  var progress: Progress { state.withLock { $0.progress.reduce(Progress(), +) } }

  /// The sum of the results of all shards; nil while one of them is not done.
  var result: FleetResult? {
    state.withLock { state in
      if state.results.count < shards { return nil }
      var sum = FleetResult()
      for result in state.results { sum.merge(result) }
      return sum
    }
  }
}
