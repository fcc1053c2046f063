import Protocol
import Testing

@testable import App

/// A push is stored once, however often and however packed it arrives.
@Suite struct DeduplicationTests {
  @Test(arguments: TestCluster.storageKinds)
  func `plain, gzip and wrongly labelled copies are one push`(_ kind: StorageKind) async throws {
    let collector = try await RunningServer.shared(kind).enrol()
    let body = collector.generatedPush()
    let client = try await collector.client()
    let first = try await collector.push(body, over: client)
    let rows = try #require(first.json["rows_inserted"]?.integer)
    #expect(first.json["duplicate"]?.flag == false)
    #expect(rows > 0)
    let label = [("Content-Encoding", "gzip")]
    let repeats = [
      try await collector.push(GzipDeflater.gzip(body), label, over: client),
      try await collector.push(body, label, over: client),
      try await collector.push(GzipDeflater.gzip(body), over: client),
    ]
    for answer in repeats {
      #expect(answer.status == 200)
      #expect(answer.json["duplicate"]?.flag == true, "\(answer)")
      #expect(answer.json["push_id"] == first.json["push_id"])
      #expect(answer.json["rows_inserted"]?.integer == 0)
    }
    #expect(try await collector.ledger() == 1)
    #expect(try await allRows(of: collector) == rows)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `the same push over three connections at once is stored once`(_ kind: StorageKind) async throws {
    let collector = try await RunningServer.shared(kind).enrol()
    for round in 0..<4 {
      let body = collector.push(of: [TestCollector.disk("/dev/\(round)", used: round)])
      var clients: [TestClient] = []
      for _ in 0..<3 { clients.append(try await collector.client()) }
      let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
        for client in clients { group.addTask { try await collector.push(body, over: client) } }
        return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
      }
      #expect(answers.allSatisfy { $0.status == 200 }, "\(answers)")
      #expect(answers.count { $0.json["duplicate"]?.flag == false } == 1)
      #expect(Set(answers.compactMap { $0.json["push_id"]?.text }).count == 1)
    }
    #expect(try await collector.ledger() == 4)
    #expect(try await collector.rows("disk_usage") == 4)
  }

  @Test func `an idempotency key stands for one push, and metrics are stored once under any key`() async throws {
    let collector = try await RunningServer.shared(.plain).enrol()
    let client = try await collector.client()
    let (one, other) = ([("Idempotency-Key", "round-1")], [("Idempotency-Key", "round-2")])
    let (a, b) = (
      collector.push(of: [TestCollector.disk("/dev/a", used: 1)]),
      collector.push(of: [TestCollector.disk("/dev/b", used: 2)])
    )
    #expect(try await collector.push(a, one, over: client).json["duplicate"]?.flag == false)
    let reused = try await collector.push(b, one, over: client)
    #expect(reused.status == 422 && reused.error == "idempotency_key_reused", "\(reused)")
    #expect(try await collector.rows("disk_usage") == 1, "nothing of the refused push is stored")
    #expect(try await collector.push(a, one, over: client).json["duplicate"]?.flag == true)
    #expect(try await collector.push(a, other, over: client).json["duplicate"]?.flag == true)
    let also = try await collector.push(b, other, over: client)
    #expect(also.status == 422, "the repeat has used the key: \(also)")
    #expect(try await collector.push(b, over: client).json["duplicate"]?.flag == false)
    #expect(try await collector.rows("disk_usage") == 2)
    let two = try await collector.push(b, one + other, over: client)
    #expect(two.status == 400, "\(two)")
  }

  @Test func `another envelope or another day makes no other push`() async throws {
    let collector = try await RunningServer.shared(.plain).enrol()
    let client = try await collector.client()
    let metric = TestCollector.disk("/dev/a", used: 1)
    let timestamps = [
      #""yesterday""#, "null", #""2026-11-29 10:00:00""#, #""\#(TestCollector.now(secondsAgo: -3 * 86_400))""#,
      #""\#(TestCollector.now(secondsAgo: 86_400))""#, #""0001-01-01T00:00:00Z""#, #""9999-12-31T23:59:59Z""#,
    ]
    for (index, timestamp) in timestamps.enumerated() {
      for key in [[], [("Idempotency-Key", "K")]] {
        let body = #"{"timestamp":\#(timestamp),"collector_id":"\#(collector.id)","metrics":[\#(metric)]}"#
        let answer = try await collector.push(Array(body.utf8), key, over: client)
        #expect(answer.json["duplicate"]?.flag == (index > 0 || !key.isEmpty), "\(timestamp): \(answer)")
      }
    }
    #expect(try await collector.rows("disk_usage") == 1)
    #expect(try await collector.ledger() == 1)
  }

  @Test func `equal pushes of two collectors are two pushes`() async throws {
    let server = try await RunningServer.shared(.plain)
    let key = [("Idempotency-Key", "the same")]
    for _ in 0..<2 {
      let collector = try await server.enrol()
      let answer = try await collector.push(collector.push(of: [TestCollector.disk("/dev/a", used: 1)]), key)
      #expect(answer.json["duplicate"]?.flag == false)
      #expect(try await collector.rows("disk_usage") == 1)
    }
  }

  /// Rows of one server in all metric tables.
  private func allRows(of collector: TestCollector) async throws -> Int64 {
    let counts = MetricCatalog.tables.map {
      "(SELECT count(*) FROM metrics.\"\($0.name)\" WHERE server_id = \(collector.serverID))"
    }
    return try await collector.server.integer("SELECT " + counts.joined(separator: " + "))
  }
}
