// The only way from another thread to a loop. The loop and everything registered on it stay on their thread, because
// none of it is Sendable. Other threads hold this handle and submit jobs to it.

internal import CEpoll.Epoll
internal import Glibc
internal import Synchronization

/// Reaches a loop from any thread. It stays valid after the loop has ended.
public final class LoopHandle: Sendable {
  /// The most jobs that may wait for their loop. Senders are limited to far fewer (an admin request has one job in
  /// flight). A loop with so many waiting jobs is stuck, and a dropped job is better than unbounded memory.
  public static let maximumWaitingJobs = 65_536

  typealias Job = @Sendable (EventLoop) -> Void

  private struct Inbox {
    var jobs: [Job] = []
    var stopRequested = false
    /// Whether the wake-up flag is raised and the loop has not collected the jobs yet. The flag is then not raised
    /// again.
    var isSignalled = false
    var isClosed = false
  }

  private let inbox = Mutex(Inbox())
  private let wakeFlag: FileDescriptor

  init() throws(SystemCallError) {
    wakeFlag = FileDescriptor(owning: try SystemCall.value("eventfd") { cepoll_wake_flag() })
  }

  /// Runs `job` on the loop's thread in the loop's next turn, after the jobs submitted before it.
  /// - Returns: true if the job will run exactly once, provided that the loop runs at all. Jobs accepted before the
  ///   loop ends run even while it is stopping. False if the loop has ended or `maximumWaitingJobs` jobs wait; the job
  ///   is then dropped.
  @discardableResult
  public func submit(_ job: @escaping @Sendable (EventLoop) -> Void) -> Bool {
    let (accepted, mustSignal) = inbox.withLock { inbox in
      if inbox.isClosed || inbox.jobs.count >= Self.maximumWaitingJobs { return (false, false) }
      inbox.jobs.append(job)
      defer { inbox.isSignalled = true }
      return (true, !inbox.isSignalled)
    }
    if mustSignal { raiseFlag() }
    return accepted
  }

  /// Lets the loop end after its current turn. After the end it has no effect.
  public func stop() {
    let mustSignal = inbox.withLock { inbox in
      inbox.stopRequested = true
      defer { inbox.isSignalled = true }
      return !inbox.isSignalled
    }
    if mustSignal { raiseFlag() }
  }

  /// The descriptor of the flag, for the loop's epoll. It is open as long as the handle lives.
  var flag: CInt { wakeFlag.raw }

  /// Moves all waiting jobs to `jobs`, which must be empty. The inbox gets its storage in exchange.
  /// - Returns: whether `stop` was called.
  func collect(into jobs: inout [Job]) -> Bool {
    lowerFlag()
    return inbox.withLock { inbox in
      swap(&inbox.jobs, &jobs)
      inbox.isSignalled = false
      return inbox.stopRequested
    }
  }

  /// Refuses all later jobs.
  /// - Returns: the jobs that were accepted before.
  func close() -> [Job] {
    inbox.withLock { inbox in
      inbox.isClosed = true
      defer { inbox.jobs = [] }
      return inbox.jobs
    }
  }

  private func raiseFlag() {
    let result = SystemCall.outcome("write(eventfd)") { cepoll_eventfd_add(wakeFlag.raw, 1) }
    precondition(result == 0 || result == -EAGAIN)  // EAGAIN: the counter is full, so the flag is already raised
  }

  private func lowerFlag() {
    let result = SystemCall.outcome("read(eventfd)") { cepoll_eventfd_take(wakeFlag.raw) }
    precondition(result == 0 || result == -EAGAIN)
  }
}
