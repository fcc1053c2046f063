import Glibc
import Protocol
import Testing

@testable import App

/// Reads of pushed metrics through the REST API.
@Suite struct MetricsReadTests {
  struct Reader {
    let collector: TestCollector
    let client: TestClient
    let user: (String, String)

    init(_ kind: StorageKind, _ given: RunningServer? = nil) async throws {
      let server: RunningServer
      if let given { server = given } else { server = try await RunningServer.shared(kind) }
      collector = try await server.enrol()
      client = try await server.client()
      user = try await server.user(.viewer)
    }

    func get(_ path: String) async throws -> TestAnswer { try await client.request("GET", path, [user]) }

    func metrics(_ query: String, accept: String = "application/json") async throws -> TestAnswer {
      try await client.request(
        "GET", "/api/v1/servers/\(collector.serverID)/metrics?\(query)", [user, ("Accept", accept)])
    }

    /// Pushes one sample of a disk's counters per minute, from `start` on. A nil sample is left out.
    func pushReads(_ reads: [Int?], from start: Int64, device: String = "sda") async throws {
      let metrics = reads.enumerated().compactMap { minute, reads in
        reads.map { reads in
          #"{"cpu":{},"memory":{},"disk_io":[{"device":"\#(device)","read_ops":\#(reads),"write_ops":1}],"#
            + #""timestamp":"\#(Timestamp(unixSeconds: start + Int64(minute) * 60).rfc3339)","type":"sysstat"}"#
        }
      }
      let answer = try await collector.push(collector.push(of: metrics))
      #expect(answer.json["metrics_inserted"]?.integer == Int64(metrics.count), "\(answer)")
    }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `rows are read as stored, by time, object and page`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let collector = reader.collector
    let start = Int64(Glibc.time(nil)) - 600
    func time(_ seconds: Int64) -> String { Timestamp(unixSeconds: start + seconds).rfc3339 }
    let metrics = (0..<6).map { TestCollector.disk("/dev/\($0 % 2)", used: $0, time: time(Int64($0) * 60)) }
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
    let foreign = try await reader.metrics("metric_type=disk_usage&limit=2&object=/dev/1.\(cursor)")
    #expect(foreign.status == 400 && foreign.json["details"]?.text == "cursor: belongs to another query", "\(foreign)")

    let window = try await reader.metrics("metric_type=disk_usage&start_time=\(time(90))&end_time=\(time(210))")
    #expect(window.json["data"]?.elements.map { $0["used_gb"]?.integer } == [2, 3], "\(window)")
  }

