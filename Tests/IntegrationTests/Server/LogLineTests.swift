import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// The last lines of a log come again in each round of a collector, and each line is stored once.
@Suite struct LogLineTests {
  /// A metric with one log line per letter, all of one time, as the stock collector sends them.
  private static func log(_ lines: String, database: String = "postgres") -> String {
    let entries = lines.map { #"{"timestamp":"2024-01-01T00:00:00Z","level":"LOG","message":"\#($0)"}"# }
    return #"{"type":"pg_log","timestamp":"\#(TestCollector.now())","database":"\#(database)","entries":["#
      + entries.joined(separator: ",") + "]}"
  }

  /// The stored messages of a collector and database, one letter each.
  private func stored(_ collector: TestCollector, database: String = "postgres") async throws -> String {
    let rows = try await collector.server.database.rows(
      Statement<Int64, String, SingleValue<String>>(
        "test_log_lines",
        """
        SELECT coalesce(string_agg(message, '' ORDER BY message), '') AS lines FROM named.pg_log
        WHERE server_id = $1 AND database = $2
        """), collector.serverID, database)
    return rows.first?.value ?? ""
  }

  private func expect(
    _ answer: TestAnswer, inserted: Int64, repeated: Int64, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.json["rows_inserted"]?.integer == inserted, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.json["rows_repeated"]?.integer == repeated, "\(answer)", sourceLocation: sourceLocation)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `log lines that the list before ended with are not stored again`(_ kind: StorageKind) async throws {
    let collector = try await RunningServer.shared(kind).enrol()
    let client = try await collector.client()
    func send(_ metrics: [String]) async throws -> TestAnswer {
      try await collector.push(collector.push(of: metrics), over: client)
    }
    let first = collector.push(of: [Self.log("aab")])
    expect(try await collector.push(first, over: client), inserted: 3, repeated: 0)
    expect(try await send([TestCollector.disk("x", used: 1), Self.log("abc")]), inserted: 2, repeated: 2)
    expect(try await send([Self.log("abc", database: "app"), Self.log("bcd")]), inserted: 4, repeated: 2)
    // A repeat changes nothing.
    #expect(try await collector.push(first, over: client).json["duplicate"]?.flag == true)
    expect(
      try await send([Self.log("bc", database: "app"), Self.log("cd"), Self.log("cde")]), inserted: 1, repeated: 6)
    #expect(try await stored(collector) == "aabcde")
    #expect(try await stored(collector, database: "app") == "abc")
    // A list without lines says nothing about the log, and another collector's list is another log.
    expect(try await send([Self.log(""), TestCollector.disk("y", used: 1)]), inserted: 1, repeated: 0)
    expect(try await send([Self.log("de")]), inserted: 0, repeated: 2)
    let other = try await collector.server.enrol()
    expect(try await other.push(other.push(of: [Self.log("de")])), inserted: 2, repeated: 0)
  }

  @Test func `a larger retry and a push with a key or of another day go on where the list before ended`()
    async throws
  {
    let collector = try await RunningServer.shared(.plain).enrol()
    let client = try await collector.client()
    let lists = [Self.log("abc"), Self.log("bcd"), Self.log("cde")]
    for count in 1...3 {
      let answer = try await collector.push(collector.push(of: Array(lists.prefix(count))), over: client)
      expect(answer, inserted: count == 1 ? 3 : 1, repeated: Int64(count - 1) * 2)
    }
    // The test makes the partitions of that day. The push would not wait long enough for them.
    let storage = Live(constant: collector.server.settings.storage)
    let day = Day(of: Timestamp(unixSeconds: Int64(Glibc.time(nil)) - 5 * 86_400))
    try await Partitions(database: collector.server.database, storage: storage).ensure(days: [day])
    let old = Self.log("def").replacing(
      TestCollector.now().prefix(10), with: TestCollector.now(secondsAgo: 5 * 86_400).prefix(10))
    expect(
      try await collector.push(collector.push(of: [old]), [("Idempotency-Key", "k")], over: client), inserted: 1,
      repeated: 2)
    let again = try await collector.push(collector.push(of: [old]), [("Idempotency-Key", "k")], over: client)
    #expect(again.json["duplicate"]?.flag == true)
    expect(try await collector.push(collector.push(of: [Self.log("ef")]), over: client), inserted: 0, repeated: 2)
    #expect(try await stored(collector) == "abcdef")
  }

  @Test func `pushes at once at two servers are compared with the committed lines`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let collector = try await first.enrol()
    let elsewhere = try await TestClient.connect(
      port: second.server.address.port, trust: second.trust, identity: collector.identity)
    let here = try await collector.client()
    for round in 0..<5 {
      // Two pushes have the same lines. The second one has no new lines.
      let list = Self.log("\(round)\(round + 1)\(round + 2)")
      async let one = collector.push(collector.push(of: [list, TestCollector.disk("a", used: round)]), over: here)
      async let other = collector.push(
        collector.push(of: [list, TestCollector.disk("b", used: round)]), over: elsewhere)
      let answers = try await [one, other]
      #expect(answers.allSatisfy { $0.status == 200 }, "\(answers)")
      let inserted = answers.reduce(0) { $0 + ($1.json["rows_inserted"]?.integer ?? 0) }
      #expect(inserted == (round == 0 ? 5 : 3), "\(answers)")
    }
    #expect(try await stored(collector) == "0123456")
    await second.stop()
    await first.stop()
  }

  @Test func `many log pushes at once on one server are stored one after the other`() async throws {
    let collector = try await RunningServer.shared(.plain).enrol()
    let inserted = try await withThrowingTaskGroup(of: Int64.self) { group in
      for number in 0..<12 {
        group.addTask {
          let body = collector.push(of: [Self.log("abcdefgh"), TestCollector.disk("d\(number)", used: 1)])
          let answer = try await collector.push(body)
          #expect(answer.status == 200, "\(answer)")
          return answer.json["rows_inserted"]?.integer ?? 0
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(inserted == 8 + 12)
    #expect(try await stored(collector) == "abcdefgh")
  }

  @Test func `a parked push keeps its new lines, and the next list is stored behind them`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    expect(try await collector.push(collector.push(of: [Self.log("abc")])), inserted: 3, repeated: 0)
    let catalog = CompiledCatalog()
    let push = Push(catalog: catalog)
    (push.collectorID, push.serverID) = (collector.id, Int32(collector.serverID))
    let reader = PushReader(settings: Settings(), catalog: catalog)
    var known = KnownIDs(capacity: 100)
    let now = Int64(Glibc.time(nil))
    reader.begin(serverID: push.serverID, timeWindow: (now - 3600) * 1_000_000...(now + 3600) * 1_000_000)
    try reader.receive(collector.push(of: [Self.log("bcd")]).span, into: push, known: &known)
    try reader.finish(key: nil, into: push, known: &known)
    let error = DatabaseError(.statement, "not this one", sqlstate: "P0001")
    let suspicion = Suspicion(
      error: error, refusal: CopyTargets(catalog).refusal(error, at: nil), places: [], since: 0)
    try await DeadLetter(push, suspicion, targets: catalog.targets).park(in: server.database)
    server.account.stored(elsewhere: 1)
    let pushes = ParkedPushes(database: server.database, storage: server.settings.storage)
    #expect(try await pushes.list().first?.tables.contains("pg_log 1") == true)
    expect(try await collector.push(collector.push(of: [Self.log("cde")])), inserted: 1, repeated: 2)
    #expect(try await stored(collector) == "abce")
    #expect(try await pushes.retry(push.id) == 1)
    #expect(try await stored(collector) == "abcde")
    await server.stop()
  }
}
