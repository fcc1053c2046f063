// signalfd(2) turns a signal into an ordinary event, whose handler may do anything. Signal handlers in the sense of
// signal(7), which may do very little, are not used here.

internal import CEpoll.Epoll
internal import Glibc

/// A handler of signals. Its `SignalSource` holds it strongly until `close`.
public protocol SignalHandler: AnyObject {
  /// Handles `signal`, which came at least once: the kernel merges equal signals that wait.
  func received(signal: CInt)
}

/// Delivers signals to a loop. All threads must block these signals, see `block`.
public final class SignalSource: EventHandler {
  private let loop: EventLoop
  private let descriptor: FileDescriptor
  private var handler: (any SignalHandler)?
  /// The registration; nil after `close`.
  private var token: Token?

  /// Blocks `signals` in this thread and in each thread that it starts later. Call it at the beginning of `main`. If
  /// one thread does not block a signal, the signal takes its default action there and ends the process.
  public static func block(_ signals: [CInt]) {
    SystemCall.certain("pthread_sigmask") { cepoll_block_signals(signals, CInt(signals.count)) }
  }

  /// Makes a write to a closed pipe fail with EPIPE instead of ending the process. Sockets of `StreamSocket` don't need
  /// this (MSG_NOSIGNAL); libpq's sockets and standard output do.
  public static func ignoreSIGPIPE() {
    SystemCall.certain("signal(SIGPIPE)") { cepoll_ignore_sigpipe() }
  }

  /// Delivers `signals` to `handler` on `loop`.
  /// - Throws: the error of signalfd(2) or epoll_ctl(2).
  public init(loop: EventLoop, signals: [CInt], handler: any SignalHandler) throws(SystemCallError) {
    self.loop = loop
    self.handler = handler
    descriptor = FileDescriptor(
      owning: try SystemCall.value("signalfd") { cepoll_signal_source(signals, CInt(signals.count)) })
    token = try loop.register(descriptor.raw, .read, self)
  }

  /// Stops the delivery and releases the handler. The signals stay blocked.
  public func close() {
    guard let token else { return }
    self.token = nil
    handler = nil
    loop.deregister(token)
  }

  /// Reads the pending signals; the loop calls it.
  public func ready(_ readiness: Readiness) {
    while let handler {
      let signal = SystemCall.outcome("read(signalfd)") { cepoll_take_signal(descriptor.raw) }
      if signal == -EAGAIN { return }
      precondition(signal > 0, "\(SystemCallError(call: "read(signalfd)", errno: -signal))")
      handler.received(signal: signal)
    }
  }
}
