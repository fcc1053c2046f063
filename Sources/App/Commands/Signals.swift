// SIGINT, SIGTERM and SIGHUP as an asynchronous sequence: a signalfd on a loop of its own.

import Glibc
import Reactor

final class Signals: SignalHandler {
  private static let handled = [SIGINT, SIGTERM, SIGHUP]

  /// First thing in main.
  static func block() {
    // A shell that starts us in the background lets us inherit "ignore", and an ignored signal reaches no signalfd.
    for number in handled { _ = signal(number, SIG_DFL) }
    SignalSource.block(handled)
    SignalSource.ignoreSIGPIPE()
  }

  enum Event: Sendable {
    /// SIGINT, SIGTERM, or the terminal is gone.
    case stop
    /// SIGHUP from anybody else.
    case reload
  }

  /// What is asked of the program, as it comes.
  /// - Parameter ending: hears of `.stop` at once, whatever else the program is at.
  static func stream(_ ending: Ending) throws -> AsyncStream<Event> {
    let (stream, continuation) = AsyncStream<Event>.makeStream()
    _ = try LoopThread.start(name: "signals", index: 0) { loop in
      // The loop holds the source, and the source its handler.
      _ = try SignalSource(loop: loop, signals: handled, handler: Signals(continuation, ending))
    }
    return stream
  }

  private let continuation: AsyncStream<Event>.Continuation

  private let ending: Ending

  private init(_ continuation: AsyncStream<Event>.Continuation, _ ending: Ending) {
    self.continuation = continuation
    self.ending = ending
  }

  func received(signal: CInt) {
    if signal == SIGHUP, !hasTerminalGone {
      continuation.yield(.reload)
    } else {
      ending.begin()
      continuation.yield(.stop)
    }
  }

  /// A terminal that was closed says so to all who ran on it by the same signal; whoever asks it then gets EIO.
  private var hasTerminalGone: Bool {
    var attributes = termios()
    return tcgetattr(STDIN_FILENO, &attributes) != 0 && errno == EIO
  }
}
