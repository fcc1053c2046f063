// The whole run, seen from the thread that started it: one thread a loop, a common start, a sum in the end.

internal import Glibc
internal import Reactor

/// Runs a fleet. Driven by the calling thread's own loop, which also hears of signals.
final class Fleet: SignalHandler {
  private let plan: FleetPlan
  private let control: EventLoop
  private let scoreboard: Scoreboard

  init(plan: FleetPlan) throws(SystemCallError) {
    self.plan = plan
    control = try EventLoop()
    scoreboard = Scoreboard(shards: plan.loops, watcher: control.handle)
  }

  /// Ends the run in good order when one of `signals`, which must be blocked, comes; at once when one comes again.
  func heed(_ signals: [CInt]) throws(SystemCallError) -> SignalSource {
    try SignalSource(loop: control, signals: signals, handler: self)
  }

  func received(signal: CInt) { interrupt() }

  func interrupt() { scoreboard.interrupt() }

  /// Blocks until the run is over.
  /// - Parameter progress: called each second.
  /// - Throws: `SystemCallError` or `LocalFileError`, if the run could not begin.
  func run(progress: (Progress, _ sinceStart: Duration?) -> Void = { _, _ in }) throws -> Report {
    let threads = try startThreads()
    var start: MonotonicTime?
    var cpuAtStart = CPUTime.ofProcess()
    var nextLine = MonotonicTime.now() + .seconds(1)
    while true {
      control.turn(waitingAtMost: FleetShard.tick)
      let now = MonotonicTime.now()
      if start == nil, scoreboard.areAllReady {
        // Far enough ahead that every shard has looked by then.
        let time = now + FleetShard.tick * 3
        scoreboard.setStart(time)
        start = time
        cpuAtStart = CPUTime.ofProcess()
      }
      if now >= nextLine {
        nextLine = nextLine + .seconds(1)
        progress(scoreboard.progress, start.map { $0.duration(to: now) })
      }
      guard let tally = scoreboard.result else { continue }
      for thread in threads { thread.join() }
      let ended = start.map { max($0, min(now, max($0 + plan.duration, tally.lastAcknowledgement ?? $0))) }
      return Report(
        plan: plan, tally: tally, elapsed: start.map { $0.duration(to: ended!) } ?? .zero,
        cpu: CPUTime.ofProcess() - cpuAtStart)
    }
  }

  private func startThreads() throws -> [LoopThread] {
    var threads: [LoopThread] = []
    do {
      for index in 0..<plan.loops {
        let thread = try LoopThread.start(name: "bench-\(index)", index: index) { [plan, scoreboard] loop in
          try FleetShard(loop: loop, plan: plan, scoreboard: scoreboard).start()
        }
        threads.append(thread)
      }
      return threads
    } catch {
      for thread in threads { thread.stop() }
      for thread in threads { thread.join() }
      throw error
    }
  }
}

/// Processor time used, in user and kernel mode.
enum CPUTime {
  static func ofProcess() -> Duration {
    var usage = rusage()
    getrusage(CInt(RUSAGE_SELF.rawValue), &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
    return .seconds(seconds) + .microseconds(microseconds)
  }
}
