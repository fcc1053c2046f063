import Protocol
import Testing

@testable import App

/// A push is stored once, however often and however wrapped it comes.
@Suite struct DeduplicationTests {
  @Test(arguments: TestCluster.storageKinds)
  func `plain, gzip and plain labelled gzip are one push`(_ kind: StorageKind) async throws {
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

  @Test func `an idempotency key names the push instead of its content`() async throws {
    let collector = try await RunningServer.shared(.plain).enrol()
    let client = try await collector.client()
    let (one, other) = ([("Idempotency-Key", "round-1")], [("Idempotency-Key", "round-2")])
    let (a, b) = (
      collector.push(of: [TestCollector.disk("/dev/a", used: 1)]),
      collector.push(of: [TestCollector.disk("/dev/b", used: 2)])
    )
    #expect(try await collector.push(a, one, over: client).json["duplicate"]?.flag == false)
    #expect(try await collector.push(b, one, over: client).json["duplicate"]?.flag == true)
    #expect(try await collector.push(a, other, over: client).json["duplicate"]?.flag == false)
    #expect(try await collector.rows("disk_usage") == 2)
  }

  @Test func `a repeat with other content under its key teaches the server no names`() async throws {
    let collector = try await RunningServer.shared(.plain).enrol()
    let client = try await collector.client()
    let key = [("Idempotency-Key", "round")]
    let (a, b) = (
      collector.push(of: [TestCollector.disk("/dev/a", used: 1)]),
      collector.push(of: [TestCollector.disk("/dev/b", used: 2)])
    )
    #expect(try await collector.push(a, key, over: client).json["duplicate"]?.flag == false)
    #expect(try await collector.push(b, key, over: client).json["duplicate"]?.flag == true)
    #expect(try await collector.push(b, over: client).json["duplicate"]?.flag == false)
    let named = try await collector.server.integer(
      """
      SELECT count(*) FROM metrics.disk_usage JOIN pganalytics.objects USING (server_id, object_id)
      WHERE server_id = \(collector.serverID)
      """)
    #expect(named == 2)
  }

  @Test func `two collectors that say the same are two`() async throws {
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
