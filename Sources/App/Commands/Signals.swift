// SIGINT, SIGTERM and SIGHUP as an asynchronous sequence. A signalfd on a loop of its own receives them.

import Glibc
import Reactor

final class Signals: SignalHandler {
  private static let handled = [SIGINT, SIGTERM, SIGHUP]

  /// Blocks the signals. To be called first in main.
  static func block() {
    // A shell that starts a process in the background makes it inherit "ignore", and an ignored signal does not reach a
    // signalfd.
    for number in handled { _ = signal(number, SIG_DFL) }
    SignalSource.block(handled)
    SignalSource.ignoreSIGPIPE()
  }

  enum Event: Sendable {
    /// SIGINT, SIGTERM, or a SIGHUP because the terminal was closed.
    case stop
    /// Any other SIGHUP.
    case reload
  }

  /// The events, as they arrive.
  /// - Parameter stopped: called with each `.stop`, on the thread that receives the signals, whatever else the program is
  ///   doing.
  static func stream(_ stopped: @escaping @Sendable () -> Void) throws -> AsyncStream<Event> {
    let (stream, continuation) = AsyncStream<Event>.makeStream()
    _ = try LoopThread.start(name: "signals", index: 0) { loop in
      // The loop retains the source, and the source its handler.
      _ = try SignalSource(loop: loop, signals: handled, handler: Signals(continuation, stopped))
    }
    return stream
  }

  private let continuation: AsyncStream<Event>.Continuation
  private let stopped: @Sendable () -> Void

  private init(_ continuation: AsyncStream<Event>.Continuation, _ stopped: @escaping @Sendable () -> Void) {
    self.continuation = continuation
    self.stopped = stopped
  }

  func received(signal: CInt) {
    if signal == SIGHUP, !hasTerminalGone {
      continuation.yield(.reload)
    } else {
      stopped()
      continuation.yield(.stop)
    }
  }

  /// A terminal that is closed sends the same signal to all processes on it. Afterwards it answers EIO.
  private var hasTerminalGone: Bool {
    var attributes = termios()
    return tcgetattr(STDIN_FILENO, &attributes) != 0 && errno == EIO
  }
}
