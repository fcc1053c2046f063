import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// A server that has to stop has stopped soon after `drain_deadline`, whatever hangs.
@Suite struct DrainDeadlineTests {
  private static let deadline = Duration.seconds(1)
  /// The limit on a busy machine. Work that hangs in these tests hangs for minutes.
  private static let limit = Duration.seconds(15)

  private func stop(_ server: RunningServer) async {
    let begun = MonotonicTime.now()
    await server.stopServer()
    let taken = MonotonicTime.now() - begun
    #expect((Self.deadline..<Self.limit).contains(taken), "\(taken)")
  }

  @Test func `dribbling bodies are cut off, and their clients get 503`() async throws {
    let server = try await RunningServer.start { $0.drainDeadline = Self.deadline }
    var clients: [TestClient] = []
    for _ in 0..<2 {
      // One collector may not announce so much twice to one loop (`collector_bytes_in_flight`).
      let collector = try await server.enrol()
      let client = try await collector.client()
      let fields = [collector.authorization, ("Content-Type", "application/json"), ("Content-Length", "60000000")]
      try await client.send(TestClient.encode("POST", TestCollector.pushTarget, fields))
      try await client.send(#"{"collector_id""#)
      clients.append(client)
    }
    try await server.eventually("the bodies do not arrive") {
      try await server.counts("pganalytics_connections{state=\"receiving\"} 2")
    }
    await stop(server)
    for client in clients {
      let answer = try await client.answer()
      #expect(answer.status == 503 && answer.error == "shutting_down", "\(answer)")
      #expect(answer.field("retry-after") != nil)
    }
    server.database.shutDown()
  }

  @Test func `a client that does not read its answers is cut off`() async throws {
    let server = try await RunningServer.start { $0.drainDeadline = Self.deadline }
    let client = try await TestClient.connect(port: server.server.address.port, trust: server.trust, receiveBytes: 4096)
    let request = TestClient.encode("GET", "/api/v1/openapi.json")
    _ = try await client.sendUntilBlocked(Array([[UInt8]](repeating: request, count: 100).joined()), atMost: 4 << 20)
    await stop(server)
    server.database.shutDown()
  }

  @Test func `a hanging commit is given up, and its client learns that the outcome is unknown`() async throws {
    let cluster = try TestCluster()
    let server = try await RunningServer.start(on: cluster) {
      $0.drainDeadline = Self.deadline
      $0.commitDeadline = .seconds(600)
    }
    let collector = try await server.enrol()
    // The first push gives its day partitions, and the lane knows that.
    #expect(try await collector.push(collector.push(of: [TestCollector.disk("/dev/first", used: 0)])).status == 200)
    try await server.loseStandby()
    let client = try await collector.client()
    async let answer = collector.push(collector.push(of: [TestCollector.disk("/dev/a", used: 1)]), over: client)
    try await server.eventually("the commit does not wait") {
      try await server.integer(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE '%writer%'") > 0
    }
    await stop(server)
    let refusal = try await answer
    #expect(refusal.status == 503 && refusal.error == "outcome_unknown", "\(refusal)")
    server.database.shutDown()
    try cluster.stop(crash: true)
  }

  @Test func `a hanging statement of the REST API is given up`() async throws {
    let server = try await RunningServer.start { $0.drainDeadline = Self.deadline }
    let person = try await server.user(.admin)
    // The request for the users waits for a table that this test locks.
    try await server.database.lease { session throws(DatabaseError) in
      try await session.script("BEGIN; LOCK TABLE pganalytics.users IN ACCESS EXCLUSIVE MODE")
      do {
        let client = try await server.client()
        try await client.send(TestClient.encode("GET", "/api/v1/users", [person]))
        try await server.eventually("no request waits") {
          try await server.counts("pganalytics_connections{state=\"waiting\"} 2")  // one of the two makes this request
        }
        let begun = MonotonicTime.now()
        await server.server.stop()
        #expect(MonotonicTime.now() - begun < Self.limit)
      } catch {
        Issue.record(error)
      }
      try await session.script("ROLLBACK")
    }
    server.database.shutDown()
  }
}
