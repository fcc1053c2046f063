// The one door between threads. A loop and everything registered on it stay on their thread, since none of it is
// Sendable; other threads hold this handle and put jobs through it.

internal import CEpoll.Epoll
internal import Glibc
internal import Synchronization

/// Reaches a loop from any thread. Valid for ever, also after its loop has ended.
public final class LoopHandle: Sendable {
  /// Jobs that may wait for their loop. Senders are bounded long before (an admin request has one job in flight); a loop
  /// that lets so many pile up is stuck, and dropping beats growing.
  public static let maximumWaitingJobs = 65_536

  typealias Job = @Sendable (EventLoop) -> Void

  private struct Inbox {
    var jobs: [Job] = []
    var stopRequested = false
    /// The flag is up and the loop has not yet looked: no second write is needed.
    var isSignalled = false
    var isClosed = false
  }

  private let inbox = Mutex(Inbox())
  private let wakeFlag: FileDescriptor

  init() throws(SystemCallError) {
    wakeFlag = FileDescriptor(owning: try SystemCall.value("eventfd") { cepoll_wake_flag() })
  }

  /// Runs `job` on the loop's thread, in its next turn, after the jobs submitted before it.
  /// - Returns: true: the job will run, exactly once, if the loop runs at all (jobs accepted before its end run even when
  ///   it is stopping). False: the loop has ended or `maximumWaitingJobs` are waiting; the job was dropped.
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

  /// Ends the loop after its current turn. Harmless if it has ended already.
  public func stop() {
    let mustSignal = inbox.withLock { inbox in
      inbox.stopRequested = true
      defer { inbox.isSignalled = true }
      return !inbox.isSignalled
    }
    if mustSignal { raiseFlag() }
  }

  /// Lets the poller see the flag. - Returns: its descriptor, open as long as the handle.
  var flag: CInt { wakeFlag.raw }

  /// Takes everything that waits, into `jobs` (which is empty, and whose storage goes to the inbox in exchange).
  /// - Returns: whether a stop was asked for.
  func collect(into jobs: inout [Job]) -> Bool {
    lowerFlag()
    return inbox.withLock { inbox in
      swap(&inbox.jobs, &jobs)
      inbox.isSignalled = false
      return inbox.stopRequested
    }
  }

  /// Refuses jobs from here on. - Returns: those that were accepted before.
  func close() -> [Job] {
    inbox.withLock { inbox in
      inbox.isClosed = true
      defer { inbox.jobs = [] }
      return inbox.jobs
    }
  }

  private func raiseFlag() {
    let result = SystemCall.outcome("write(eventfd)") { cepoll_eventfd_add(wakeFlag.raw, 1) }
    precondition(result == 0 || result == -EAGAIN)  // EAGAIN: the counter is full, so the flag is up
  }

  private func lowerFlag() {
    let result = SystemCall.outcome("read(eventfd)") { cepoll_eventfd_take(wakeFlag.raw) }
    precondition(result == 0 || result == -EAGAIN)
  }
}
