import Glibc
import Protocol
import Testing

@testable import App

/// What people read of what collectors pushed.
@Suite struct MetricsReadTests {
  private struct Reader {
    let collector: TestCollector
    let client: TestClient
    let user: (String, String)

    init(_ kind: StorageKind) async throws {
      let server = try await RunningServer.shared(kind)
      collector = try await server.enrol()
      client = try await server.client()
      user = try await server.user(.viewer)
    }

    func get(_ path: String) async throws -> TestAnswer { try await client.request("GET", path, [user]) }

    func metrics(_ query: String) async throws -> TestAnswer {
      try await get("/api/v1/servers/\(collector.serverID)/metrics?\(query)")
    }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `reads rows as stored, by time, object and page`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let collector = reader.collector
    let metrics = (0..<6).map {
      TestCollector.disk("/dev/\($0 % 2)", used: $0, time: TestCollector.now(secondsAgo: Int64(600 - $0 * 60)))
    }
    #expect(try await collector.push(collector.push(of: metrics)).status == 200)

    let all = try await reader.metrics("metric_type=disk_usage")
    #expect(all.status == 200, "\(all)")
    #expect(all.json["data"]?.elements.map { $0["used_gb"]?.integer } == [0, 1, 2, 3, 4, 5])
    #expect(all.json["data"]?[0]?["object"]?.text == "/dev/0.")
    #expect(all.json["data"]?[0]?["percent_used"]?.number == 8.5)
    #expect(all.json["count"]?.integer == 6)
    #expect(all.json["next_cursor"] == .null)

    let some = try await reader.metrics("metric_type=disk_usage&object=/dev/1.")
    #expect(some.json["data"]?.elements.map { $0["used_gb"]?.integer } == [1, 3, 5], "\(some)")

    var seen: [Int64?] = []
    var cursor = ""
    for _ in 0..<3 {
      let page = try await reader.metrics("metric_type=disk_usage&limit=2\(cursor)")
      seen += page.json["data"]?.elements.map { $0["used_gb"]?.integer } ?? []
      if let next = page.json["next_cursor"]?.text { cursor = "&cursor=\(next)" }
    }
    #expect(seen == [0, 1, 2, 3, 4, 5])

    let window = try await reader.metrics(
      "metric_type=disk_usage&start_time=\(TestCollector.now(secondsAgo: 510))"
        + "&end_time=\(TestCollector.now(secondsAgo: 390))")
    #expect(window.json["data"]?.elements.map { $0["used_gb"]?.integer } == [2, 3], "\(window)")
  }

  @Test(arguments: TestCluster.storageKinds)
  func `aggregates by buckets`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let collector = reader.collector
    // Three rows in one hour, two in the next, none of them near a border.
    let hour = (Int64(Glibc.time(nil)) / 3600 - 5) * 3600
    let metrics = [(600, 1), (1200, 7), (1800, 4), (4200, 10), (4800, 20)].map { after, used in
      TestCollector.disk("/dev/a", used: used, time: Timestamp(unixSeconds: hour + Int64(after)).rfc3339)
    }
    #expect(try await collector.push(collector.push(of: metrics)).status == 200)
    let range = "metric_type=disk_usage&bucket=1h&start_time=\(Timestamp(unixSeconds: hour).rfc3339)"
    for (aggregate, wanted) in [
      ("avg", [4.0, 15]), ("max", [7, 20]), ("min", [1, 10]), ("sum", [12, 30]), ("last", [4, 20]),
    ] {
      let answer = try await reader.metrics("\(range)&aggregate=\(aggregate)")
      #expect(answer.json["data"]?.elements.map { $0["used_gb"]?.number } == wanted, "\(aggregate): \(answer)")
      #expect(
        answer.json["data"]?[0]?["time"]?.text.flatMap { Timestamp(rfc3339: $0) } == Timestamp(unixSeconds: hour))
    }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `reads every table of a push of all types, raw and by buckets`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let body = reader.collector.generatedPush()
    #expect(try await reader.collector.push(body).status == 200)
    let expected = try ExpectedRows(body)
    for table in MetricCatalog.tables {
      let raw = try await reader.metrics("metric_type=\(table.name)")
      #expect(raw.json["count"]?.integer == Int64(expected.rows[table.name]?.count ?? 0), "\(table.name): \(raw)")
      for aggregate in Aggregate.allCases {
        let bucketed = try await reader.metrics("metric_type=\(table.name)&bucket=5m&aggregate=\(aggregate)")
        #expect(bucketed.status == 200, "\(table.name), \(aggregate): \(bucketed)")
        #expect((bucketed.json["count"]?.integer ?? 0) > 0)
      }
    }
    let database = try await reader.metrics("metric_type=pg_stats&database=app1")
    #expect(database.json["data"]?.elements.map { $0["database"]?.text } == ["app1"], "\(database)")
  }

  @Test func `lists servers by pages and shows one`() async throws {
    let reader = try await Reader(.plain)
    let one = try await reader.get("/api/v1/servers/\(reader.collector.serverID)")
    #expect(one.status == 200)
    #expect(one.json["collector_id"]?.text == reader.collector.id.description)
    #expect(one.json["hostname"]?.text == "db.example.com")
    var ids: Set<Int64> = []
    var page = 1
    var pages: Int64 = 1
    while page <= pages {
      let answer = try await reader.get("/api/v1/servers?page=\(page)&page_size=5")
      pages = try #require(answer.json["total_pages"]?.integer, "\(answer)")
      for entry in answer.json["data"]?.elements ?? [] { ids.insert(try #require(entry["id"]?.integer)) }
      page += 1
    }
    #expect(ids.contains(reader.collector.serverID))
    #expect(try await reader.get("/api/v1/servers/999999999").status == 404)
    #expect(try await reader.get("/api/v1/servers/99999999999999").status == 404)
    #expect(try await reader.get("/api/v1/servers/x").status == 404)
  }

  @Test(arguments: [
    ("metric_typ=pg_stats", "metric_typ"), ("bucket=0s", "bucket"), ("limit=0", "limit"),
    ("aggregate=median", "aggregate"),
    ("start_time=yesterday", "start_time"), ("metric_type=weather", "metric_type"), ("cursor=5", "cursor"),
    ("limit=1&limit=2", "limit"), ("start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z", "start_time"),
  ])
  func `refuses a query parameter by its name`(_ query: String, _ name: String) async throws {
    let answer = try await Reader(.plain).metrics(query)
    #expect(answer.status == 400, "\(answer)")
    #expect(answer.error == "invalid_query")
    #expect(answer.json["details"]?.text?.contains(name) == true, "\(answer)")
  }
}
