// What people see of long work at a terminal, and what scripts see of it elsewhere.

import Glibc
import Ground
import Protocol
import Testing

@testable import App

@Suite struct ProgressTests {
  private func start(
    _ arguments: [String], terminal: CInt? = nil, output: String? = nil
  ) throws -> pid_t {
    try ChildProcess.start(
      ["/usr/bin/env", "-i", "PATH=\(getenv("PATH").map { String(cString: $0) } ?? "")"]
        + [try BuiltProgram.directory() + "/pganalytics"] + arguments, output: output, outputDescriptor: terminal)
  }

  @Test func `a migration shows its steps at a terminal, and one line of its result elsewhere`() async throws {
    let workplace = try BackupWorkplace()
    let cluster = try TestCluster.shared.get()
    let script = try await workplace.target(on: cluster)
    let file = workplace.path("output")
    #expect(workplace.wait(for: try start(["migrate"] + script.databaseArguments, output: file)) == 0)
    let lines = ChildProcess.text(of: file).split(separator: "\n")
    #expect(lines.count == 1 && lines[0].contains("migrations applied"), "\(lines)")

    let person = try await workplace.target(on: cluster)
    let terminal = try PseudoTerminal()
    let pid = try start(["migrate"] + person.databaseArguments, terminal: terminal.slave)
    var shown = ""
    var status: CInt = 0
    let server = try await RunningServer.people()
    // The terminal holds little, so it is read while the program runs.
    try await server.eventually("the program does not end") {
      shown += terminal.shown()
      return waitpid(pid, &status, WNOHANG) != 0
    }
    shown += terminal.shown()
    #expect(status == 0, "\(shown)")
    #expect(shown.contains("migration 1 of \(MigrationFile.all.count): accounts"), "\(shown)")
    #expect(shown.contains("[####"), "\(shown)")
    let result = try #require(shown.components(after: "migrations applied"))
    #expect(!result.contains("["), "nothing is drawn after the result: \(shown)")
  }

  @Test func `the removal of a server is awaited, unless the person does not want to wait`() async throws {
    let server = try await RunningServer.start {
      $0.commitDeadline = .seconds(5)
      $0.removalPause = .zero
    }
    let home = try ClientHome(server)
    defer { home.remove() }
    _ = try await home.login(.admin)
    let collector = try await server.enrol()
    #expect(try await collector.push(collector.generatedPush()).status == 200)
    let id = "\(collector.serverID)"
    let early = try await home.run("servers", "delete", id)
    #expect(early.status == 3 && early.output.contains("is not revoked"), "\(early)")
    let revoked = try await home.run("collectors", "revoke", "\(collector.id)")
    #expect(revoked.status == 0, "\(revoked)")
    let left = try await home.run("servers", "delete", id, "--no-wait", "-o", "json")
    #expect(left.status == 0 && left.output.contains("\"status\": \"running\""), "\(left)")
    let awaited = try await home.run("servers", "delete", id, "-o", "json")
    #expect(awaited.status == 0 && awaited.output.contains("\"status\": \"finished\""), "\(awaited)")
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.servers WHERE id = \(id)") == 0)
    await server.server.stop()
    server.database.shutDown()
  }
}

extension String {
  /// The text after the first occurrence of another one.
  fileprivate func components(after text: String) -> String? {
    firstRange(of: text).map { String(self[$0.upperBound...]) }
  }
}
