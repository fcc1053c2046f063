import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// SIGHUP: live settings count at once, also on open connections.
@Suite struct SettingsReloadTests {
  private static let json = ("Content-Type", "application/json")

  @Test func `limits of requests and pushes reach open connections`() async throws {
    let server = try await RunningServer.start { $0.bodyBytes = 1024 }
    let collector = try await server.enrol()
    let client = try await collector.client()
    let push = collector.push(of: [TestCollector.disk("a" + String(repeating: "b", count: 1024), used: 1)])
    #expect(try await collector.push(push).status == 413)
    // The raised limit is the same for the head, the lane and the declaration of the endpoint.
    try await server.reload("body_bytes = \"4KiB\"")
    try #require(try await collector.push(push, over: client).status == 200)

    let long = ("X-Long", String(repeating: "x", count: 2000))
    try #require(try await client.request("GET", "/api/v1/health/live", [long]).status == 200)
    try await server.reload("head_bytes = \"1KiB\"")
    #expect(try await client.request("GET", "/api/v1/health/live", [long]).status == 431)

    let deep = collector.push(of: [String(repeating: "[", count: 9) + String(repeating: "]", count: 9)])
    try await server.reload("")
    #expect(try await collector.push(deep).status == 200)
    try await server.reload("json_depth = 8")
    #expect(try await collector.push(deep + [10]).status == 400)

    let old = collector.push(of: [TestCollector.disk("a", used: 1, time: TestCollector.now(secondsAgo: 2 * 86_400))])
    try await server.reload("retention = \"1d\"")
    #expect(try await collector.push(old).json["rejected_count"]?.integer == 1)

    try await server.reload("admin_body_bytes = \"1KiB\"")
    let body = Array(repeating: UInt8(ascii: " "), count: 2000)
    #expect(try await server.client().request("POST", "/api/v1/auth/login", [Self.json], body: body).status == 413)

    try await server.reload("pushes_per_minute = 1")
    // Over one connection, because each loop has an allowance of its own.
    let last = try await collector.client()
    _ = try await collector.push(collector.push(of: [TestCollector.disk("b", used: 1)]), over: last)
    let refused = try await collector.push(collector.push(of: [TestCollector.disk("c", used: 1)]), over: last)
    #expect(refused.status == 429, "\(refused)")
    await server.stop()
  }

  @Test func `time limits reach the sessions of writers and endpoints`() async throws {
    let server = try await RunningServer.start {
      $0.lockTimeout = .seconds(3600)
      $0.queryTimeout = .seconds(3600)
    }
    let collector = try await server.enrol()
    let admin = try await server.user(.admin)
    let client = try await server.client()
    try await server.reload("lock_timeout = \"100ms\"\nquery_timeout = \"100ms\"")
    // The push shows that its writer has the new settings. A session cannot be set up while the ledger is locked.
    #expect(try await collector.push(collector.push(of: [TestCollector.disk("b", used: 1)])).status == 200)
    try await server.database.lease { session throws(DatabaseError) in
      // because both would wait for their old limits, which are longer than the test's patience.
      try await session.script("BEGIN; LOCK TABLE pganalytics.push_ledger")
      let push = Task { try await collector.push(collector.push(of: [TestCollector.disk("a", used: 1)])) }
      do {
        try await server.eventually("the writer waits longer than lock_timeout") {
          await server.server.lanes.snapshot()?.counters.batchFailures ?? 0 > 0
        }
      } catch {
        Issue.record(error)
      }
      try await session.script("ROLLBACK")
      do { #expect(try await push.value.status == 200) } catch { Issue.record(error) }
      // This lock comes later, because a push of a collector that is not known yet queries this table, too.
      try await session.script("BEGIN; LOCK TABLE pganalytics.collectors")
      do {
        let answer = try await client.request("GET", "/api/v1/collectors", [admin])
        #expect(answer.status == 503 && answer.error == "overloaded", "\(answer)")
      } catch {
        Issue.record(error)
      }
      try await session.script("ROLLBACK")
    }
    await server.stop()
  }

  @Test func `settings of endpoints and the log level follow a reload`() async throws {
    let server = try await RunningServer.start()
    try await Accounts.add(
      "ada", password: RunningServer.password, role: .admin, email: nil, fullName: nil, to: server.database)
    try await server.reload(
      """
      access_token_life = "77s"
      metrics_token = "scrape"
      logins_per_account_minute = 1
      log_level = "error"
      query_rows = 3
      loops = 5
      """)
    #expect(try await server.client().request("GET", "/metrics").status == 401)
    #expect(server.log.level == "error")
    let answer = try await server.login("ada", RunningServer.password)
    #expect(answer.json["expires_in"]?.integer == 77)
    #expect(try await server.login("ada", RunningServer.password).status == 429)
    let token = try #require(answer.json["access_token"]?.text)
    let rows = try await server.client().request(
      "GET", "/api/v1/servers/1/metrics?type=disk_usage&limit=4", [("Authorization", "Bearer \(token)")])
    #expect(rows.status == 400, "\(rows)")

    let page = try await server.client().request("GET", "/metrics", [("Authorization", "Bearer scrape")]).text
    #expect(page.contains("\npganalytics_settings_reload_failing 0\n"))
    try await server.reload("metrics_token = \"other\"\nquery_rows = 0\nlog_level = \"loud\"")
    let after = try await server.client().request("GET", "/metrics", [("Authorization", "Bearer scrape")]).text
    #expect(after.contains("\npganalytics_settings_reload_failing 1\n"))
    #expect(after.contains("\npganalytics_settings_reload_failures_total 1\n"))
    await server.stop()
  }

  @Test func `list, filter and page of a collector use the same silence for offline`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    let admin = try await server.user(.admin)
    // Without a push, because a push is noted some seconds later and would make the collector active.
    try await server.database.script(
      "UPDATE pganalytics.collectors SET last_seen_at = now() - interval '10 minutes'")
    func states() async throws -> [String?] {
      func get(_ path: String) async throws -> JSONValue {
        try await server.client().request("GET", "/api/v1/collectors" + path, [admin]).json
      }
      let listed = try await get("")["data"]?.elements.first?["status"]?.text
      let filtered = try await get("?status=active")["total"]?.integer.map { "\($0) active" }
      return [listed, filtered, try await get("/\(collector.id)")["status"]?.text]
    }
    #expect(try await states() == ["offline", "0 active", "offline"])
    try await server.reload("offline_after = \"1h\"")
    #expect(try await states() == ["active", "1 active", "active"])
    try await server.reload("offline_after = \"9min\"")
    #expect(try await states() == ["offline", "0 active", "offline"])
    await server.stop()
  }

