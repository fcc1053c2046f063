// SIGINT and SIGTERM as an asynchronous sequence: a signalfd on a loop of its own.

import Glibc
import Reactor

final class Signals: SignalHandler {
  private static let handled = [SIGINT, SIGTERM]

  /// First thing in main.
  static func block() {
    // A shell that starts us in the background lets us inherit "ignore", and an ignored signal reaches no signalfd.
    for number in handled { _ = signal(number, SIG_DFL) }
    SignalSource.block(handled)
    SignalSource.ignoreSIGPIPE()
  }

  /// The signals that end the program, as they come.
  static func stream() throws -> AsyncStream<CInt> {
    let (stream, continuation) = AsyncStream<CInt>.makeStream()
    _ = try LoopThread.start(name: "signals", index: 0) { loop in
      // The loop holds the source, and the source its handler.
      _ = try SignalSource(loop: loop, signals: handled, handler: Signals(continuation))
    }
    return stream
  }

  private let continuation: AsyncStream<CInt>.Continuation

  private init(_ continuation: AsyncStream<CInt>.Continuation) { self.continuation = continuation }

  func received(signal: CInt) { continuation.yield(signal) }
}
