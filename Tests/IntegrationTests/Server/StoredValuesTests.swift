import Protocol
import Testing

@testable import App

/// The database holds every value of a push.
@Suite struct StoredValuesTests {
  @Test(arguments: TestCluster.storageKinds)
  func `every value of a push of all types is found in the named views`(_ kind: StorageKind) async throws {
    let server = try await RunningServer.shared(kind)
    let collector = try await server.enrol()
    let body = collector.generatedPush()
    let answer = try await collector.push(body)
    #expect(answer.status == 200, "\(answer)")
    #expect(answer.json["status"]?.text == "success", "\(answer)")
    let expected = try ExpectedRows(body)
    #expect(MetricCatalog.tables.allSatisfy { expected.rows[$0.name]?.isEmpty == false }, "the push fills every table")
    for table in MetricCatalog.tables {
      let stored = try await NamedRow.stored(table, server: collector.serverID, in: server.database).sorted()
      let wanted = (expected.rows[table.name] ?? []).sorted()
      #expect(stored.count == wanted.count, "\(table.name)")
      for (found, right) in zip(stored, wanted) where found != right {
        Issue.record("\(table.name)\nstored \(found)\nwanted \(right)")
      }
    }
    #expect(answer.json["rows_inserted"]?.integer == Int64(expected.rows.values.reduce(0) { $0 + $1.count }))
    #expect(answer.json["rows_repeated"]?.integer == 0)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `an undeclared type is kept as JSON`(_ kind: StorageKind) async throws {
    let server = try await RunningServer.shared(kind)
    let collector = try await server.enrol()
    let metric = #"{"new":[1,{"a":null}],"timestamp":"\#(TestCollector.now())","type":"weather"}"#
    let answer = try await collector.push(collector.push(of: [metric]))
    #expect(answer.json["metrics_inserted"]?.integer == 1, "\(answer)")
    let found = try await server.integer(
      "SELECT count(*) FROM metrics.unknown_metrics WHERE server_id = \(collector.serverID) AND metric_type = 'weather'"
        + #" AND payload @> '{"new":[1,{"a":null}]}'"#)
    #expect(found == 1)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `an undeclared key is kept beside its row`(_ kind: StorageKind) async throws {
    let server = try await RunningServer.shared(kind)
    let collector = try await server.enrol()
    let metric =
      #"{"filesystems":[{"device":"d","mount":"","used_gb":1,"inodes":{"free":7}}],"#
      + #""timestamp":"\#(TestCollector.now())","type":"disk_usage"}"#
    #expect(try await collector.push(collector.push(of: [metric])).status == 200)
    let found = try await server.integer(
      "SELECT (extra -> 'inodes' ->> 'free')::int8 FROM metrics.disk_usage WHERE server_id = \(collector.serverID)")
    #expect(found == 7)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `rejected metrics are listed, and their neighbours are stored`(_ kind: StorageKind) async throws {
    let server = try await RunningServer.shared(kind)
    let collector = try await server.enrol()
    let now = TestCollector.now()
    let answer = try await collector.push(
      collector.push(of: [
        TestCollector.disk("/dev/a", used: 1),
        #"{"filesystems":[{"device":"x","mount":"","used_gb":1},{"device":"y","mount":"","used_gb":"many"}],"#
          + #""timestamp":"\#(now)","type":"disk_usage"}"#,
        #"{"type":"pg_log"}"#,
        TestCollector.disk("/dev/b", used: 2, time: "2001-01-01T00:00:00Z"),
        TestCollector.disk("/dev/c", used: 3),
      ]))
    #expect(answer.status == 200)
    #expect(answer.json["status"]?.text == "partial")
    #expect(answer.json["rejected_count"]?.integer == 2)
    #expect(answer.json["metrics_received"]?.integer == 5)
    #expect(answer.json["metrics_inserted"]?.integer == 3)
    #expect(answer.json["values_null"]?.integer == 1)
    #expect(answer.json["altered"]?[0]?["path"]?.text == "filesystems[1].used_gb")
    let rejected = answer.json["rejected"]?.elements.map { "\($0["index"]?.integer ?? -1) \($0["code"]?.text ?? "")" }
    #expect(rejected == ["2 missing_timestamp", "3 too_old"])
    #expect(try await collector.rows("disk_usage") == 4)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a repeated row of a push is stored once, and the repeats are counted`(_ kind: StorageKind) async throws {
    let server = try await RunningServer.shared(kind)
    let collector = try await server.enrol()
    let time = TestCollector.now()
    let metric = TestCollector.disk("/dev/a", used: 1, time: time)
    let answer = try await collector.push(
      collector.push(of: [metric, metric, TestCollector.disk("/dev/b", used: 1, time: time), metric]))
    #expect(answer.json["rows_inserted"]?.integer == 2, "\(answer)")
    #expect(answer.json["rows_repeated"]?.integer == 2)
    #expect(try await collector.rows("disk_usage") == 2)
  }

  @Test func `days without partitions get them for their rows`() async throws {
    let server = try await RunningServer.shared(.plain)
    let collector = try await server.enrol()
    let days = (10...13).map {
      TestCollector.disk("/dev/a", used: $0, time: TestCollector.now(secondsAgo: Int64($0) * 86_400))
    }
    let body = collector.push(of: days)
    try await server.eventually("the partitions are not made") {
      // Other tests use the tables, so the DDL may wait too long for its locks. The push is tried again.
      let answer = try await collector.push(body)
      #expect([200, 503].contains(answer.status), "\(answer)")
      return answer.status == 200
    }
    #expect(try await collector.rows("disk_usage") == 4)
  }

  @Test func `a malformed envelope or broken JSON stores nothing`() async throws {
    let server = try await RunningServer.shared(.plain)
    let collector = try await server.enrol()
    let sound = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    let client = try await collector.client()
    let broken: [[UInt8]] = [
      Array("[]".utf8), Array(#"{"metrics":[]}"#.utf8), Array(sound.dropLast()), sound + Array("}".utf8), [],
    ]
    for body in broken {
      let answer = try await collector.push(body, over: client)
      #expect((400...422).contains(answer.status), "\(answer)")
      #expect(["invalid_json", "validation_failed"].contains(answer.error))
    }
    #expect(try await collector.rows("disk_usage") == 0)
    #expect(try await collector.ledger() == 0)
  }
}
