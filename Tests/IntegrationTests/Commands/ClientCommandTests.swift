// The client commands as a person and a script use them: the built program against a running server.

import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// A home directory and the program that runs in it.
struct ClientHome {
  let path: String
  let server: RunningServer

  init(_ server: RunningServer) throws {
    self.server = server
    path = try LocalDirectory.makeUnique(prefix: "/tmp/pgclient-")
  }

  var contexts: String { path + "/.config/pganalytics/contexts.json" }
  var url: String { "https://127.0.0.1:\(server.server.address.port)" }
  var authority: String { server.server.certificateAuthorityFile }

  func remove() { _ = try? ChildProcess.run(["/bin/rm", "-rf", path], output: "/dev/null") }

  struct Outcome {
    let status: CInt
    /// Standard output and standard error.
    let output: String
  }

  /// Starts the program. - Parameter variables: further variables, `NAME=value`.
  func start(_ arguments: [String], _ variables: [String], output: String) throws -> pid_t {
    try ChildProcess.start(
      ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "HOME=\(path)", "TZ=UTC"] + variables
        + [BuiltProgram.directory() + "/pganalytics"] + arguments, output: output)
  }

  func run(_ arguments: String..., with variables: [String] = []) async throws -> Outcome {
    let file = "\(path)/out-\(UUID.random())"
    let pid = try start(arguments, variables, output: file)
    return Outcome(status: try await end(of: pid), output: ChildProcess.text(of: file))
  }

  /// Waits for the end of a process. - Returns: its exit status.
  func end(of pid: pid_t) async throws -> CInt {
    var status: CInt = 0
    try await server.eventually("the program does not end") { waitpid(pid, &status, WNOHANG) != 0 }
    return status >> 8 & 0xFF
  }

  func file(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
    try LocalFile.replace("\(path)/\(name)", with: Array(text.utf8), mode: mode)
    return "\(path)/\(name)"
  }

  /// Adds a user and logs in. - Returns: the user's name.
  func login(_ role: Role) async throws -> String {
    let name = try await server.add(role)
    let password = try file("password", RunningServer.password + "\n")
    let outcome = try await run("login", url, "--username", name, "--password-file", password, "--ca", authority)
    try #require(outcome.status == 0, "\(outcome)")
    return name
  }
}

@Suite struct ClientCommandTests {
  private func home() async throws -> ClientHome { try ClientHome(await .people()) }

  @Test func `a person logs in by the fingerprint of the authority, and only by that of this server`() async throws {
    let home = try await home()
    defer { home.remove() }
    let name = try await home.server.add(.viewer)
    let password = try home.file("password", RunningServer.password + "\n")
    let real = try Certificate(pem: home.server.trust).fingerprintHex
    let wrong = String(real.map { $0 == "0" ? "1" : "0" })
    func login(_ fingerprint: String) async throws -> ClientHome.Outcome {
      try await home.run(
        "login", home.url, "--username", name, "--password-file", password, "--ca-fingerprint", fingerprint)
    }
    let refused = try await login(wrong)
    #expect(refused.status == 5 && refused.output.contains("No authority"), "\(refused)")
    #expect(!LocalFile.exists(home.contexts))
    #expect(try await login("nonsense").status == 2)
    let accepted = try await login(real.uppercased())
    #expect(accepted.status == 0, "\(accepted)")
    let status = try #require(FileStatus(of: home.contexts))
    #expect(status.permissions == 0o600)
    let asked = try await home.run("whoami", "-o", "json")
    #expect(asked.status == 0 && asked.output.contains("\"username\": \"\(name)\""), "\(asked)")
  }

