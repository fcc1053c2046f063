// Reads secrets that a user types at a terminal.

import Glibc

enum Terminal {
  /// Reads a line from standard input. On a terminal it hides the input, and prints the prompt on standard error, because
  /// standard output may be a file. Any other input is read without a prompt.
  /// - Returns: the line without its end; empty at the end of the input.
  static func readSecret(prompt: String) -> String {
    var shown = termios()
    guard tcgetattr(STDIN_FILENO, &shown) == 0 else { return readLine(strippingNewline: true) ?? "" }
    // Keys are read one by one, including Ctrl-C: a signal would end the process and leave the terminal without echo.
    var hidden = shown
    hidden.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
    say(prompt, on: STDERR_FILENO, terminator: "")
    var line = SecretLine()
    var key: UInt8 = 0
    while !line.isEnded, read(STDIN_FILENO, &key, 1) == 1 { line.press(key) }
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
    say("", on: STDERR_FILENO)
    if line.isCancelled { exit(128 + SIGINT) }
    return String(decoding: line.bytes, as: UTF8.self)
  }
}

/// A line that is typed key by key. It handles the keys with a meaning in terminals (termios(3), canonical mode).
struct SecretLine {
  private(set) var bytes: [UInt8] = []
  private(set) var isEnded = false
  /// Whether Ctrl-C or Ctrl-\ ended the line.
  private(set) var isCancelled = false

  mutating func press(_ key: UInt8) {
    switch key {
    case 0x0A, 0x0D: isEnded = true
    case 0x03, 0x1C:
      isCancelled = true
      isEnded = true
    case 0x04: isEnded = bytes.isEmpty  // Ctrl-D
    case 0x15: bytes = []  // Ctrl-U
    case 0x08, 0x7F:
      // Removes all bytes of the last character.
      while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
    case 0x1A: break  // Ctrl-Z
    default: bytes.append(key)
    }
  }
}
