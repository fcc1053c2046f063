// A thread that waits for the postmaster's end and restarts it: at once the first time, then after doubling delays. It
// waits by poll(2) on the process and on the interruption that `stop` raises.

internal import CEpoll.Process
internal import Glibc
internal import Reactor
internal import Synchronization

/// Events of the database while the server runs, for the log and the health endpoint.
enum EmbeddedPostgresEvent: Sendable {
  case ended(ProcessEnd, restartAfter: Duration)
  /// It accepts connections again.
  case restarted(processID: Int32)
  case restartFailed(EmbeddedPostgresError, nextAfter: Duration)
}

/// Supervises one postmaster.
final class Supervisor: Sendable {
  private let postmaster: Postmaster
  private let report: @Sendable (EmbeddedPostgresEvent) -> Void
  private let process: Mutex<RunningProcess>
  private let stopping: Interruption
  private let thread = Mutex<pthread_t?>(nil)

  /// - Parameter process: a postmaster that is ready.
  init(
    _ postmaster: Postmaster, _ process: RunningProcess, report: @escaping @Sendable (EmbeddedPostgresEvent) -> Void
  ) throws(EmbeddedPostgresError) {
    stopping = try Interruption()
    self.postmaster = postmaster
    self.report = report
    self.process = Mutex(process)
  }

  var processID: Int32 { process.withLock { $0.id } }

  func start() throws(EmbeddedPostgresError) {
    var id = pthread_t()
    // Safety: the thread takes over the one retain. If no thread starts, it is released here.
    let retained = Unmanaged.passRetained(self)
    let result = pthread_create(
      &id, nil,
      { argument in
        let supervisor = Unmanaged<Supervisor>.fromOpaque(argument!).takeRetainedValue()
        supervisor.watch()
        return nil
      }, retained.toOpaque())
    if result != 0 {
      retained.release()
      throw .systemCall("pthread_create", path: postmaster.layout.home, errno: result)
    }
    thread.withLock { $0 = id }
  }

  /// Ends the thread and then the postmaster. If the postmaster does not answer, ending the thread takes 2 s.
  func stop(by deadline: MonotonicTime?) -> StopOutcome {
    stopping.raise()
    if let id = thread.withLock({ $0.take() }) { pthread_join(id, nil) }
    return postmaster.stop(process.withLock { $0 }, within: deadline.map { MonotonicTime.now().duration(to: $0) })
  }

  private func watch() {
    let limits = postmaster.limits
    let clock = ContinuousClock()
    var delay = limits.firstRestartDelay
    var readySince = clock.now
    var isReady = true
    while true {
      if isReady {
        guard case .ended(let end) = process.withLock({ $0 }).wait(atMost: nil, orUntilReadable: stopping.descriptor)
        else {
          return
        }
        if clock.now - readySince >= limits.healthyAfter { delay = limits.firstRestartDelay }
        report(.ended(end, restartAfter: delay))
      }
      if cepoll_poll_either(stopping.descriptor, -1, delay.pollMilliseconds) != 0 { return }
      delay = min(delay * 2, limits.maximumRestartDelay)
      do throws(EmbeddedPostgresError) {
        guard try restart() == .ready else { return }
        isReady = true
        readySince = clock.now
        report(.restarted(processID: processID))
      } catch {
        isReady = false
        report(.restartFailed(error, nextAfter: delay))
      }
    }
  }

  /// If the postmaster runs but is not ready, waits for it instead of starting a second one.
  private func restart() throws(EmbeddedPostgresError) -> Postmaster.Readiness {
    var current = process.withLock { $0 }
    if case .ended = current.wait(atMost: .zero) {
      current = if let found = postmaster.adopt() { found } else { try postmaster.launch() }
      process.withLock { $0 = current }
    }
    return try postmaster.awaitReadiness(of: current, orUntilReadable: stopping.descriptor)
  }
}
