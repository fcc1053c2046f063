// What the program writes on: a terminal, or a file or pipe.

import Glibc
import Ground

/// Standard output as the program found it.
struct Screen: Sendable {
  enum Style: String, Sendable {
    case title = "1;4"
    case heading = "1"
    case faint = "2"
    case good = "32"
    case warning = "33"
    case bad = "31"

    /// The style of a state or severity; nil: none.
    init?(state: String) {
      switch state {
      case "ok", "active", "success": self = .good
      case "warning", "silent", "pending": self = .warning
      case "critical", "failure", "revoked", "refused": self = .bad
      default: return nil
      }
    }
  }

  let isTerminal: Bool
  let usesColour: Bool
  /// The size in characters.
  let columns: Int
  let rows: Int
  /// The pager that the person has chosen, or less(1); nil: none.
  let pager: String?

  /// Whether standard input is a terminal, so that a person can answer.
  static var canAsk: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

  init(isTerminal: Bool, usesColour: Bool, columns: Int, rows: Int, pager: String? = nil) {
    self.isTerminal = isTerminal
    self.usesColour = usesColour
    self.columns = columns
    self.rows = rows
    self.pager = pager
  }

  init(_ environment: [String: String]) {
    isTerminal = isatty(STDOUT_FILENO) == 1
    usesColour =
      isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    var size = winsize()
    let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    columns = isKnown ? Int(size.ws_col) : Int(environment["COLUMNS"] ?? "") ?? 80
    rows = isKnown ? Int(size.ws_row) : 24
    let chosen = environment["PAGER"] ?? "less -FRX"
    pager = isTerminal && !chosen.isEmpty && chosen != "cat" ? chosen : nil
  }

  func style(_ style: Style, _ text: String) -> String {
    usesColour && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Writes a text to standard output. If its reader has gone, the program ends as if the signal had ended it.
  func write(_ text: String) { write(bytes: Array(text.utf8)) }

  /// Writes bytes as they are; otherwise as `write`.
  func write(bytes: [UInt8]) {
    do throws(FileError) {
      try LocalFile.append(bytes[...], to: STDOUT_FILENO, path: "standard output")
    } catch {
      exit(error.errno == EPIPE ? 128 + SIGPIPE : ExitStatus.failure.rawValue)
    }
  }

  /// Writes a text through the pager if it is longer than the screen.
  func page(_ text: String) {
    let lines = text.utf8.count { $0 == 0x0A }
    guard let pager, lines >= rows, let pipe = popen(pager, "w") else { return write(text) }
    // A person who leaves the pager early closes the pipe; that must not end this program before the pager.
    let previous = signal(SIGPIPE, SIG_IGN)
    let bytes = Array(text.utf8)
    _ = fwrite(bytes, 1, bytes.count, pipe)
    let status = pclose(pipe)
    _ = signal(SIGPIPE, previous)
    // The shell answers 127 if there is no such program.
    if status >> 8 & 0xFF == 127 { write(text) }
  }

  /// Empties a terminal, so that a newer answer takes the place of the older one.
  func clear() { if isTerminal { write("\u{1B}[H\u{1B}[2J\u{1B}[3J") } }
}
