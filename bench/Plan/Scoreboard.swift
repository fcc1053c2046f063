// What the shards and the thread that watches them tell one another. A loop's objects cannot leave its thread, so both
// sides look here: the shards every 50 ms, the watcher when it is woken or another such time is over. To the watcher of
// several processes, each process is a shard.

internal import Reactor
internal import Synchronization

final class Scoreboard: Sendable {
  private struct State {
    var readyShards = 0
    var progress: [Progress]
    var times: RunTimes?
    var interruptions = 0
    var results: [FleetResult] = []
  }

  /// How often a shard looks at the scoreboard, and writes on it.
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

  func publish(_ progress: Progress, shard: Int) { state.withLock { $0.progress[shard] = progress } }

  func becameReady() {
    state.withLock { $0.readyShards += 1 }
    watcher.submit { _ in }
  }

  /// When the run begins and ends; nil while some shard is not ready.
  var times: RunTimes? { state.withLock { $0.times } }

  /// How often the user wanted it to end.
  var interruptions: Int { state.withLock { $0.interruptions } }

  func finish(_ result: FleetResult) {
    state.withLock { $0.results.append(result) }
    watcher.submit { _ in }
  }

  // MARK: The watcher

  var areAllReady: Bool { state.withLock { $0.readyShards == shards } }

  func setTimes(_ times: RunTimes) { state.withLock { $0.times = times } }

  func interrupt() { state.withLock { $0.interruptions += 1 } }

  var progress: Progress { state.withLock { $0.progress.reduce(Progress(), +) } }

  /// The sum of what the shards counted; nil while one of them is not done.
  var result: FleetResult? {
    state.withLock { state in
      if state.results.count < shards { return nil }
      var sum = FleetResult()
      for result in state.results { sum.merge(result) }
      return sum
    }
  }
}