  @Test func `a process logs after SIGHUP what changed, what is wrong, and what needs a restart`() async throws {
    let server = try await RunningServer.start()
    try await ServedProcess.serve(beside: server, "log_level = \"info\"") { process in
      try process.reload("loops = 3\nbody_bytes = \"1MiB\"\nnonsense = 1\nhead_fields = 1")
      try await process.says("settings not reloaded")
      #expect(process.log.contains("served.toml:3: nonsense: there is no such setting; "))
      #expect(process.log.contains("served.toml:4: head_fields: 1 is not in 8...1000"))
      try process.reload("known_ids = 4096\nbody_bytes = \"1MiB\"")
      try await process.says("\"changed\":\"body_bytes\"")
      try await process.says("\"pending\":\"known_ids\"")
    }
    await server.stop()
  }

  @Test func `a sampled or refused push has a log line with its request id and without its token`() async throws {
    let server = try await RunningServer.start()
    let collector = try await server.enrol()
    let settings = "push_log_sample = 2\npush_log_refusals_per_second = 0"
    try await ServedProcess.serve(beside: server, settings) { process in
      let client = try await TestClient.connect(
        port: process.port(), trust: server.trust, identity: collector.identity)
      for id in ["first", "second"] {
        let push = collector.push(of: [TestCollector.disk(id, used: 1)])
        try #require(try await collector.push(push, [("X-Request-ID", id)], over: client).status == 200)
      }
      try await process.says("\"request_id\":\"second\"")
      #expect(process.log.contains("\"message\":\"push\"") && !process.log.contains("\"request_id\":\"first\""))
      // No refusal has a line. The log states their number by reason.
      let foreign = collector.push(of: [TestCollector.disk("a", used: 1)], collectorID: "\(UUID.random())")
      for _ in 0..<3 { #expect(try await collector.push(foreign, over: client).status == 403) }
      try await process.says("more like it")
      #expect(process.log.contains("\"reason\":\"identity_mismatch\""))
      #expect(!process.log.contains("\"message\":\"push refused\""))
      try process.reload("push_log_refusals_per_second = 1000")
      try await process.says("settings reloaded")
      // The first connection was idle for most of a minute, which is close to its deadline.
      let later = try await TestClient.connect(
        port: process.port(), trust: server.trust, identity: collector.identity)
      // The lane of the connection may learn of the setting a moment later.
      try await server.eventually("a refusal gets no line") {
        let answer = try await collector.push(foreign, [("X-Request-ID", "third")], over: later)
        #expect(answer.status == 403)
        return process.log.contains("\"request_id\":\"third\"")
      }
      #expect(!process.log.contains(collector.token))
      server.account.stored(elsewhere: 2)
    }
    await server.stop()
  }
}
