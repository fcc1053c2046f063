// The whole run, seen from the thread that started it: one thread a loop or one process a part of the fleet, a common
// start, a sum in the end.

internal import Glibc
internal import Reactor

/// Runs a fleet. Driven by the calling thread's own loop, which also hears of signals.
final class Fleet: SignalHandler {
  /// Who plays the collectors.
  enum Role {
    /// Threads of this process.
    case alone
    /// Threads of this process, at the command of another.
    case worker
    /// Other processes. - Parameters: `executable`: this program; `arguments`: as it was called, without its name.
    case captain(executable: String, arguments: [String])
  }

  private enum Staff {
    case threads([LoopThread], WorkerLink?)
    case processes([WorkerProcess])
  }

  private let plan: FleetPlan
  private let role: Role
  /// For whatever else watches the run.
  let control: EventLoop
  /// By it the run can be ended from any thread.
  let scoreboard: Scoreboard

  init(plan: FleetPlan, role: Role = .alone) throws(SystemCallError) {
    self.plan = plan
    self.role = role
    control = try EventLoop()
    let parts =
      switch role {
      case .alone, .worker: plan.loops
      case .captain: plan.division.processes
      }
    scoreboard = Scoreboard(shards: parts, watcher: control.handle)
  }

  /// Ends the run in good order when one of `signals`, which must be blocked, comes; at once when one comes again.
  func heed(_ signals: [CInt]) throws(SystemCallError) -> SignalSource {
    try SignalSource(loop: control, signals: signals, handler: self)
  }

  func received(signal: CInt) { scoreboard.interrupt() }

  /// Blocks until the run is over.
  /// - Parameters: `progress`: called each second; `watch`: looks at the server and the database meanwhile; `readers`: read
  ///   beside the pushes.
  /// - Throws: if the run could not begin, or a process was lost.
  func run(
    progress: (Progress, RunTimes?) -> Void = { _, _ in }, watch: RunWatch? = nil,
    readers: Readers? = nil
  ) throws -> Report {
    let staff = try startStaff()
    var cpuAtStart: Duration?
    var nextLine = MonotonicTime.now() + .seconds(1)
    while true {
      control.turn(waitingAtMost: Scoreboard.tick)
      let now = MonotonicTime.now()
      try inform(staff, now: now)
      let times = scoreboard.times
      if let times, now >= times.measureStart, cpuAtStart == nil {
        cpuAtStart = CPUTime.ofProcess()
        watch?.measuringBegins()
      }
      if let times, now >= times.start, now < times.end { readers?.begin(times) }
      if let times, now >= times.end {
        watch?.measuringEnds()
        readers?.end()
      }
      if now >= nextLine {
        nextLine = nextLine + .seconds(1)
        progress(scoreboard.progress, times)
      }
      guard var result = scoreboard.result else { continue }
      result.cpu += cpuAtStart.map { CPUTime.ofProcess() - $0 } ?? .zero
      readers?.end()
      try dismiss(staff, result)
      let elapsed = elapsed(result, times: times, now: now)
      return Report(
        plan: plan, result: result, elapsed: elapsed, times: times, watched: watch?.finish(result),
        reads: readers?.figures, isInterrupted: scoreboard.interruptions > 0)
    }
  }

  /// From the start of the measured part to its end or, if that came later, the last acknowledgement.
  private func elapsed(_ result: FleetResult, times: RunTimes?, now: MonotonicTime) -> Duration {
    guard let times, now > times.measureStart else { return .zero }
    return times.measureStart.duration(to: min(now, max(times.end, result.measured.lastAcknowledgement ?? times.end)))
  }

  private func inform(_ staff: Staff, now: MonotonicTime) throws {
    switch staff {
    case .threads(_, let link?): link.report()
    case .threads(_, nil): setTimes(now)
    case .processes(let workers):
      setTimes(now)
      for worker in workers { worker.inform() }
      if let failure = workers.compactMap(\.failure).first {
        scoreboard.interrupt()
        scoreboard.interrupt()
        for worker in workers { worker.inform() }
        for worker in workers { worker.join() }
        throw RunFailure(description: failure)
      }
    }
  }

  private func setTimes(_ now: MonotonicTime) {
    if scoreboard.times != nil || !scoreboard.areAllReady { return }
    // Far enough ahead that every shard has looked by then, also one that hears of it through two processes.
    scoreboard.setTimes(RunTimes(start: now + Scoreboard.tick * 4, plan: plan))
  }

  private func dismiss(_ staff: Staff, _ result: FleetResult) throws {
    switch staff {
    case .threads(let threads, let link):
      for thread in threads { thread.join() }
      link?.send(result)
      while let link, !link.isFlushed { control.turn(waitingAtMost: Scoreboard.tick) }
    case .processes(let workers): for worker in workers { worker.join() }
    }
  }

  private func startStaff() throws -> Staff {
    switch role {
    case .alone: return .threads(try startThreads(), nil)
    case .worker:
      let link = try WorkerLink(loop: control, plan: plan, scoreboard: scoreboard)
      return .threads(try startThreads(), link)
    case .captain(let executable, let arguments):
      return .processes(
        try (0..<plan.division.processes).map { number in
          try WorkerProcess(
            number: number, executable: executable, arguments: arguments, loop: control, scoreboard: scoreboard)
        })
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
