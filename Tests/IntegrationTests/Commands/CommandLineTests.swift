// What the program prints at a terminal when something is wrong, and what it hides.

import Glibc
import Ground
import Testing

@testable import App

@Suite struct CommandLineTests {
  /// Runs the program to its end. - Returns: its exit status and its whole output.
  private func run(_ arguments: String..., input: CInt? = nil) throws -> (status: CInt, output: String) {
    let file = "/tmp/pgc-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    defer { unlink(file) }
    let pid = try ChildProcess.start(
      ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", try BuiltProgram.directory() + "/pganalytics"] + arguments,
      input: input, output: file)
    var status: CInt = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    return (status >> 8 & 0xFF, ChildProcess.text(of: file))
  }

  private static let wrong: [[String]] = [
    ["migrate"], ["migrate", "--database-url", "nonsense://"],
    ["migrate", "--database-url", "postgresql:///x?host=/no"],
    ["serve", "--database-url", "postgresql://no-such-host.invalid/x"], ["user", "add", "x", "--role", "boss"],
    ["secret", "add", "x", "--ttl", "soon"], ["ca", "--data-dir", "/nonexistent"], ["serve", "--loops", "many"],
    ["db", "status", "--config", "/nonexistent.toml"], ["key", "--set", "nope=1"],
  ]

  @Test(arguments: wrong)
  func `an error is one message in words, without a usage text`(_ arguments: [String]) throws {
    let file = "/tmp/pgc-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    defer { unlink(file) }
    let pid = try ChildProcess.start(
      ["/usr/bin/env", "-i", try BuiltProgram.directory() + "/pganalytics"] + arguments, output: file)
    var status: CInt = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    let output = ChildProcess.text(of: file)
    #expect(status != 0)
    #expect(output.hasPrefix("Error: "), "\(output)")
    #expect(!output.contains("Usage:"), "\(output)")
    // A Swift case with its payload, such as `database(...)` or `unknownHost("x")`, is not a sentence.
    #expect(output.firstMatch(of: /\b[a-z]+[A-Z]?\w*\((?:App|Protocol|Reactor|"|\w+:)/) == nil, "\(output)")
  }

  @Test func `an unknown option is named, with the help that explains it`() throws {
    let (status, output) = try run("user", "add", "someone", "--nope")
    #expect(status == 2)
    #expect(output.contains("--nope"), "\(output)")
    #expect(output.contains("See 'pganalytics user add --help'"), "\(output)")
    #expect(!output.contains("Usage:"), "\(output)")
  }

  @Test func `help and version succeed`() throws {
    #expect(try run("--help").status == 0)
    let version = try run("--version")
    #expect(version.status == 0)
    #expect(version.output == Version.text + "\n")
  }

  @Test func `a terminal does not show a password, and the list of processes hides the password of a URL`()
    async throws
  {
    let server = try await RunningServer.start()
    let output = server.settings.dataDirectory + "/out"
    let terminal = try PseudoTerminal()
    // A cluster that trusts its socket ignores the password of the URL.
    let url = server.settings.databaseURL + " password=unseen"
    let pid = try ChildProcess.start(
      [BuiltProgram.directory() + "/pganalytics", "user", "add", "typist", "--database-url", url],
      input: terminal.slave,
      output: output)
    try await server.eventually("there is no prompt") { ChildProcess.text(of: output).contains("Password") }
    // The arguments end in zero bytes, and a C string would end at the first one.
    let arguments = try #require(try LocalFile.read("/proc/\(pid)/cmdline"))
    let shown = String(decoding: arguments, as: UTF8.self)
    #expect(shown.contains("password=******") && !shown.contains("unseen"), "\(shown)")
    terminal.type("typed in secret\n")
    var status: CInt = 0
    try await server.eventually("the program does not end") { waitpid(pid, &status, WNOHANG) != 0 }
    #expect(status == 0, "\(ChildProcess.text(of: output))")
    let echo = terminal.shown()
    #expect(!echo.contains("secret"))
    #expect(try await server.login("typist", "typed in secret").status == 200)
    await server.stop()
  }
}