  @Test(arguments: TestCluster.storageKinds)
  func `rows are aggregated by buckets`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let collector = reader.collector
    // Three rows are in one hour and two in the next, none of them near a border.
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
  func `every table of a push of all types is read, raw and by buckets`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let body = reader.collector.generatedPush()
    #expect(try await reader.collector.push(body).status == 200)
    let expected = try ExpectedRows(body)
    for table in MetricCatalog.tables {
      let raw = try await reader.metrics("metric_type=\(table.name)")
      #expect(raw.json["count"]?.integer == Int64(expected.rows[table.name]?.count ?? 0), "\(table.name): \(raw)")
      for aggregate in Aggregate.allCases where table.columns.contains(where: aggregate.isDefined) {
        let bucketed = try await reader.metrics("metric_type=\(table.name)&bucket=5m&aggregate=\(aggregate)")
        #expect(bucketed.status == 200, "\(table.name), \(aggregate): \(bucketed)")
        #expect((bucketed.json["count"]?.integer ?? 0) > 0)
      }
    }
    let database = try await reader.metrics("metric_type=pg_stats&database=app1")
    #expect(database.json["data"]?.elements.map { $0["database"]?.text } == ["app1"], "\(database)")
  }

  @Test func `servers are listed by pages, and one server is shown`() async throws {
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
    let found = try await reader.get("/api/v1/servers?q=\(try #require(one.json["name"]?.text).uppercased())")
    #expect(
      found.json["data"]?.elements.contains { $0["id"]?.integer == reader.collector.serverID } == true, "\(found)")
    #expect(try await reader.get("/api/v1/servers?q=no-such-server").json["total"]?.integer == 0)
    let newest = try await reader.get("/api/v1/servers?sort=-id&page_size=2")
    let newestIDs = newest.json["data"]?.elements.compactMap { $0["id"]?.integer } ?? []
    #expect(newestIDs.count == 2 && newestIDs[0] > newestIDs[1], "\(newest)")
    #expect(try await reader.get("/api/v1/servers?sort=colour").error == "invalid_query")
    #expect(try await reader.get("/api/v1/servers/999999999").status == 404)
    #expect(try await reader.get("/api/v1/servers/99999999999999").status == 404)
    #expect(try await reader.get("/api/v1/servers/x").status == 404)
  }

  @Test(arguments: [
    ("metric_typ=pg_stats", "metric_typ"), ("bucket=0s", "bucket"), ("limit=0", "limit"),
    ("aggregate=median", "aggregate"),
    ("start_time=yesterday", "start_time"), ("metric_type=weather", "metric_type"), ("cursor=5", "cursor"),
    ("limit=1&limit=2", "limit"), ("columns=size_bytes,weight", "weight"), ("aggregate=avg", "bucket"),
    ("metric_type=pg_stats&bucket=1h&columns=size_bytes&aggregate=rate", "size_bytes"),
    ("metric_type=sysstat&database=app", "database"), ("metric_type=pg_stats&object=x", "object"),
    ("metric_type=sysstat&bucket=1h&aggregate=rate", "aggregate"), ("limit=10001", "query_rows"),
    ("bucket=1h&aggregate=p95&source=1h", "source"), ("source=1h", "bucket"), ("end_time=0d", "end_time"),
    ("start_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z", "start_time"),
  ])
  func `a wrong query parameter is refused by its name`(_ query: String, _ name: String) async throws {
    let answer = try await Reader(.plain).metrics(query)
    #expect(answer.status == 400, "\(answer)")
    #expect(answer.error == "invalid_query")
    #expect(answer.json["details"]?.text?.contains(name) == true, "\(answer)")
  }

  @Test(arguments: TestCluster.storageKinds)
  func `pages through equal rows of one time are complete while other rows arrive`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let collector = reader.collector
    let time = TestCollector.now(secondsAgo: 300)
    for number in 0..<3 {
      // Other bytes make another push. A row is a repeat only within one push.
      let space = String(repeating: " ", count: number)
      let metrics = (0..<4).map { "{" + space + TestCollector.disk("/dev/\($0)", used: $0, time: time).dropFirst() }
      #expect(try await collector.push(collector.push(of: metrics)).json["rows_inserted"]?.integer == 4)
    }
    var seen: [Int64] = []
    var cursor = ""
    for page in 0..<20 {
      let answer = try await reader.metrics("metric_type=disk_usage&limit=1\(cursor)")
      seen += answer.json["data"]?.elements.compactMap { $0["used_gb"]?.integer } ?? []
      guard let next = answer.json["next_cursor"]?.text else { break }
      cursor = "&cursor=\(next)"
      // An earlier row does not move the later ones.
      let early = TestCollector.disk("/dev/early", used: 99, time: TestCollector.now(secondsAgo: Int64(400 + page)))
      #expect(try await collector.push(collector.push(of: [early])).status == 200)
    }
    #expect(seen.sorted() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
  }

  @Test(arguments: TestCluster.storageKinds)
  func `rates show how fast counters grow, across a reset and a gap`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let hour = (Int64(Glibc.time(nil)) / 3600 - 5) * 3600
    // 60 a minute, a reset to 30, a gap of a minute, then 240 in two minutes.
    try await reader.pushReads([100, 160, 220, 30, nil, 270], from: hour)
    try await reader.pushReads([7, 67], from: hour, device: "sdb")
    let range =
      "metric_type=sysstat_disk_io&object=sda&columns=read_ops&aggregate=rate"
      + "&start_time=\(Timestamp(unixSeconds: hour).rfc3339)"
    let rows = try await reader.metrics(range)
    #expect(rows.json["data"]?.elements.map { $0["read_ops"]?.number } == [nil, 1, 1, 0.5, 2], "\(rows)")
    // A rate is a sum of increases over their time: (60 + 60 + 30) in 180 s, 240 in 120 s.
    let buckets = try await reader.metrics(range + "&bucket=4m")
    let first = hour % 240 == 0 ? [150.0 / 180, 240.0 / 120] : nil
    if let first { #expect(buckets.json["data"]?.elements.map { $0["read_ops"]?.number } == first, "\(buckets)") }
    // Pages give the same rates: a page looks back at the row before it.
    var paged: [Double?] = []
    var cursor = ""
    for _ in 0..<9 {
      let page = try await reader.metrics(range + "&limit=1\(cursor)")
      paged += page.json["data"]?.elements.map { $0["read_ops"]?.number } ?? []
      guard let next = page.json["next_cursor"]?.text else { break }
      cursor = "&cursor=\(next)"
    }
    #expect(paged == [nil, 1, 1, 0.5, 2])
  }

  @Test(arguments: TestCluster.storageKinds)
  func `JSON, CSV and lines of JSON have the same rows`(_ kind: StorageKind) async throws {
    let reader = try await Reader(kind)
    let collector = reader.collector
    let odd = #"a,\"b\""#
    let metrics = [TestCollector.disk(odd, used: 1), TestCollector.disk("c", used: 2)]
    #expect(try await collector.push(collector.push(of: metrics)).status == 200)
    let query = "metric_type=disk_usage&columns=used_gb,percent_used&start_time=1h"
    let json = try await reader.metrics(query)
    let rows = try #require(json.json["data"]?.elements)
    #expect(rows.count == 2)
    #expect(json.field("x-metrics-source") == "raw")

    let csv = try await reader.metrics(query, accept: "text/csv")
    #expect(csv.field("content-type") == "text/csv; charset=utf-8; header=present")
    var lines = csv.text.split(separator: "\r\n", omittingEmptySubsequences: false)
    #expect(lines.removeFirst() == "time,object,used_gb,percent_used")
    #expect(lines.removeLast() == "")
    let time = try #require(rows[0]["time"]?.text)
    #expect(Set(lines) == [#"\#(time),"""a,""""b"""""".",1,8.5"#, "\(time),c.,2,8.5"])

    let text = try await reader.metrics(query, accept: "application/x-ndjson")
    #expect(text.field("content-type") == "application/x-ndjson")
    let objects = try text.text.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8).span) }
    #expect(objects == rows)

    let page = try await reader.metrics(query + "&limit=1", accept: "text/csv")
    let cursor = try #require(page.field("x-next-cursor"))
    let rest = try await reader.metrics(query + "&cursor=\(cursor)", accept: "text/csv")
    #expect(rest.field("x-next-cursor") == nil)
    let both = [page, rest].map { $0.text.split(separator: "\r\n").dropFirst() }.joined()
    #expect(Array(both) == lines)
    #expect(try await reader.metrics(query, accept: "image/png").status == 406)
  }

  @Test func `every listed aggregate of every table can be queried`() async throws {
    let reader = try await Reader(.plain)
    let types = try await reader.get("/api/v1/metric-types")
    #expect(types.status == 200)
    let tables = types.json["data"]?.elements.flatMap { $0["tables"]?.elements ?? [] } ?? []
    let all = MetricCatalog.tables.map(\.name) + [MetricCatalog.catchAllTable]
    #expect(tables.compactMap { $0["name"]?.text } == all)
    for table in tables {
      let name = try #require(table["name"]?.text)
      for aggregate in Aggregate.allCases {
        let columns =
          table["columns"]?.elements.filter { column in
            column["aggregates"]?.elements.contains { $0.text == aggregate.rawValue } ?? false
          }.compactMap { $0["name"]?.text } ?? []
        if columns.isEmpty { continue }
        let query = "metric_type=\(name)&bucket=1d&aggregate=\(aggregate)&columns=\(columns.joined(separator: ","))"
        let answer = try await reader.metrics(query)
        #expect(answer.status == 200, "\(query): \(answer)")
      }
    }
    let size = tables.first { $0["name"]?.text == "pg_stats" }?["columns"]?[0]
    #expect(size?["unit"]?.text == "bytes" && size?["meaning"]?.text == "gauge" && size?["kind"]?.text == "integer")
  }
}
