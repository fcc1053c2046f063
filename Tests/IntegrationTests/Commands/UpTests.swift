// `pganalytics up` as a process, from the first start to the second.

import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

@Suite(.serialized, .timeLimit(.minutes(5)))
struct UpTests {
  /// Starts the program in `directory`, with the worst libpq variables that a shell can set.
  private func start(in directory: DataDirectory, output: String) throws -> pid_t {
    try ChildProcess.start(
      [
        "/usr/bin/env", "PGHOSTADDR=192.0.2.1", "PGSERVICE=nope", "PGGSSENCMODE=require", "PGPORT=1", "PGUSER=nobody",
        "PGOPTIONS=-c default_transaction_read_only=on", "PGDATABASE=nowhere", "PGSSLMODE=verify-full",
        try BuiltProgram.directory() + "/pganalytics", "up", "--data-dir", directory.path, "--listen", "127.0.0.1:0",
        "--loops", "1",
      ], output: output)
  }

  private func eventually(_ what: Comment, _ condition: () throws -> Bool) async throws {
    let end = MonotonicTime.now() + .seconds(120)
    while MonotonicTime.now() < end {
      if try condition() { return }
      // because no event tells of another process's file. This is a pause between looks, not a guess at a duration.
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record(what)
  }

  private func stop(_ pid: pid_t) -> CInt {
    kill(pid, SIGTERM)
    var status: CInt = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    return status
  }

  @Test func `up ignores libpq variables, prints no secret into a pipe, and keeps no changed password`()
    async throws
  {
    let directory = try DataDirectory(named: "data")
    let output = directory.root + "/output"
    let pid = try start(in: directory, output: output)
    do {
      try await eventually("the program is not up: \(ChildProcess.text(of: output))") {
        ChildProcess.text(of: output).contains("Ctrl-C stops everything.")
      }
      let text = ChildProcess.text(of: output)
      let credentials = try #require(try Credentials.read(directory.path))
      let password = try #require(credentials.adminPassword)
      #expect(!text.contains(password) && !text.contains(credentials.registrationSecret), "\(text)")
      #expect(text.contains("Database     \(directory.path)/postgres"), "\(text)")

      // The three printed commands work as they stand.
      let lines = text.split(separator: "\n").filter { $0.hasPrefix("curl ") }
      #expect(lines.count == 3)
      let answers = directory.root + "/answers"
      for line in lines {
        try ChildProcess.run(["/bin/bash", "-euc", "cd '\(directory.root)'; \(line)"], output: answers)
      }
      let answered = ChildProcess.text(of: answers)
      #expect(answered.contains("\"rows_inserted\":1"), "\(answered)")
      #expect(answered.contains("/dev/vda"), "\(answered)")

      let port = try #require(credentials.baseURL.split(separator: ":").last.flatMap { UInt16($0) })
      let trust = try #require(try LocalFile.read(credentials.authorityFile))
      let client = try await TestClient.connect(port: port, trust: trust)
      let login = try await client.request(
        "POST", "/api/v1/auth/login", [("Content-Type", "application/json")],
        body: Array("{\"username\":\"admin\",\"password\":\"\(password)\"}".utf8))
      let token = try #require(login.json["access_token"]?.text, "\(login)")
      let changed = try await client.request(
        "POST", "/api/v1/auth/change-password",
        [("Content-Type", "application/json"), ("Authorization", "Bearer \(token)")],
        body: Array("{\"current_password\":\"\(password)\",\"new_password\":\"another password\"}".utf8))
      #expect(changed.status < 300, "\(changed)")
      try await eventually("the old password stays in the file") {
        try Credentials.read(directory.path)?.adminPassword == nil
      }
    } catch {
      _ = stop(pid)
      throw error
    }
    #expect(stop(pid) == 0, "\(ChildProcess.text(of: output))")
    #expect(try Credentials.read(directory.path)?.registrationSecret != nil)
  }

  /// Runs `up` in a directory for the duration of `body`, which gets the credentials.
  private func withServer(in directory: DataDirectory, _ body: (Credentials) async throws -> Void) async throws {
    let output = directory.root + "/output-\(UUID.random())"
    let pid = try start(in: directory, output: output)
    do {
      try await eventually("the program is not up: \(ChildProcess.text(of: output))") {
        ChildProcess.text(of: output).contains("Ctrl-C stops everything.")
      }
      try await body(try #require(try Credentials.read(directory.path)))
    } catch {
      _ = stop(pid)
      throw error
    }
    #expect(stop(pid) == 0, "\(ChildProcess.text(of: output))")
  }

  private func login(_ credentials: Credentials) async throws -> TestAnswer {
    let port = try #require(credentials.baseURL.split(separator: ":").last.flatMap { UInt16($0) })
    let trust = try #require(try LocalFile.read(credentials.authorityFile))
    return try await TestClient.connect(port: port, trust: trust).request(
      "POST", "/api/v1/auth/login", [("Content-Type", "application/json")],
      body: Array("{\"username\":\"admin\",\"password\":\"\(credentials.adminPassword ?? "")\"}".utf8))
  }

  @Test func `a private database is backed up while it runs and while it does not, and restored into a new directory`()
    async throws
  {
    let workplace = try BackupWorkplace()
    let directory = try DataDirectory(named: "data")
    let source = ["--data-dir", directory.path]
    var authority: [UInt8]?
    try await withServer(in: directory) { credentials in
      authority = try LocalFile.read(credentials.authorityFile)
      try BackupTests.succeed(["backup", workplace.path("running")] + source, in: workplace)
      let inUse = try BackupTests.run(["restore", workplace.path("running")] + source, in: workplace)
      #expect(inUse.status == 1 && inUse.output.contains("already serves from"), "\(inUse)")
    }
    try BackupTests.succeed(["backup", workplace.path("stopped")] + source, in: workplace)
    #expect(DataDirectory.processes(workingIn: directory.root).isEmpty, "the backup left a process")
    for backup in ["running", "stopped"] {
      let restored = try DataDirectory(named: "restored")
      try BackupTests.succeed(["restore", workplace.path(backup), "--data-dir", restored.path], in: workplace)
      #expect(DataDirectory.processes(workingIn: restored.root).isEmpty, "the restore left a process")
      try await withServer(in: restored) { credentials in
        #expect(try LocalFile.read(credentials.authorityFile) == authority)
        let login = try await login(credentials)
        #expect(login.status == 200, "\(login)")
        let superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = 'pganalytics'"
        #expect(try DataDirectory.value(of: superuser, at: credentials.databaseURL) == "f")
      }
    }
    let missing = try BackupTests.run(
      ["backup", workplace.path("none"), "--data-dir", workplace.path("nowhere")], in: workplace)
    #expect(missing.status == 1 && missing.output.contains("not a data directory of `pganalytics up`"), "\(missing)")
    #expect(!LocalFile.exists(workplace.path("nowhere")) && !LocalFile.exists(workplace.path("none")))
  }
}
