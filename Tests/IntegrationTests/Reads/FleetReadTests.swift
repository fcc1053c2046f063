import Protocol
import Testing

@testable import App

/// The fleet's servers with their states, figures and findings.
@Suite struct FleetReadTests {
  @Test func `servers are sorted by every figure, filtered by label, state and words, and counted by state`()
    async throws
  {
    // No evaluation changes the states that the test writes.
    let server = try await RunningServer.start(.plain) { $0.findingInterval = .seconds(3600) }
    let reader = try await MetricsReadTests.Reader(.plain, server)
    let states = ["ok", "warning", "critical", "silent", nil, "critical"]
    var ids = [Int32(reader.collector.serverID)]
    for _ in 1..<states.count { ids.append(Int32(try await server.enrol().serverID)) }
    for (index, (id, state)) in zip(ids, states).enumerated() {
      try await server.database.script(
        "UPDATE pganalytics.servers SET name = 'host-\(index)', hostname = 'H\(index).example.com' WHERE id = \(id)")
      try await server.database.script("INSERT INTO pganalytics.labels VALUES (\(id), 'env', 'e\(index % 2)')")
      // A server without a row has not been evaluated.
      guard let state else {
        try await server.database.script("DELETE FROM pganalytics.server_states WHERE server_id = \(id)")
        continue
      }
      try await server.database.script(
        """
        INSERT INTO pganalytics.server_states (server_id, state, connections, transactions_per_second, cache_hit, disk_used_percent, xid_age)
        VALUES (\(id), '\(state)', \(index * 10), \(100 - index), 99.5, NULL, 9223372036854775807)
        ON CONFLICT (server_id) DO UPDATE SET state = excluded.state, connections = excluded.connections,
          transactions_per_second = excluded.transactions_per_second, cache_hit = excluded.cache_hit, xid_age = excluded.xid_age
        """)
    }
    // Twelve open findings of one server, of which ten are shown, and one that has ended.
    for number in 0..<13 {
      try await server.database.script(
        """
        INSERT INTO pganalytics.findings (check_name, server_id, subject, severity, message, opened_at, last_seen_at, ended_at, end_reason)
        VALUES ('check', \(ids[2]), 's\(number)', '\(number == 7 ? "critical" : "warning")', 'm', now() - interval '\(20 - number) min', now(),
          \(number == 12 ? "now(), 'recovered'" : "NULL, NULL"))
        """)
    }
    func fleet(_ query: String = "") async throws -> JSONValue {
      let answer = try await reader.get("/api/v1/fleet?page_size=50\(query)")
      try #require(answer.status == 200, "\(answer)")
      return answer.json
    }
    func shown(_ answer: JSONValue) -> [Int?] {
      (answer["data"]?.elements ?? []).map { row in ids.firstIndex { Int64($0) == row["server_id"]?.integer } }
    }
    let all = try await fleet()
    #expect(shown(all) == [2, 5, 3, 1, 4, 0], "\(all)")
    #expect(all["total"]?.integer == 6)
    #expect(
      (all["counts"]?.elements ?? []).map { "\($0["state"]?.text ?? "-") \($0["servers"]?.integer ?? 0)" }
        == ["critical 2", "silent 1", "warning 1", "- 1", "ok 1"])
    let first = try #require(all["data"]?.elements.first)
    let why = first["why"]?.elements ?? []
    #expect(first["findings"]?.integer == 12 && first["critical_findings"]?.integer == 1 && why.count == 10)
    #expect(why.prefix(3).map { $0["subject"]?.text } == ["s7", "s0", "s1"], "the worst, then the oldest: \(why)")
    #expect(first["xid_age"]?.integer == .max && first["disk_used_percent"] == .null)
    #expect(first["labels"]?["env"]?.text == "e0" && first["collector_id"]?.text != nil)
    #expect(all["data"]?.elements.last?["why"]?.elements.isEmpty == true)

    // Servers without the figure come last in both directions.
    #expect(shown(try await fleet("&sort=-connections")) == [5, 3, 2, 1, 0, 4])
    #expect(shown(try await fleet("&sort=transactions_per_second")) == [5, 3, 2, 1, 0, 4])
    #expect(shown(try await fleet("&sort=-name")) == [5, 4, 3, 2, 1, 0])
    for order in FleetRead.read.data.orders {
      #expect(shown(try await fleet("&sort=\(order)")).count == 6, "\(order)")
    }

    #expect(shown(try await fleet("&label=env%3De1")) == [5, 3, 1])
    #expect(shown(try await fleet("&server=\(ids[0])&server=\(ids[2])")) == [2, 0])
    #expect(shown(try await fleet("&q=h3.EXAMPLE")) == [3])
    let critical = try await fleet("&state=critical&label=env%3De0")
    #expect(shown(critical) == [2])
    #expect(critical["counts"]?.elements.count == 3, "the counts are of all states: \(critical)")
    let page = try await reader.get("/api/v1/fleet?page=2&page_size=4")
    #expect(shown(page.json) == [4, 0] && page.json["total"]?.integer == 6, "\(page)")
    await server.stop()
  }

  @Test func `the load of many servers comes in one answer, a number for each piece of the range`() async throws {
    let server = try await RunningServer.start(.plain)
    let reader = try await MetricsReadTests.Reader(.plain, server)
    let (first, silent) = (reader.collector.serverID, try await server.enrol().serverID)
    // Two rows in the first piece, one in the last, and one that is not in the range.
    for (minutes, load) in [(0, 1.0), (4, 3.0), (59, 0.5), (60, 9.0)] {
      try await server.database.script(
        """
        INSERT INTO metrics.sysstat (time, server_id, cpu_load_1m)
        SELECT date_trunc('hour', now()) - interval '1 hour' + interval '\(minutes) min', \(first), \(load)
        """)
    }
    let hour = Timestamp(
      unixSeconds: try await server.integer("SELECT extract(epoch FROM date_trunc('hour', now()))::int8")
    ).rfc3339
    let path = "/api/v1/fleet/load?end_time=\(hour)&start_time=1h"
    let answer = try await reader.get("\(path)&server=\(first)&server=\(silent)&page_size=100")
    try #require(answer.status == 200, "\(answer)")
    let rows = answer.json["data"]?.elements ?? []
    #expect(rows.map { $0["server_id"]?.integer } == [Int64(first), Int64(silent)])
    let none = Array(repeating: JSONValue.null, count: 10)
    #expect(rows.first?["load_1m"]?.elements == [.integer(2)] + none + [.double(0.5)], "\(rows)")
    #expect(rows.last?["load_1m"]?.elements == none + [.null, .null], "\(rows)")
    #expect(try await reader.get("\(path)&server=\(silent)").json["total"]?.integer == 1)
    await server.stop()
  }
}
