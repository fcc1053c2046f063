// signalfd(2): a signal becomes an event like any other, and may then do whatever an event may do. A handler in the
// sense of signal(7), which may do next to nothing, does not exist here.

internal import CEpoll.Epoll
internal import Glibc

/// Hears of signals. Held strongly by its `SignalSource` until that is closed.
public protocol SignalHandler: AnyObject {
  /// `signal` came at least once: the kernel folds equal ones that wait.
  func received(signal: CInt)
}

/// Delivers signals to a loop. They must be blocked in every thread: see `block`.
public final class SignalSource: EventHandler {
  private let loop: EventLoop
  private let descriptor: FileDescriptor
  private var handler: (any SignalHandler)?
  /// nil: closed.
  private var token: Token?

  /// Keeps `signals` from interrupting this thread, and every thread it starts from here on. Call it first thing in
  /// `main`: a signal that one thread does not block is delivered there, with its default action, and ends the process.
  public static func block(_ signals: [CInt]) {
    SystemCall.certain("pthread_sigmask") { cepoll_block_signals(signals, CInt(signals.count)) }
  }

  /// Lets a write to a closed pipe fail with EPIPE. Sockets of `StreamSocket` need it not (MSG_NOSIGNAL); libpq's and
  /// standard output do.
  public static func ignoreSIGPIPE() {
    SystemCall.certain("signal(SIGPIPE)") { cepoll_ignore_sigpipe() }
  }

  public init(loop: EventLoop, signals: [CInt], handler: any SignalHandler) throws(SystemCallError) {
    self.loop = loop
    self.handler = handler
    descriptor = FileDescriptor(
      owning: try SystemCall.value("signalfd") { cepoll_signal_source(signals, CInt(signals.count)) })
    token = try loop.register(descriptor.raw, .read, self)
  }

  /// Delivers no more. The signals stay blocked.
  public func close() {
    guard let token else { return }
    self.token = nil
    handler = nil
    loop.deregister(token)
  }

  public func ready(_ readiness: Readiness) {
    while let handler {
      let signal = SystemCall.outcome("read(signalfd)") { cepoll_take_signal(descriptor.raw) }
      if signal == -EAGAIN { return }
      precondition(signal > 0, "\(SystemCallError(call: "read(signalfd)", errno: -signal))")
      handler.received(signal: signal)
    }
  }
}
