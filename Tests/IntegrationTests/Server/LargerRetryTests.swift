import Protocol
import Reactor
import Testing

@testable import App

/// Metrics of a failed push come again inside a larger push, and are stored once.
@Suite struct LargerRetryTests {
  private static func disk(_ device: String) -> String { TestCollector.disk(device, used: 1) }

  /// A push of these metrics, in an envelope with another time.
  private static func push(_ collector: TestCollector, _ metrics: [String], timestamp: String?) -> [UInt8] {
    var text = #"{"collector_id":"\#(collector.id)","metrics":["# + metrics.joined(separator: ",") + "]"
    if let timestamp { text += #","timestamp":"\#(timestamp)""# }
    return Array((text + "}").utf8)
  }

  private func expect(
    _ answer: TestAnswer, repeated: Int64, inserted: Int64, isDuplicate: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.json["metrics_repeated"]?.integer == repeated, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.json["rows_inserted"]?.integer == inserted, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.json["duplicate"]?.flag == isDuplicate, "\(answer)", sourceLocation: sourceLocation)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a push that begins with earlier pushes stores the rest, whatever its envelope says`(
    _ kind: StorageKind
  ) async throws {
    let collector = try await RunningServer.shared(kind).enrol()
    let client = try await collector.client()
    let metrics = ["/dev/a", "/dev/b", "/dev/c", "/dev/d"].map(Self.disk)
    func send(_ count: Int, _ timestamp: String?) async throws -> TestAnswer {
      try await collector.push(
        Self.push(collector, Array(metrics.prefix(count)), timestamp: timestamp), over: client)
    }
    expect(try await send(1, TestCollector.now()), repeated: 0, inserted: 1)
    expect(try await send(2, TestCollector.now(secondsAgo: 86_400)), repeated: 1, inserted: 1)
    expect(try await send(4, "yesterday"), repeated: 2, inserted: 2)
    for count in 1...4 {
      expect(try await send(count, nil), repeated: Int64(count), inserted: 0, isDuplicate: true)
    }
    #expect(try await collector.rows("disk_usage") == 4)
    #expect(try await collector.ledger() == 3)
  }

  @Test func `a shorter push after the larger one is a repeat`() async throws {
    let collector = try await RunningServer.shared(.plain).enrol()
    let client = try await collector.client()
    let metrics = ["/dev/a", "/dev/b", "/dev/c", "/dev/d"].map(Self.disk)
    expect(try await collector.push(collector.push(of: metrics), over: client), repeated: 0, inserted: 4)
    for count in 1...3 {
      let answer = try await collector.push(collector.push(of: Array(metrics.prefix(count))), over: client)
      expect(answer, repeated: Int64(count), inserted: 0, isDuplicate: true)
    }
    // A push that begins alike and continues differently is no repeat.
    let other = try await collector.push(collector.push(of: [metrics[0], Self.disk("/dev/x")]), over: client)
    #expect(other.json["duplicate"]?.flag == false, "\(other)")
  }

  @Test func `metrics are the same under two keys and on another server`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let collector = try await first.enrol()
    let elsewhere = try await TestClient.connect(
      port: second.server.address.port, trust: second.trust, identity: collector.identity)
    let metrics = ["/dev/a", "/dev/b", "/dev/c"].map(Self.disk)
    let a = try await collector.push(collector.push(of: [metrics[0]]), [("Idempotency-Key", "1")])
    expect(a, repeated: 0, inserted: 1)
    let ab = try await collector.push(
      collector.push(of: Array(metrics.prefix(2))), [("Idempotency-Key", "2")], over: elsewhere)
    expect(ab, repeated: 1, inserted: 1)
    expect(try await collector.push(collector.push(of: metrics), over: elsewhere), repeated: 2, inserted: 1)
    #expect(try await collector.rows("disk_usage") == 3)
    await second.stop()
    await first.stop()
  }

  @Test func `while the first push is in flight elsewhere the second waits, and then stores the rest`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    let metrics = ["/dev/a", "/dev/b"].map(Self.disk)
    _ = try await collector.push(collector.push(of: [metrics[0]]))
    // Another transaction holds the ledger's lock, as that of another server would.
    try await server.database.transaction { session throws(DatabaseError) in
      try await session.execute(
        PushLedger.hold, PushLedger.lockClass, Int32(collector.serverID), "{\(collector.serverID)}")
      do {
        async let answer = collector.push(collector.push(of: metrics))
        try await server.eventually("no batch tries and gives up") {
          let page = try await server.client().request("GET", "/metrics").text
          let batches = page.firstMatch(of: /\npganalytics_batches_total (\d+)/).flatMap { Int($0.output.1) } ?? 0
          return batches >= 3
        }
        #expect(try await collector.rows("disk_usage") == 1, "nothing is stored meanwhile")
        try await session.script("ROLLBACK")
        expect(try await answer, repeated: 1, inserted: 1)
      } catch {
        Issue.record(error)
      }
    }
    #expect(try await collector.rows("disk_usage") == 2)
    await server.stop()
  }

  @Test func `a repeated metric that was rejected is not counted as inserted`() async throws {
    let collector = try await RunningServer.shared(.plain).enrol()
    let client = try await collector.client()
    let metrics = [Self.disk("/dev/a"), "1", Self.disk("/dev/b")]
    let first = try await collector.push(collector.push(of: Array(metrics.prefix(2))), over: client)
    expect(first, repeated: 0, inserted: 1)
    #expect(first.json["metrics_inserted"]?.integer == 1 && first.json["status"]?.text == "partial")
    let second = try await collector.push(collector.push(of: metrics), over: client)
    expect(second, repeated: 2, inserted: 1)
    #expect(second.json["metrics_inserted"]?.integer == 1, "\(second)")
  }
}
