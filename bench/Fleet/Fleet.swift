// Runs a fleet from the thread that started the program. The collectors run on threads, one per loop, or in processes.
// All begin at a common time, and the results are added at the end.

internal import Glibc
internal import Reactor

/// Runs a fleet on the calling thread's own loop, which also receives signals.
final class Fleet: SignalHandler {
  /// The place where the collectors run.
  enum Role {
    /// Threads of this process.
    case alone
    /// Threads of this process, which another process controls.
    case worker
    /// Other processes.
    /// - Parameters: `executable`: the path of this program; `arguments`: its command line without the name.
    case captain(executable: String, arguments: [String])
  }

  private enum Staff {
    case threads([LoopThread], WorkerLink?)
    case processes([WorkerProcess])
  }

  private let plan: FleetPlan
  private let role: Role
  /// The loop for everything else that watches the run.
  let control: EventLoop
  /// The shared state of the run. With it, any thread can end the run.
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

  /// Handles `signals`, which must be blocked. The first one ends the run after the last pushes, the second one at
  /// once.
  func heed(_ signals: [CInt]) throws(SystemCallError) -> SignalSource {
    try SignalSource(loop: control, signals: signals, handler: self)
  }

  func received(signal: CInt) { scoreboard.interrupt() }

  /// Runs the fleet. It blocks until the run is over.
  /// - Parameters: `progress`: called each second; `watch`: measures the server and the database meanwhile; `readers`:
  ///   read beside the pushes.
  /// - Throws: an error if the run could not begin or a process was lost.
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

  /// The time from the start of the measured part to its end, or to the last acknowledgement if that is later.
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
    // The start lies far enough ahead for every shard to read it before, also in other processes.
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

/// The processor time of this process, in user and kernel mode.
enum CPUTime {
  static func ofProcess() -> Duration {
    var usage = rusage()
    getrusage(CInt(RUSAGE_SELF.rawValue), &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
    return .seconds(seconds) + .microseconds(microseconds)
  }
}
