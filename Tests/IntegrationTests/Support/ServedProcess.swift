// `pganalytics serve` as a process of its own, for tests of signals and of the log.

import Glibc
import Ground
import Protocol
import Testing

@testable import App

/// A process with the database and data directory of a server of the test, and with a settings file and a log of its
/// own.
struct ServedProcess {
  let pid: pid_t
  private let beside: RunningServer
  private let file: String
  private let logFile: String

  /// Runs the process for `body`, then demands that it ends well.
  /// - Parameter settings: lines of the settings file.
  static func serve(
    beside server: RunningServer, _ settings: String, _ body: (ServedProcess) async throws -> Void
  ) async throws {
    let process = try start(beside: server, settings)
    do {
      try await process.says("\"message\":\"writer connected\"")
      try await body(process)
    } catch {
      _ = process.stop()
      throw error
    }
    #expect(process.stop() == 0)
  }

  /// Starts the process. The caller ends it with `kill`.
  static func start(beside server: RunningServer, _ settings: String) throws -> ServedProcess {
    let base = server.settings.dataDirectory + "/served"
    let (file, log) = (base + ".toml", base + ".log")
    try LocalFile.replace(file, with: Array(settings.utf8))
    let pid = try ChildProcess.start(
      [
        BuiltProgram.directory() + "/pganalytics", "serve", "--config", file, "--data-dir",
        server.settings.dataDirectory, "--database-url", server.settings.databaseURL, "--loops", "1", "--listen",
        "127.0.0.1:0",
      ], output: log)
    return ServedProcess(pid: pid, beside: server, file: file, logFile: log)
  }

  var log: String { ChildProcess.text(of: logFile) }

  /// Waits until the log has `text`.
  func says(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await beside.eventually("the log does not say \(text)", sourceLocation: sourceLocation) { log.contains(text) }
  }

  /// The port on which the process listens, from its log.
  func port() throws -> UInt16 {
    let match = try #require(try /"address":"127\.0\.0\.1:([0-9]+)"/.firstMatch(in: log))
    return try #require(UInt16(match.output.1))
  }

  /// Makes the process read other settings.
  func reload(_ settings: String) throws {
    try LocalFile.replace(file, with: Array(settings.utf8))
    Glibc.kill(pid, SIGHUP)
  }

  /// Kills the process with signal 9.
  func kill() { _ = end(with: SIGKILL) }

  /// - Returns: the exit status, 0 for a good end.
  private func stop() -> CInt { end(with: SIGTERM) }

  private func end(with signal: CInt) -> CInt {
    Glibc.kill(pid, signal)
    var status: CInt = 0
    while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
    for path in [file, logFile] { unlink(path) }
    return status
  }
}
