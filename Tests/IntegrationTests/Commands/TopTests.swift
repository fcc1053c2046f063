// The live view as a person uses it: the built program in a real terminal against a running server.

import Glibc
import Protocol
import Reactor
import Testing

@testable import App

@Suite struct TopTests {
  /// Logs a viewer in and starts a terminal with the home directory of that viewer.
  private func start(
    _ server: RunningServer, columns: Int = 100, rows: Int = 30, _ variables: [String] = []
  ) async throws -> (ClientHome, TestTerminal) {
    let home = try ClientHome(server)
    _ = try await home.login(.viewer)
    return (home, try await TestTerminal(home, columns: columns, rows: rows, variables))
  }

  /// A server with two hosts that have pushed.
  private func fleet() async throws -> RunningServer {
    let server = try await RunningServer.start { $0.loginsPerAccountMinute = 100_000 }
    for _ in 0..<2 {
      let collector = try await server.enrol()
      #expect(try await collector.push(collector.generatedPush()).status == 200)
    }
    try await server.database.script(
      "UPDATE pganalytics.servers SET name = CASE id WHEN 1 THEN 'alpha' ELSE '日本\u{9B}31m\u{202E}' END")
    return server
  }

  @Test(.enabled(if: TestTerminal.program != nil))
  func `keys open views, and the terminal is as before when the view has ended`() async throws {
    let server = try await fleet()
    let (home, terminal) = try await start(server)
    defer { home.remove() }
    defer { terminal.end() }
    try terminal.type("echo before; stty -a > attributes")
    try terminal.press("Enter")
    try await terminal.waits(for: "before")
    try terminal.type("pganalytics top; echo status $?")
    try terminal.press("Enter")
    try await terminal.waits(for: "alpha")
    let text = try terminal.text()
    #expect(text.contains("[1 Fleet]") && !text.contains("echo before"), "\(text)")
    #expect(text.contains("日本\\x9B31m\\u{202E}"), "\(text)")
    try terminal.press("?")
    try await terminal.waits(for: "Ctrl-Z suspends")
    try terminal.press("Escape", "/")
    try terminal.type("alph")
    try terminal.press("Enter")
    try await terminal.waits(for: "the filtered fleet") { $0.contains("filter: alph") && !$0.contains("日本") }
    try terminal.press("Enter")
    try await terminal.waits(for: "the server") {
      $0.contains("[2 Server]") && $0.contains("alpha") && $0.contains("Connections")
    }
    try terminal.press("3")
    try await terminal.waits(for: "the statements") { $0.contains("[3 Queries]") && $0.contains("STATEMENT") }
    try terminal.press("4")
    try await terminal.waits(for: "[4 Locks]")
    try terminal.press("5")
    try await terminal.waits(for: "Pushes received")
    try terminal.press("End")
    try await terminal.waits(for: "the last lines of the ingest") {
      $0.contains("Database pool") && !$0.contains("Pushes received")
    }
    try terminal.press("q")
    try await terminal.waits(for: "the shell") { $0.contains("before") && $0.contains("status 0") }
    try terminal.type("stty -a > after; cmp attributes after && echo same")
    try terminal.press("Enter")
    try await terminal.waits(for: "\nsame")
    await server.stop()
  }

  @Test(.enabled(if: TestTerminal.program != nil), arguments: ["C-c", "TERM", "HUP"])
  func `the terminal is given back at every end`(_ cause: String) async throws {
    let (home, terminal) = try await start(.people())
    defer { home.remove() }
    defer { terminal.end() }
    try terminal.type("pganalytics top; echo status $?; stty -a | grep -o '[ -]echo '")
    try terminal.press("Enter")
    try await terminal.waits(for: "[1 Fleet]")
    if cause == "C-c" {
      try terminal.press("C-c")
    } else {
      kill(try terminal.foreground(), cause == "TERM" ? SIGTERM : SIGHUP)
    }
    try await terminal.waits(for: "status \(cause == "C-c" ? 0 : cause == "TERM" ? 143 : 129)")
    try await terminal.waits(for: "the echo of keys") { $0.contains("\n echo") && !$0.contains("-echo") }
    #expect(try !terminal.text().contains("[1 Fleet]"))
  }

  @Test(.enabled(if: TestTerminal.program != nil))
  func `Ctrl-Z gives the shell the terminal, and fg gives it back`() async throws {
    let (home, terminal) = try await start(.people())
    defer { home.remove() }
    defer { terminal.end() }
    try terminal.type("pganalytics top")
    try terminal.press("Enter")
    try await terminal.waits(for: "[1 Fleet]")
    try terminal.press("C-z")
    try await terminal.waits(for: "Stopped")
    #expect(try !terminal.text().contains("[1 Fleet]"))
    try terminal.type("fg")
    try terminal.press("Enter")
    try await terminal.waits(for: "[1 Fleet]")
    try terminal.press("5")
    try await terminal.waits(for: "[5 Ingest]")
    try terminal.press("q")
    try await terminal.waits(for: "the shell") { $0.contains("Stopped") && !$0.contains("[5 Ingest]") }
  }

