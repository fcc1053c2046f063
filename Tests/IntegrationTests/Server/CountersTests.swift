import Protocol
import Testing

@testable import App

/// The figures of the server have to add up.
@Suite struct CountersTests {
  /// The samples of /metrics by name and labels.
  private func counters(_ server: RunningServer) async throws -> [String: Double] {
    let page = try await server.client().request("GET", "/metrics")
    #expect(page.status == 200)
    #expect(page.field("content-type")?.hasPrefix("text/plain; version=0.0.4") == true)
    var samples: [String: Double] = [:]
    for line in page.text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      samples[String(parts[0])] = Double(parts[1])
    }
    return samples
  }

  /// Whether received = stored + duplicate + parked + refused + abandoned, once no push is in work.
  private func isBalanced(_ samples: [String: Double]) -> Bool {
    let outcomes = ["stored", "duplicate", "parked", "abandoned"].reduce(0) { sum, outcome in
      sum + (samples["pganalytics_pushes_\(outcome)_total"] ?? 0)
    }
    let refused = samples.filter { $0.key.hasPrefix("pganalytics_pushes_refused_total{") }.values.reduce(0, +)
    return samples["pganalytics_pushes_received_total"] == outcomes + refused
  }

  @Test func `every push has one outcome, whatever happens to it and its connection`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    let client = try await collector.client()
    let push = collector.generatedPush()
    #expect(try await collector.push(push, over: client).status == 200)
    #expect(try await collector.push(push, over: client).json["duplicate"]?.flag == true)
    let path = TestCollector.pushTarget
    let fields = [collector.authorization, ("Content-Type", "application/json")]
    let broken = try await client.request("POST", path, fields, body: Array("{\"collector_id\": nope".utf8))
    #expect(broken.status == 400)
    // Framing that breaks in the middle of a body, and a client that leaves in the middle of a body: both must release
    // their memory.
    let chunks = try await collector.client()
    try await chunks.send(
      "POST \(path) HTTP/1.1\r\nHost: a\r\n\(collector.authorization.0): \(collector.authorization.1)\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\nnot a size\r\n")
    #expect(try await chunks.answer().status == 400)
    do {
      let gone = try await collector.client()
      try await gone.send(
        "POST \(path) HTTP/1.1\r\nHost: a\r\n\(collector.authorization.0): \(collector.authorization.1)\r\n"
          + "Content-Length: 1000\r\n\r\n{\"a\":")
    }
    #expect(try await server.client().request("POST", path, body: [1]).status == 401)
    let foreign = collector.push(of: [TestCollector.disk("a", used: 1)], collectorID: "\(UUID.random())")
    #expect(try await collector.push(foreign).status == 403)

    try await server.eventually("the push that was cut off is not counted") {
      try await counters(server)["pganalytics_pushes_abandoned_total"] == 1
    }
    let samples = try await counters(server)
    #expect(isBalanced(samples), "\(samples.filter { $0.key.contains("pushes") })")
    #expect(samples["pganalytics_pushes_received_total"] == 7)
    #expect(samples["pganalytics_pushes_stored_total"] == 1)
    #expect(samples["pganalytics_pushes_duplicate_total"] == 1)
    for (reason, count) in [
      ("invalid_json", 1.0), ("malformed_request", 1), ("unauthenticated", 1), ("identity_mismatch", 1),
    ] {
      #expect(samples["pganalytics_pushes_refused_total{reason=\"\(reason)\"}"] == count, "\(reason)")
    }
    #expect(samples["pganalytics_held_bytes"] == 0)
    for budget in ["bytes_in_flight", "collector_bytes_in_flight", "admin_bytes_in_flight"] {
      #expect(samples["pganalytics_budget_held_bytes{budget=\"\(budget)\"}"] == 0)
      #expect(samples["pganalytics_budget_limit_bytes{budget=\"\(budget)\"}"] ?? 0 > 0)
    }
    for sizes in ["pushes", "rows", "bytes"] {
      #expect(samples["pganalytics_batch_\(sizes)_count"] == samples["pganalytics_batches_total"], "\(sizes)")
    }
    #expect(
      samples["pganalytics_batch_pushes_sum"] == 3, "the repeat is in two batches, in the second for a careful check")
    #expect(samples["pganalytics_handshake_seconds_count"] == samples["pganalytics_tls_handshakes_total"])
    let stored = try await server.integer("SELECT count(*) FROM pganalytics.pushes")
    #expect(stored == 1)
    let rows = try await server.integer("SELECT count(*) FROM metrics.pg_stats_tables")
    #expect(samples["pganalytics_rows_stored_total{table=\"pg_stats_tables\"}"] == Double(rows))
    for stage in ["receive", "inflate", "parse", "queue", "copy", "commit", "total"] {
      #expect(samples["pganalytics_push_seconds_count{stage=\"\(stage)\"}"] ?? 0 > 0, "\(stage)")
      #expect(samples["pganalytics_push_seconds_sum{stage=\"\(stage)\"}"] ?? -1 >= 0, "\(stage)")
    }
    await server.stop()
  }

  @Test func `rejects are counted by reason, and a writer reports that it waits for the ledger`() async throws {
    let server = try await RunningServer.start { $0.lockTimeout = .seconds(3600) }
    let collector = try await server.enrol()
    let old = TestCollector.disk("b", used: 1, time: TestCollector.now(secondsAgo: 40 * 86_400))
    let broken =
      #"{"type":"disk_usage","timestamp":"\#(TestCollector.now())","filesystems":[{"device":"d"},{"device":"e\u0000","mount":"","#
      + #""used_gb":"x"}]}"#
    let push = collector.push(of: [TestCollector.disk("a", used: 1), old, old, "7", broken])
    #expect(try await collector.push(push).json["rejected_count"]?.integer == 3)
    let samples = try await counters(server)
    #expect(samples["pganalytics_metrics_rejected_total{code=\"too_old\"}"] == 2)
    #expect(samples["pganalytics_metrics_rejected_total{code=\"not_an_object\"}"] == 1)
    #expect(samples["pganalytics_metrics_rejected_total{code=\"bad_utf8\"}"] == 0)
    #expect(samples["pganalytics_rows_rejected_total{code=\"missing_field\"}"] == 1)
    #expect(samples["pganalytics_values_mended_total{code=\"nul_character\"}"] == 1)
    #expect(samples["pganalytics_values_null_total{code=\"wrong_type\"}"] == 1)
    #expect(samples["pganalytics_collectors{status=\"offline\"}"] == 0)
    try await server.database.lease { session throws(DatabaseError) in
      try await session.script("BEGIN; LOCK TABLE pganalytics.push_ledger")
      let push = Task { try await collector.push(collector.push(of: [TestCollector.disk("c", used: 1)])) }
      do {
        try await server.eventually("no writer waits for the ledger") {
          try await server.counts("pganalytics_writers{state=\"ledger\"} 1")
        }
      } catch { Issue.record(error) }
      try await session.script("ROLLBACK")
      do { #expect(try await push.value.status == 200) } catch { Issue.record(error) }
    }
    await server.stop()
  }

  @Test func `with a metrics token set, only a request with the token may read`() async throws {
    let client = try await RunningServer.start { $0.metricsToken = "scrape" }.client()
    #expect(try await client.request("GET", "/metrics").status == 401)
    #expect(try await client.request("GET", "/metrics", [("Authorization", "Bearer scrap")]).status == 401)
    #expect(try await client.request("GET", "/metrics", [("Authorization", "Bearer scrape")]).status == 200)
  }
}
