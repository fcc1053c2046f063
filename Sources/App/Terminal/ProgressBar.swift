// The progress of long work, on a line of its own on standard error. It appears only on a terminal.

import Glibc
import Ground
import Reactor

/// Shows how far a piece of work is. It is redrawn at most ten times a second.
struct ProgressBar: ~Copyable {
  private static let interval = Duration.milliseconds(100)
  private static let width = 30
  private var title: String
  private let isShown: Bool
  private var drawnAt: MonotonicTime?

  init(_ title: String) {
    self.title = title
    isShown = isatty(STDERR_FILENO) == 1
  }

  /// Begins another step of the work, whose end is unknown at first.
  mutating func begin(_ title: String) {
    self.title = title
    if isShown { draw("") }
  }

  /// - Parameter part: of the whole work, from 0 to 1.
  mutating func show(_ part: Double, _ note: String = "") {
    guard isDue else { return }
    let filled = Int((min(1, max(0, part)) * Double(Self.width)).rounded(.down))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
    draw("[\(bar)] \(Int(part * 100)) %\(note.isEmpty ? "" : "  " + note)")
  }

  /// For work whose end is unknown.
  mutating func count(_ number: Int, _ noun: String) {
    guard isDue else { return }
    draw("\(number) \(noun)")
  }

  private var isDue: Bool {
    guard isShown else { return false }
    return drawnAt.map { $0.duration(to: .now()) >= Self.interval } ?? true
  }

  private mutating func draw(_ text: String) {
    drawnAt = .now()
    say("\r\u{1B}[K\(TerminalText.oneLine(title))  \(TerminalText.oneLine(text))", on: STDERR_FILENO, terminator: "")
  }

  /// Removes the line.
  mutating func end() {
    if drawnAt != nil { say("\r\u{1B}[K", on: STDERR_FILENO, terminator: "") }
    drawnAt = nil
  }
}
