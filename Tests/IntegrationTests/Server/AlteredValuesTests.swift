import Glibc
import Protocol
import Testing

@testable import App

/// Odd values of a push are stored as far as possible, named in the answer, and read back as stored.
@Suite struct AlteredValuesTests {
  private func statements(_ rows: [String], secondsAgo: Int64 = 60) -> String {
    #"{"type":"pg_query_stats","database":"app","timestamp":"\#(TestCollector.now(secondsAgo: secondsAgo))","queries":["#
      + rows.joined(separator: ",") + "]}"
  }

  @Test(arguments: TestCluster.storageKinds)
  func `one NUL among 99 statements costs one character`(_ kind: StorageKind) async throws {
    let reader = try await MetricsReadTests.Reader(kind)
    let rows = (0..<99).map { #"{"hash":\#($0),"text":"SELECT '\#($0 == 50 ? "\\u0000" : "x")'","calls":1}"# }
    let answer = try await reader.collector.push(reader.collector.push(of: [statements(rows)]))
    #expect(answer.json["rows_inserted"]?.integer == 99 && answer.json["status"]?.text == "success", "\(answer)")
    #expect(answer.json["values_mended"]?.integer == 1)
    let altered = try #require(answer.json["altered"]?[0])
    #expect(altered["index"]?.integer == 0 && altered["row"]?.integer == 50)
    #expect(altered["path"]?.text == "queries[50].text" && altered["action"]?.text == "mended")
    let stored = try await reader.metrics("metric_type=pg_query_stats&hash=50")
    #expect(stored.json["data"]?.elements.map { $0["text"]?.text } == ["SELECT '\u{FFFD}'"], "\(stored)")
  }

  @Test(arguments: TestCluster.storageKinds)
  func `a numeric of any size and a hash of 64 bits come back digit by digit`(_ kind: StorageKind) async throws {
    let reader = try await MetricsReadTests.Reader(kind)
    let sent = [
      "17588200675878996039", "9.3e18", "5860495.5", #""5860495""#, "true", "5860495",
    ]
    let rows = sent.enumerated().map { #"{"hash":\#(4_846_673_425_617_799_270 + $0),"wal_bytes":\#($1),"calls":1}"# }
    let answer = try await reader.collector.push(reader.collector.push(of: [statements(rows)]))
    #expect(answer.json["rows_inserted"]?.integer == 6 && answer.json["values_null"]?.integer == 3, "\(answer)")
    for (number, stored) in ["17588200675878996039", "9300000000000000000", "null", "null", "null", "5860495"]
      .enumerated()
    {
      let hash = 4_846_673_425_617_799_270 + number
      let query = "metric_type=pg_query_stats&columns=wal_bytes&hash=\(hash)"
      let one = try await reader.metrics(query)
      #expect(one.text.contains(#""hash":"\#(hash)""#) && one.text.contains(#""wal_bytes":\#(stored)"#), "\(one)")
      #expect(one.json["count"]?.integer == 1)
      let csv = try await reader.metrics(query, accept: "text/csv").text
      #expect(csv.contains(",\(hash),,,,\(stored == "null" ? "" : stored)\r\n"), "\(csv)")
    }
    let most = try await reader.metrics("metric_type=pg_query_stats&columns=wal_bytes&bucket=1h&aggregate=max")
    #expect(most.text.contains("17588200675878996039"), "\(most)")
    #expect(try await reader.metrics("metric_type=pg_query_stats&hash=x").status == 400)
    #expect(try await reader.metrics("metric_type=sysstat&hash=1").status == 400)
  }

  @Test(arguments: TestCluster.storageKinds)
  func `statements of one hash are added up, and a rate has a gap where their number changes`(_ kind: StorageKind)
    async throws
  {
    let reader = try await MetricsReadTests.Reader(kind)
    func row(_ calls: Int) -> String { #"{"hash":7,"text":"q","calls":\#(calls)}"# }
    let samples = [[10, 20, 30], [20, 40, 60], [30, 60], [40, 80], [50, 100, 300]]
    let metrics = samples.enumerated().map { statements($1.map(row), secondsAgo: 300 - Int64($0) * 60) }
    let answer = try await reader.collector.push(reader.collector.push(of: metrics))
    #expect(answer.json["rows_inserted"]?.integer == 5 && answer.json["rows_added_up"]?.integer == 8, "\(answer)")
    let stored = try await reader.metrics("metric_type=pg_query_stats&columns=calls,statements")
    #expect(stored.json["data"]?.elements.map { $0["calls"]?.integer } == [60, 120, 90, 120, 450], "\(stored)")
    #expect(stored.json["data"]?.elements.map { $0["statements"]?.integer } == [3, 3, 2, 2, 3])
    let rates = try await reader.metrics("metric_type=pg_query_stats&columns=calls&aggregate=rate")
    #expect(rates.json["data"]?.elements.map { $0["calls"]?.number } == [nil, 1, nil, 0.5, nil], "\(rates)")
    let bucket = try await reader.metrics("metric_type=pg_query_stats&columns=calls&aggregate=rate&bucket=1d")
    let numbers = bucket.json["data"]?.elements.compactMap { $0["calls"]?.number } ?? []
    #expect(numbers.allSatisfy { $0 == 0.75 || $0 == 1 || $0 == 0.5 } && !numbers.isEmpty, "\(bucket)")
  }

  @Test(arguments: TestCluster.storageKinds)
  func `objects with similar names are different, and each is found`(_ kind: StorageKind) async throws {
    let reader = try await MetricsReadTests.Reader(kind)
    let metric = #"""
      {"type":"pg_stats","database":"a\tb","timestamp":"\#(TestCollector.now(secondsAgo: 60))","tables":[
      {"schema":"a.b","name":"c","live_tuples":1},{"schema":"a","name":"b.c","live_tuples":2},
      {"schema":"\n","name":"#\"x","live_tuples":3},{"schema":"s","name":"t","live_tuples":4},
      {"schema":"s","name":"t","live_tuples":5}]}
      """#
    let answer = try await reader.collector.push(reader.collector.push(of: [metric]))
    #expect(answer.json["rows_inserted"]?.integer == 5, "\(answer)")
    let all = try await reader.metrics("metric_type=pg_stats_tables&database=a%09b&columns=live_tuples")
    let rows = all.json["data"]?.elements ?? []
    #expect(Set(rows.map { $0["object"]?.text }).count == 5, "\(all)")
    #expect(rows.allSatisfy { $0["database"]?.text == "a\tb" })
    for row in rows {
      let name = try #require(row["object"]?.text)
      let query = name.utf8.map { byte in
        let digits = String(byte, radix: 16)
        return "%" + (digits.count == 1 ? "0" : "") + digits
      }.joined()
      let one = try await reader.metrics("metric_type=pg_stats_tables&columns=live_tuples&object=\(query)")
      #expect(one.json["data"]?.elements == [row], "\(name): \(one)")
    }
    #expect(rows.contains { $0["object"]?.text == "s.t#2" && $0["live_tuples"]?.integer == 5 })
  }

  @Test(arguments: TestCluster.storageKinds)
  func `infinity and dates before Christ come back unchanged in every format`(_ kind: StorageKind) async throws {
    let reader = try await MetricsReadTests.Reader(kind)
    let times = [
      ("infinity", "infinity"), ("-infinity", "-infinity"), ("0044-03-15 12:00:00+00 BC", "0044-03-15T12:00:00Z BC"),
      ("294276-12-31 23:59:59.999999+00", "294276-12-31T23:59:59.999999Z"),
      ("29.11.2026 22:58:24.087 UTC", "2026-11-29T22:58:24.087000Z"),
      ("11/29/2026 22:58:24 UTC", "2026-11-29T22:58:24Z"),
      ("Sun Nov 29 22:58:24.087 2026 UTC", "2026-11-29T22:58:24.087000Z"),
      ("01/02/2026 00:00:00 UTC", "null"),
    ]
    let tables = times.enumerated().map { number, time in
      #"{"schema":"s","name":"t\#(number)","live_tuples":\#(number),"last_vacuum":"\#(time.0)"}"#
    }
    let metric =
      #"{"type":"pg_stats","database":"d","timestamp":"\#(TestCollector.now(secondsAgo: 60))","tables":["#
      + tables.joined(separator: ",") + "]}"
    let answer = try await reader.collector.push(reader.collector.push(of: [metric]))
    #expect(answer.json["rows_inserted"]?.integer == Int64(times.count), "\(answer)")
    #expect(answer.json["values_null"]?.integer == 1)
    for (number, (_, shown)) in times.enumerated() {
      let query = "metric_type=pg_stats_tables&columns=last_vacuum&object=s.t\(number)"
      let json = shown == "null" ? "null" : "\"\(shown)\""
      #expect(try await reader.metrics(query).text.contains(#""last_vacuum":\#(json)}"#))
      #expect(
        try await reader.metrics(query, accept: "application/x-ndjson").text.contains(#""last_vacuum":\#(json)}"#))
      #expect(
        try await reader.metrics(query, accept: "text/csv").text.hasSuffix(",\(shown == "null" ? "" : shown)\r\n"))
    }
  }

  @Test(arguments: TestCluster.storageKinds)
  func `undeclared metrics and fields can be queried`(_ kind: StorageKind) async throws {
    let reader = try await MetricsReadTests.Reader(kind)
    let now = TestCollector.now(secondsAgo: 60)
    let metrics = [
      #"{"type":"weather","timestamp":"\#(now)","sky":["blue",{"a":1}]}"#, #"{"type":"tides","timestamp":"\#(now)"}"#,
      #"{"type":"disk_usage","timestamp":"\#(now)","filesystems":[{"device":"d","mount":"","inodes":{"free":7}}]}"#,
    ]
    #expect(try await reader.collector.push(reader.collector.push(of: metrics)).status == 200)
    let unknown = try await reader.metrics("metric_type=unknown_metrics&object=weather")
    #expect(unknown.json["count"]?.integer == 1, "\(unknown)")
    #expect(unknown.json["data"]?[0]?["payload"]?["sky"]?[0]?.text == "blue")
    #expect(unknown.json["data"]?[0]?["metric_type"]?.text == "weather")
    #expect(try await reader.metrics("metric_type=unknown_metrics").json["count"]?.integer == 2)
    let extra = try await reader.metrics("metric_type=disk_usage&columns=extra")
    #expect(extra.json["data"]?[0]?["extra"]?["inodes"]?["free"]?.integer == 7, "\(extra)")
    let csv = try await reader.metrics("metric_type=disk_usage&columns=extra", accept: "text/csv").text
    #expect(csv.hasSuffix(#","{""inodes"": {""free"": 7}}"# + "\"\r\n"), "\(csv)")
  }

  @Test func `answers are gzip on request, whole or streamed`() async throws {
    let reader = try await MetricsReadTests.Reader(.plain)
    let disks = (0..<4000).map { #"{"device":"/dev/\#($0)","mount":"","used_gb":\#($0)}"# }.joined(separator: ",")
    let metric =
      #"{"type":"disk_usage","timestamp":"\#(TestCollector.now(secondsAgo: 60))","filesystems":[\#(disks)]}"#
    #expect(try await reader.collector.push(reader.collector.push(of: [metric])).status == 200)
    let path = "/api/v1/servers/\(reader.collector.serverID)/metrics?metric_type=disk_usage"
    for (accept, limit) in [
      ("application/json", "&limit=5"), ("text/csv", "&limit=4000"), ("application/x-ndjson", ""),
    ] {
      let plain = try await reader.client.request("GET", path + limit, [reader.user, ("Accept", accept)])
      let packed = try await reader.client.request(
        "GET", path + limit, [reader.user, ("Accept", accept), ("Accept-Encoding", "br, gzip;q=0.5")])
      #expect(plain.status == 200 && plain.field("content-encoding") == nil)
      #expect(packed.field("content-encoding") == "gzip" && packed.field("vary") == "Accept, Accept-Encoding")
      var inflater = GzipInflater()
      var body = ByteBuffer()
      var rest = packed.body[...]
      while true {
        let progress = try inflater.inflate(Array(rest).span, into: &body, atMost: 1 << 20)
        rest = rest.dropFirst(progress.consumed)
        if progress.state != .outputFull { break }
      }
      try inflater.finish()
      if accept != "application/json" {
        #expect(body.withUnsafeBytes { Array($0) } == plain.body)
        #expect(packed.body.count < plain.body.count / 3)
      }
    }
  }
}