  @Test(.enabled(if: TestTerminal.program != nil))
  func `every view fits a small screen and a changed one, without colours too`() async throws {
    let server = try await fleet()
    let (home, terminal) = try await start(server, columns: 40, rows: 10, ["NO_COLOR=1"])
    defer { home.remove() }
    defer { terminal.end() }
    try terminal.type("pganalytics top")
    try terminal.press("Enter")
    try await terminal.waits(for: "> ")
    try await terminal.waits(for: "alpha")
    for key in ["2", "3", "4", "5"] {
      try terminal.press(key)
      try await terminal.waits(for: "[\(key) ")
      #expect(try terminal.lines().allSatisfy { DisplayWidth.of($0) <= 40 })
    }
    #expect(try !terminal.styled().contains("\u{1B}["), "no style is written with NO_COLOR")
    try terminal.resize(columns: 120, rows: 60)
    try await terminal.waits(for: "the whole ingest") { $0.contains("bytes_in_flight") && $0.contains("Database pool") }
    try terminal.press("q")
    try await terminal.waits(for: "the shell") { !$0.contains("[5 Ingest]") }
    await server.stop()
  }

  @Test(.enabled(if: TestTerminal.program != nil))
  func `a server that is away leaves the last figures, and the view goes on when it is back`() async throws {
    let server = try await fleet()
    let (home, terminal) = try await start(server)
    defer { home.remove() }
    defer { terminal.end() }
    try terminal.type("pganalytics top --interval 1")
    try terminal.press("Enter")
    try await terminal.waits(for: "alpha")
    await server.stopServer()
    try await terminal.waits(for: "the failure") { $0.contains("No answer since") && $0.contains("alpha") }
    let second = try await server.second(at: "127.0.0.1:\(server.server.address.port)")
    try await terminal.waits(for: "the fleet again") { !$0.contains("No answer since") && $0.contains("alpha") }
    try await second.database.script("UPDATE pganalytics.servers SET name = 'renamed' WHERE id = 1")
    try await terminal.waits(for: "renamed")
    try terminal.press("q")
    await second.stop()
    server.database.shutDown()
  }

  @Test(.enabled(if: TestTerminal.program != nil))
  func `a session that has ended names the command that logs in again`() async throws {
    let server = try await fleet()
    let (home, terminal) = try await start(server, columns: 60)
    defer { home.remove() }
    defer { terminal.end() }
    try terminal.type("pganalytics top --interval 1")
    try terminal.press("Enter")
    try await terminal.waits(for: "alpha")
    try await server.database.script("UPDATE pganalytics.sessions SET revoked_at = now()")
    try await terminal.waits(for: "the command") {
      $0.replacing("\n", with: " ").contains("pganalytics login \(home.url)") && $0.contains("alpha")
    }
    try terminal.press("q")
    await server.stop()
  }

  @Test func `without a terminal it is refused, and names commands for programs`() async throws {
    let home = try await ClientHome(.people())
    defer { home.remove() }
    _ = try await home.login(.viewer)
    let outcome = try await home.run("top")
    #expect(outcome.status == 2, "\(outcome)")
    #expect(outcome.output.contains("pganalytics fleet -o json") && !outcome.output.contains("\u{1B}"), "\(outcome)")
  }

  @Test func `the status of the server is a command by itself`() async throws {
    let home = try await ClientHome(.people())
    defer { home.remove() }
    _ = try await home.login(.viewer)
    let outcome = try await home.run("status")
    #expect(outcome.status == 0 && outcome.output.contains("pushes_received"), "\(outcome)")
  }

  @Test(
    .enabled(if: TestTerminal.program != nil && TestTerminal.path(of: "zsh") != nil))
  func `zsh completes commands and names of the server`() async throws {
    let home = try await ClientHome(.people())
    defer { home.remove() }
    _ = try await home.login(.viewer)
    let collector = try await home.server.enrol().id.description
    let zsh = try #require(TestTerminal.path(of: "zsh"))
    let terminal = try await TestTerminal(home, shell: [zsh, "-f"])
    defer { terminal.end() }
    try terminal.type("autoload -U compinit; compinit -u -D; source <(pganalytics completion zsh); echo read''y")
    try terminal.press("Enter")
    try await terminal.waits(for: "\nready")
    try terminal.type("pganalytics quer")
    try terminal.press("Tab")
    try await terminal.waits(for: "pganalytics queries")
    try terminal.press("C-u")
    try terminal.type("pganalytics collectors show \(collector.prefix(20))")
    try terminal.press("Tab")
    try await terminal.waits(for: collector)
  }

  @Test(.enabled(if: TestTerminal.path(of: "fish") != nil))
  func `fish completes commands and names of the server`() async throws {
    let home = try await ClientHome(.people())
    defer { home.remove() }
    _ = try await home.login(.viewer)
    let collector = try await home.server.enrol().id.description
    let fish = try #require(TestTerminal.path(of: "fish"))
    let script = try home.file("script.fish", try await home.run("completion", "fish").output)
    func complete(_ line: String) throws -> [String] {
      let output = "\(home.path)/fish-\(UUID.random())"
      try ChildProcess.run(
        [
          "/usr/bin/env", "-i", "PATH=\(try BuiltProgram.directory()):/usr/bin:/bin", "HOME=\(home.path)", fish,
          "--no-config", "-c", "source \(script); complete -C '\(line)'",
        ], output: output)
      return ChildProcess.text(of: output).split(separator: "\n").map(String.init)
    }
    #expect(try complete("pganalytics quer") == ["queries"])
    #expect(try complete("pganalytics collectors show \(collector.prefix(20))") == [collector])
  }
}
