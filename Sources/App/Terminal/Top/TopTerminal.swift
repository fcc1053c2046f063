// The terminal of the live view: raw mode, the alternate screen, and everything that arrives from it.

import Glibc
import Protocol
import Reactor

/// Takes a terminal over and gives it back.
struct TopTerminal: Sendable {
  /// The attributes at the start (termios(3)).
  private let attributes: termios

  /// - Throws: `.usage` if standard input is no terminal.
  init() throws(ClientFailure) {
    var attributes = termios()
    guard tcgetattr(STDIN_FILENO, &attributes) == 0 else {
      throw ClientFailure(.usage, "Standard input is no terminal.")
    }
    self.attributes = attributes
  }

  /// Reads keys one by one, without echo. Ctrl-C and Ctrl-Z are keys, too, so that no signal ends or stops the program
  /// before the terminal is given back.
  func take(_ screen: Screen) {
    readKeys()
    screen.write(TopCanvas.begin)
  }

  /// Reads keys again, after another program had the terminal. The alternate screen is as it was.
  func readKeys() {
    var raw = attributes
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
    raw.c_iflag &= ~tcflag_t(IXON | ICRNL)
    // A read returns at once, with what there is: the loop reads when the kernel reports input.
    withUnsafeMutableBytes(of: &raw.c_cc) { bytes in
      bytes[Int(VMIN)] = 0
      bytes[Int(VTIME)] = 0
    }
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
  }

  /// Gives the terminal back as it was.
  func giveBack(_ screen: Screen) {
    screen.write(TopCanvas.end)
    var attributes = attributes
    tcsetattr(STDIN_FILENO, TCSADRAIN, &attributes)
  }

  /// The present size; 80 x 24 if the terminal does not know it.
  static var size: TopSize {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return TopSize(columns: 80, rows: 24)
    }
    return TopSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
  }
}

/// What arrives at the live view, besides answers.
enum TopInput: Sendable {
  case bytes([UInt8])
  case signal(CInt)
  case tick
  /// The terminal has gone.
  case gone
  case answer(TopQuestion, Result<JSONValue, ClientFailure>)
}

/// Reports keys, signals and the passing of time, from a loop of its own.
final class TopEvents: EventHandler, SignalHandler, DeadlineHandler {
  /// The signals that the live view handles. `Main` blocks them before any other thread starts.
  static let signals = [SIGWINCH, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT]
  private static let tick = Duration.milliseconds(250)
  private static let readBytes = 4096

  private let loop: EventLoop
  private let continuation: AsyncStream<TopInput>.Continuation
  private var token: Token?

  private init(_ loop: EventLoop, _ continuation: AsyncStream<TopInput>.Continuation) {
    (self.loop, self.continuation) = (loop, continuation)
  }

  /// Starts to report. - Throws: the error of a system call.
  static func start(_ continuation: AsyncStream<TopInput>.Continuation) throws -> LoopThread {
    try LoopThread.start(name: "terminal", index: 0) { loop in
      let events = TopEvents(loop, continuation)
      // The loop retains its handlers.
      events.token = try loop.register(STDIN_FILENO, .read, events)
      _ = try SignalSource(loop: loop, signals: signals, handler: events)
      _ = loop.schedule(events, at: loop.now + tick)
    }
  }

  func ready(_ readiness: Readiness) {
    var bytes = [UInt8](repeating: 0, count: Self.readBytes)
    let count = read(STDIN_FILENO, &bytes, bytes.count)
    if count > 0 {
      continuation.yield(.bytes(Array(bytes.prefix(count))))
    } else if count < 0 && errno == EINTR {
      return
    } else if count < 0 || readiness.contains(.peerClosed) {
      token.map(loop.deregister)
      token = nil
      continuation.yield(.gone)
    }
  }

  func received(signal: CInt) { continuation.yield(.signal(signal)) }

  func deadlineReached(_: TimerID) {
    continuation.yield(.tick)
    _ = loop.schedule(self, at: loop.now + Self.tick)
  }
}
