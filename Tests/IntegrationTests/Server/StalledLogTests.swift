import Glibc
import Reactor
import Testing

@testable import App

/// `pganalytics serve` with a log that is not read.
@Suite struct StalledLogTests {
  /// A process whose standard output and error are one pipe of 4 KiB.
  private struct Piped {
    let pid: pid_t
    let reader: CInt

    init(beside server: RunningServer, _ settings: [String]) throws {
      var ends: [CInt] = [0, 0]
      try #require(pipe(&ends) == 0)
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      let setSize: CInt = 1031  // F_SETPIPE_SZ
      try #require(fcntl(ends[1], setSize, 4096) == 4096)
      let arguments = [
        try BuiltProgram.directory() + "/pganalytics", "serve", "--data-dir", server.settings.dataDirectory,
        "--database-url", server.settings.databaseURL, "--loops", "1", "--listen", "127.0.0.1:0",
      ]
      pid = try ChildProcess.start(arguments + settings.flatMap { ["--set", $0] }, outputDescriptor: ends[1])
      reader = ends[0]
      close(ends[1])
    }

    /// Reads until `text` has come, and no further.
    func read(to text: String) throws -> String {
      var read = ""
      var bytes = [UInt8](repeating: 0, count: 4096)
      while !read.contains(text) {
        let count = Glibc.read(reader, &bytes, bytes.count)
        try #require(count > 0, "the process ended: \(read)")
        read += String(decoding: bytes.prefix(count), as: UTF8.self)
      }
      return read
    }

    /// Waits for the end of the process. - Returns: nil if it does not end in time. The process is killed then.
    func status(within patience: Duration) async throws -> CInt? {
      let end = MonotonicTime.now() + patience
      while MonotonicTime.now() < end {
        var status: CInt = 0
        if waitpid(pid, &status, WNOHANG) == pid { return status }
        // because a look is the only way to see the end of a process.
        try await Task.sleep(for: .milliseconds(20))
      }
      kill(pid, SIGKILL)
      var status: CInt = 0
      waitpid(pid, &status, 0)
      return nil
    }
  }

  @Test func `requests, liveness and SIGTERM go on while the log is stuck, and lost lines are counted`() async throws {
    let server = try await RunningServer.start()
    let process = try Piped(beside: server, ["log_buffer_bytes=64KiB", "drain_spread=0s"])
    defer { close(process.reader) }
    let start = try process.read(to: "writer connected")
    let match = try #require(try /"address":"127\.0\.0\.1:([0-9]+)"/.firstMatch(in: start))
    let port = try #require(UInt16(match.output.1))
    let client = try await TestClient.connect(port: port, trust: server.trust)
    for _ in 0..<600 {
      #expect(try await client.request("GET", "/api/v1/nope").status == 404)
    }
    #expect(try await client.request("GET", "/api/v1/health/live").status == 200)
    let page = try await client.request("GET", "/metrics").text
    let dropped = try #require(
      try /pganalytics_log_lines_dropped_total\{level="info"\} ([0-9]+)/.firstMatch(in: page), "\(page)")
    #expect((Int(dropped.output.1) ?? 0) > 0)
    kill(process.pid, SIGTERM)
    let status = try await process.status(within: .seconds(20))
    #expect(status == 0, "the process ends in good order, and does not wait for the reader of its log")
    await server.stop()
  }
}
