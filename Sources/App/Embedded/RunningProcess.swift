// A process seen from outside: a child, or one that an earlier server left behind. A pidfd (pidfd_open(2)) identifies
// it, so waiting and signalling never affect another process with a reused id.

internal import CEpoll.Process
internal import Glibc
internal import Ground
internal import Synchronization

/// A running process, or one that has ended.
final class RunningProcess: Sendable {
  enum Waited: Equatable {
    case ended(ProcessEnd)
    /// The other descriptor became readable first.
    case interrupted
    case tookTooLong
  }

  let id: pid_t
  private let isChild: Bool
  /// The pidfd, which this object closes; -1 if the kernel gave none.
  private let descriptor: CInt
  private let end = Mutex<ProcessEnd?>(nil)

  /// How often the process is checked if the kernel offers no pidfd (before Linux 5.3, or forbidden by a sandbox).
  private static let pollInterval: Duration = .milliseconds(100)

  /// Takes over a child that was just spawned. No other code may wait for it.
  init(child id: pid_t) {
    self.id = id
    isChild = true
    descriptor = max(cepoll_pidfd_open(id), -1)
  }

  /// - Returns: nil if no such process runs.
  init?(adopting id: pid_t) {
    guard id > 1, kill(id, 0) == 0 || errno == EPERM else { return nil }
    self.id = id
    isChild = false
    descriptor = max(cepoll_pidfd_open(id), -1)
  }

  deinit {
    if descriptor >= 0 { _ = close(descriptor) }
  }

  /// Waits until the process has ended, and remembers how. Only one thread may wait at a time.
  /// - Parameters:
  ///   - limit: the longest wait; nil for no limit.
  ///   - interruption: a descriptor whose readability ends the wait early; -1 for none.
  func wait(atMost limit: Duration?, orUntilReadable interruption: CInt = -1) -> Waited {
    let clock = ContinuousClock()
    let deadline = limit.map { clock.now + $0 }
    while true {
      if let end = look() { return .ended(end) }
      let left = deadline.map { max(.zero, $0 - clock.now) }
      if left == .zero { return .tookTooLong }
      let nap = descriptor < 0 ? min(left ?? Self.pollInterval, Self.pollInterval) : left
      let ready = cepoll_poll_either(descriptor, interruption, nap.map(\.pollMilliseconds) ?? -1)
      precondition(ready >= 0, "poll failed: \(FileError.reason(of: -ready))")
      if ready & 2 != 0 { return .interrupted }
    }
  }

  /// Sends a signal. - Returns: false if the process has ended or may not be signalled.
  @discardableResult
  func send(_ signal: CInt) -> Bool {
    if end.withLock({ $0 != nil }) { return false }
    if descriptor >= 0 { return cepoll_pidfd_signal(descriptor, signal) == 0 }
    return kill(id, signal) == 0
  }

  private func look() -> ProcessEnd? {
    end.withLock { end in
      if end == nil { end = isChild ? reap() : adoptedEnd() }
      return end
    }
  }

  private func reap() -> ProcessEnd? {
    var code: CInt = -1
    var signal: CInt = -1
    let reaped = cepoll_reap(id, &code, &signal)
    if reaped == 0 { return nil }
    if reaped < 0 { return .unknown }  // ECHILD: SIGCHLD is ignored in this process
    return signal >= 0 ? .killed(signal: signal) : .exited(code: code)
  }

  private func adoptedEnd() -> ProcessEnd? {
    if descriptor >= 0 { return cepoll_poll_either(descriptor, -1, 0) & 1 != 0 ? .unknown : nil }
    return kill(id, 0) == 0 || errno == EPERM ? nil : .unknown
  }
}

extension Duration {
  /// The duration for poll(2), rounded up, so that a wait does not spin during its last millisecond.
  var pollMilliseconds: CInt {
    let (seconds, attoseconds) = components
    return CInt(clamping: seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
