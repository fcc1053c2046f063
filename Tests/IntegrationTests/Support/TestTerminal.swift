// A real terminal for tests of what a person sees: tmux runs a shell, gets keys, and gives the text of its screen.

import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// One tmux server of its own with one window.
struct TestTerminal {
  static let program: String? = ["/usr/bin/tmux", "/usr/local/bin/tmux"].first { access("\($0)", X_OK) == 0 }
  static func path(of shell: String) -> String? {
    ["/usr/bin/\(shell)", "/bin/\(shell)"].first { access("\($0)", X_OK) == 0 }
  }

  private let socket: String
  private let home: ClientHome
  private let tmux: String

  /// - Parameters:
  ///   - shell: the command line of the shell.
  ///   - variables: further variables, `NAME=value`.
  init(
    _ home: ClientHome, columns: Int = 100, rows: Int = 30,
    shell: [String] = ["/bin/bash", "--norc", "--noprofile"], _ variables: [String] = []
  ) async throws {
    tmux = try #require(Self.program)
    self.home = home
    socket = "\(home.path)/tmux-\(UUID.random().description.prefix(8))"
    let environment =
      [
        "/usr/bin/env", "-u", "NO_COLOR", "PATH=\(try BuiltProgram.directory()):/usr/bin:/bin", "HOME=\(home.path)",
        "TZ=UTC", "PS1=$ ",
      ]
      + variables
    try run(
      "-f", "/dev/null", "new-session", "-d", "-c", home.path, "-x", "\(columns)", "-y", "\(rows)",
      (environment + shell).map { "'\($0)'" }.joined(separator: " "))
    try run("set-option", "-g", "escape-time", "0")
  }

  /// Runs a command of tmux. - Returns: its output.
  @discardableResult
  private func run(_ arguments: String...) throws -> String {
    let output = "\(home.path)/tmux-out-\(UUID.random())"
    defer { unlink(output) }
    let language = ["/usr/bin/env", "LC_ALL=C.UTF-8"]
    try ChildProcess.run(language + [tmux, "-S", socket] + arguments, output: output)
    return ChildProcess.text(of: output)
  }

  /// Presses keys by their names in tmux, such as `Enter`, `Escape`, `Down`, `C-c` and `j`.
  func press(_ keys: String...) throws { for key in keys { try run("send-keys", key) } }

  /// Types a text as it is.
  func type(_ text: String) throws { try run("send-keys", "-l", text) }

  /// The lines of the screen, without blanks at their ends.
  func lines() throws -> [String] {
    try run("capture-pane", "-p").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  func text() throws -> String { try lines().joined(separator: "\n") }

  /// The screen with the control sequences of its styles.
  func styled() throws -> String { try run("capture-pane", "-p", "-e") }

  func resize(columns: Int, rows: Int) throws {
    try run("resize-window", "-x", "\(columns)", "-y", "\(rows)")
  }

  /// Waits until the screen fulfils a condition.
  func waits(
    for what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: (String) -> Bool
  ) async throws {
    let end = MonotonicTime.now() + .seconds(TestClient.patience)
    var text = ""
    while MonotonicTime.now() < end {
      text = try self.text()
      if condition(text) { return }
      // This is a pause between looks, not a guess at a duration.
      try await Task.sleep(for: .milliseconds(30))
    }
    Issue.record("the screen does not show \(what):\n\(text)", sourceLocation: sourceLocation)
    throw Missing()
  }

  /// Waits until the screen has a text.
  func waits(for text: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await waits(for: text, sourceLocation: sourceLocation) { $0.contains(text) }
  }

  /// A text did not appear, so what follows makes no sense.
  struct Missing: Error {}

  /// The process that runs in the foreground of the shell.
  func foreground() throws -> pid_t {
    let shell = try run("list-panes", "-F", "#{pane_pid}").split(separator: "\n").first.map(String.init) ?? ""
    let children = ChildProcess.text(of: "/proc/\(shell)/task/\(shell)/children")
    return try #require(children.split(separator: " ").last.flatMap { pid_t($0) })
  }

  func end() { _ = try? run("kill-server") }
}
