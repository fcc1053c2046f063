import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// A server process with few descriptors, and clients that take all of them.
@Suite struct DescriptorExhaustionTests {
  private static let descriptors = 80

  @Test func `a server without free descriptors serves its connections, rests and recovers`() async throws {
    let attacked = try await AttackedServer.start()
    let anchor = attacked.server
    let program = try BuiltProgram.directory() + "/pganalytics"
    let limiters: [String] = ["/usr/bin/prlimit", "/bin/prlimit"]
    let limiter = try #require(limiters.first { access($0, X_OK) == 0 }, "needs prlimit(1) of util-linux")
    let output = anchor.settings.dataDirectory + "/child.log"
    defer { unlink(output) }
    // Beside other tests, a client of this test may need longer than the usual deadlines allow.
    let patience = ["handshake", "head", "body", "idle", "write"].flatMap { ["--set", "\($0)_deadline=10min"] }
    let child = try ChildProcess.start(
      [
        limiter, "--nofile=\(Self.descriptors):\(Self.descriptors)", "--", program, "serve", "--listen", "127.0.0.1:0",
        "--data-dir", anchor.settings.dataDirectory, "--database-url", anchor.settings.databaseURL, "--loops", "1",
        "--set", "connections=1000", "--set", "pushes_per_minute=100000", "--set", "log_level=warning",
      ] + patience, output: output)
    defer {
      kill(child, SIGKILL)
      var status: CInt = 0
      waitpid(child, &status, 0)
    }
    var port: UInt16?
    try await anchor.eventually("the server does not start") {
      let text = ChildProcess.text(of: output)
      port = text.matches(of: /https:\/\/127\.0\.0\.1:([0-9]+) is up/).first.flatMap { UInt16($0.output.1) }
      var status: CInt = 0
      try #require(waitpid(child, &status, WNOHANG) == 0, "\(text)")
      return port != nil
    }
    let there = try #require(port, "\(ChildProcess.text(of: output))")
    let collector = attacked.bystander
    let connected = try await TestClient.connect(port: there, trust: anchor.trust, identity: collector.identity)
    try await anchor.eventually("the writers do not connect") {
      try await collector.push(attacked.goodPush(), over: connected).status == 200
    }

    let usual = ChildProcess.count(of: "/proc/\(child)/fd")
    var flood = try (0..<200).map { _ in try PlainSocket(port: there) }
    func counters() async throws -> ServerCounters {
      ServerCounters(page: try await connected.request("GET", "/metrics").text)
    }
    // The server closes the connections that it sheds. The others hold the descriptors.
    var taken = 0
    try await anchor.eventually("the descriptors do not run out") {
      taken = ChildProcess.count(of: "/proc/\(child)/fd")
      return taken >= Self.descriptors - 2
    }
    let first = try await counters()
    let begun = MonotonicTime.now()
    var requests = 1.0
    while begun.duration(to: .now()) < .seconds(1) {
      #expect(
        try await collector.push(attacked.goodPush(), over: connected).status == 200, "the connected client is served")
      requests += 1
    }
    let turns = try await counters()["loop_turns_total"] - first["loop_turns_total"]
    let seconds = Double(begun.duration(to: .now()).components.seconds + 1)
    // A listener that spins would make tens of thousands of turns a second. The listener rests 100 ms after each
    // failure.
    #expect(turns < 30 * requests + 200 * seconds, "\(turns) turns for \(requests) requests in \(seconds) s")

    flood = []
    try await anchor.eventually("the server does not recover") {
      do {
        let client = try await TestClient.connect(port: there, trust: anchor.trust, identity: collector.identity)
        return try await collector.push(attacked.goodPush(), over: client).status == 200
      } catch is TestClient.Failure {
        return false  // the server still sheds connections
      }
    }
    var now = ServerCounters()
    try await anchor.eventually("descriptors stay taken") {
      now = try await counters()
      return ChildProcess.count(of: "/proc/\(child)/fd") <= usual + 1 && now.isBalanced
    }
    anchor.account.stored(elsewhere: Int(now["pushes_stored_total"]))
    kill(child, SIGTERM)
    var status: CInt = 0
    try await anchor.eventually("the server does not end") { waitpid(child, &status, WNOHANG) != 0 }
    #expect(status == 0, "\(ChildProcess.text(of: output))")
    try await attacked.expectUnharmed()
    withExtendedLifetime((connected, flood)) {}
    await anchor.stop()
  }
}

extension ChildProcess {
  /// The number of entries in a directory.
  static func count(of path: String) -> Int {
    guard let directory = opendir(path) else { return 0 }
    defer { closedir(directory) }
    var count = -2  // without the directory itself and its parent
    while readdir(directory) != nil { count += 1 }
    return count
  }
}