  @Test func `without trust a script is refused before it sends anything`() async throws {
    let home = try await home()
    defer { home.remove() }
    let outcome = try await home.run("login", home.url, "--username", "x", "--password-file", "/dev/null")
    #expect(outcome.status == 5, "\(outcome)")
    #expect(
      outcome.output.contains("--ca-fingerprint") && outcome.output.contains("pganalytics ca fingerprint"), "\(outcome)"
    )
  }

  @Test func `the exit status says what went wrong`() async throws {
    let home = try await home()
    defer { home.remove() }
    #expect(try await home.run("fleet").status == 2, "there is no context")
    _ = try await home.login(.viewer)
    #expect(try await home.run("servers", "list").status == 0)
    #expect(try await home.run("servers", "list", "--nope").status == 2)
    #expect(try await home.run("servers", "nope").status == 2)
    #expect(try await home.run("users", "list").status == 3, "a viewer may not")
    #expect(try await home.run("servers", "list", "--q", String(repeating: "x", count: 5000)).status == 3)
    #expect(try await home.run("servers", "show", "999999").status == 4)
    #expect(try await home.run("fleet", "--context", "other").status == 2)
    let nobody = ["PGANALYTICS_URL=https://127.0.0.1:1"]
    #expect(try await home.run("fleet", with: nobody).status == 5, "nobody listens")
    let untrusted = ["PGANALYTICS_URL=\(home.url)"]
    let outcome = try await home.run("fleet", with: untrusted)
    #expect(outcome.status == 5 && outcome.output.contains("not trusted"), "\(outcome)")
    #expect(outcome.output.hasPrefix("Error: "), "\(outcome)")
    let unknown = ["PGANALYTICS_URL=\(home.url)", "PGANALYTICS_CA=\(home.authority)", "PGANALYTICS_TOKEN=nonsense"]
    #expect(try await home.run("fleet", with: unknown).status == 3)
  }

  @Test func `two commands at once renew an ended token once, and the session lives on`() async throws {
    let home = try await home()
    defer { home.remove() }
    _ = try await home.login(.viewer)
    let text = ChildProcess.text(of: home.contexts)
    let aged = text.replacing(/"access_token_end": [0-9]+/, with: "\"access_token_end\": 1")
    try #require(aged != text)
    _ = try home.file(".config/pganalytics/contexts.json", aged)
    let outputs = (0..<4).map { "\(home.path)/whoami-\($0)" }
    let processes = try outputs.map { try home.start(["whoami"], [], output: $0) }
    for (pid, output) in zip(processes, outputs) {
      #expect(try await home.end(of: pid) == 0, "\(ChildProcess.text(of: output))")
    }
    #expect(try await home.run("whoami").status == 0)
    #expect(try await home.run("logout").status == 0)
    let after = try await home.run("whoami")
    #expect(after.status == 3 && after.output.contains("login"), "\(after)")
  }

  @Test func `a list comes whole with --all, in every form`() async throws {
    let home = try await home()
    defer { home.remove() }
    _ = try await home.login(.admin)
    for _ in 0..<3 { _ = try await home.server.add(.viewer) }
    let csv = try await home.run("users", "list", "--all", "--page-size", "2", "-o", "csv", "--columns", "id,username")
    #expect(csv.status == 0, "\(csv)")
    let lines = csv.output.split(whereSeparator: \.isNewline)
    #expect(lines.first == "id,username")
    // Other tests add users meanwhile, and remove none.
    #expect(lines.count - 1 >= 4 && Set(lines).count >= 5, "\(csv)")
    let table = try await home.run("users", "list", "--page-size", "2")
    #expect(table.output.contains("--all"), "\(table)")
  }

  @Test func `a name cannot send control characters to a terminal`() async throws {
    let home = try await home()
    defer { home.remove() }
    _ = try await home.login(.admin)
    let name = "evil-\(UUID.random())"
    let password = try home.file("new", "a long password of nobody")
    let made = try await home.run(
      "users", "create", "--username", name, "--role", "viewer", "--password-file", password, "--full-name",
      "<b>\u{9B}31m\u{202E}日本'\"👍🏽")
    #expect(made.status == 0, "\(made)")
    #expect(made.output.contains("<b>\\x9B31m\\u{202E}日本'\"👍🏽"), "\(made)")
    let raw = try await home.run("users", "list", "--q", name, "-o", "csv")
    #expect(raw.output.contains("\u{9B}31m"), "a file gets the text as it is: \(raw)")
  }

  @Test func `a configuration is put, shown, and edited with a diff`() async throws {
    let home = try await home()
    defer { home.remove() }
    _ = try await home.login(.operator)
    let collector = try await home.server.enrol().id.description
    let file = try home.file("config.toml", "interval = 60\n")
    #expect(try await home.run("collectors", "config", "put", collector, file).status == 0)
    #expect(try await home.run("collectors", "config", "get", collector).output == "interval = 60\n")
    let editor = try home.file("editor", "#!/bin/sh\nsed -i s/60/30/ \"$1\"\n", mode: 0o700)
    let unasked = try await home.run("collectors", "config", "edit", collector, with: ["EDITOR=\(editor)"])
    #expect(unasked.status == 2, "nobody can be asked: \(unasked)")
    let edited = try await home.run("collectors", "config", "edit", collector, "--yes", with: ["EDITOR=\(editor)"])
    #expect(edited.status == 0, "\(edited)")
    #expect(edited.output.contains("-interval = 60\n+interval = 30\n"), "\(edited)")
    #expect(try await home.run("collectors", "config", "get", collector).output == "interval = 30\n")
    let unchanged = try await home.run("collectors", "config", "edit", collector, with: ["EDITOR=true"])
    #expect(unchanged.status == 0 && unchanged.output.contains("Nothing has changed"), "\(unchanged)")
    let diff = try await home.run("collectors", "config", "diff", collector)
    #expect(diff.output.contains("+interval = 30"), "\(diff)")
    let local = try home.file("local.toml", "interval = 15\n")
    let compared = try await home.run("collectors", "config", "diff", collector, local)
    #expect(compared.status == 0 && compared.output.contains("-interval = 30\n+interval = 15\n"), "\(compared)")
    let older = try await home.run("collectors", "config", "diff", collector, local, "--to", "1")
    #expect(older.output.contains("-interval = 60\n+interval = 15\n"), "\(older)")
    let same = try home.file("same.toml", "interval = 30\n")
    #expect(try await home.run("collectors", "config", "diff", collector, same).output.isEmpty)
    #expect(try await home.run("collectors", "config", "diff", collector, local, "--from", "1").status == 2)
    #expect(try await home.run("collectors", "config", "diff", collector, local, "--to", "9").status == 4)
  }

  @Test func `the fingerprint that a login compares is printed on the server`() async throws {
    let home = try await home()
    defer { home.remove() }
    let outcome = try await home.run("ca", "fingerprint", "--data-dir", home.server.settings.dataDirectory)
    #expect(outcome.output == (try Certificate(pem: home.server.trust).fingerprintHex) + "\n", "\(outcome)")
  }

  @Test func `the table of checks has their thresholds with units`() async throws {
    let home = try await home()
    defer { home.remove() }
    _ = try await home.login(.viewer)
    let table = try await home.run("checks", "list")
    let line = table.output.split(separator: "\n").first { $0.contains("silent_collector") }
    #expect(line?.contains("seconds=5 min 0 s") == true, "\(table)")
  }

  @Test func `the examples of reads work as they are written`() async throws {
    let home = try await home()
    defer { home.remove() }
    let admin = try await home.server.person(.admin)
    let commands = ClientProgram.commands(home.server.server.endpoints)
    for command in commands {
      for example in command.examples {
        // A context of the example may be missing here.
        let words = example.split(separator: " ").map(String.init)
        guard case .command(let named, let rest)? = CommandLineParser(commands: commands).match(words) else {
          Issue.record("\(example) names no command")
          continue
        }
        #expect(named.name == command.name, "\(example)")
        let parsed = try CommandLineParser.parse(rest, of: named)
        guard let endpoint = named.endpoint, named.isRead else { continue }
        let request = try APIRequest(parsed, endpoint, TerminalInput())
        let answer = try await admin.request("GET", request.target)
        // The example names an object that this server may not have.
        #expect([200, 404].contains(answer.status), "\(example): \(answer)")
      }
    }
  }

  @Test func `completion knows commands, options and names of the server, and is silent without one`() async throws {
    let home = try await home()
    defer { home.remove() }
    let first = try await home.run("complete", "--", "que")
    #expect(first.output == "queries\n", "\(first)")
    let second = try await home.run("complete", "--", "queries", "")
    #expect(Set(second.output.split(separator: "\n")) == ["top", "show"], "\(second)")
    #expect(try await home.run("complete", "--", "db", "pa").output == "parked\n")
    #expect(try await home.run("complete", "--", "serve", "--listen").output == "--listen\n")
    let offline = try await home.run("complete", "--", "collectors", "show", "")
    #expect(offline.status == 0 && offline.output.isEmpty, "\(offline)")
    _ = try await home.login(.viewer)
    let collector = try await home.server.enrol().id.description
    let named = try await home.run("complete", "--", "collectors", "show", String(collector.prefix(20)))
    #expect(named.output == collector + "\n", "\(named)")
    #expect(try await home.run("complete", "--", "fleet", "-o", "nd").output == "ndjson\n")
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `a shell accepts its completion script`(_ shell: String) async throws {
    let home = try await home()
    defer { home.remove() }
    let script = try await home.run("completion", shell)
    #expect(script.status == 0 && script.output.contains("pganalytics complete --"), "\(script)")
    guard shell == "bash" else { return }
    let file = try home.file("completion.bash", script.output)
    try ChildProcess.run(["/bin/bash", "-n", file], output: home.path + "/bash")
  }

  @Test func `every command has a manual page without a fault`() async throws {
    let home = try await home()
    defer { home.remove() }
    #expect(try await home.run("man", home.path + "/man").status == 0)
    let pages = Set(LocalDirectory.names(in: home.path + "/man"))
    #expect(
      pages.isSuperset(of: [
        "pganalytics.1", "pganalytics-locks.1", "pganalytics-collectors-config-edit.1", "pganalytics-serve.1",
      ]))
    #expect(
      pages.count == 1 + ClientHalf.serverCommands.count + ClientProgram.commands(home.server.server.endpoints).count
        - 1)
  }
}
