import Ground
import Protocol
import Testing

@testable import App

/// Findings from a push to the API, over TLS.
@Suite struct FindingTests {
  private static func disk(_ percent: Double, _ device: String = "/dev/a") -> String {
    #"{"filesystems":[{"device":"\#(device)","free_gb":2,"mount":"/","percent_used":\#(percent),"total_gb":50,"#
      + #""used_gb":48}],"timestamp":"\#(TestCollector.now())","type":"disk_usage"}"#
  }

  private func findings(_ user: TestUser, _ query: String = "") async throws -> [JSONValue] {
    let answer = try await user.request("GET", "/api/v1/findings?page_size=100" + query)
    try #require(answer.status == 200, "\(answer)")
    return answer.json["data"]?.elements ?? []
  }

  /// A server that evaluates often, with an open finding of a full disk.
  private func start() async throws -> (RunningServer, TestCollector, TestUser, JSONValue) {
    let server = try await RunningServer.start {
      $0.findingInterval = .milliseconds(200)
      $0.loginsPerAccountMinute = 100_000
    }
    let collector = try await server.enrol()
    let user = try await server.person(.operator)
    #expect(try await collector.push(collector.push(of: [Self.disk(97)])).status == 200)
    var found: [JSONValue] = []
    try await server.eventually("no finding opens") {
      found = try await findings(user)
      return !found.isEmpty
    }
    return (server, collector, user, try #require(found.first))
  }

  @Test func `a push opens a finding, and a later push ends it`() async throws {
    let (server, collector, user, finding) = try await start()
    #expect(finding["check"]?.text == "disk_full")
    #expect(finding["server_id"]?.integer == collector.serverID)
    #expect(finding["subject"]?.text == "/dev/a./")
    #expect(finding["severity"]?.text == "critical")
    #expect(finding["value"]?.number == 97)
    #expect(finding["state"]?.text == "open")
    #expect(finding["look_at"]?.text == "/api/v1/servers/\(collector.serverID)/space")
    #expect(try await findings(user).count == 1)
    let id = try #require(finding["id"]?.integer)
    // The state of the server and the figures of the overview.
    try await server.eventually("the figures are not kept") {
      try await server.integer(
        "SELECT count(*) FROM pganalytics.server_states WHERE state = 'critical' AND disk_used_percent = 97") == 1
    }
    try await server.eventually("/metrics does not count it") {
      try await server.counts("pganalytics_findings_open{severity=\"critical\"} 1")
    }
    try await server.eventually("the finding does not end") {
      _ = try await collector.push(collector.push(of: [Self.disk(50)]))
      return try await findings(user).isEmpty
    }
    let ended = try await user.request("GET", "/api/v1/findings/\(id)")
    #expect(ended.json["state"]?.text == "ended")
    #expect(ended.json["end_reason"]?.text == "recovered")
    #expect(try await findings(user, "&state=ended").count == 1)
    #expect(try await findings(user, "&state=all").count == 1)
    let kinds = Statement<SingleValue<String>>("test_kinds", "SELECT kind FROM pganalytics.finding_events ORDER BY id")
    #expect(try await server.database.rows(kinds).map(\.value) == ["opened", "ended"])
    let late = try await user.request("POST", "/api/v1/findings/\(id)/acknowledge")
    #expect(late.status == 409)
    #expect(try await user.request("GET", "/api/v1/findings/999999").status == 404)
    await server.stop()
  }

  @Test func `the list of findings is filtered by every parameter`() async throws {
    let (server, collector, user, _) = try await start()
    try await server.database.script(
      "INSERT INTO pganalytics.labels (server_id, name, value) VALUES (\(collector.serverID), 'env', 'test')")
    for (query, count) in [
      ("&server=\(collector.serverID)", 1), ("&server=999", 0), ("&label=env=test", 1), ("&label=env=other", 0),
      ("&check=disk_full", 1), ("&check=xid_age", 0), ("&severity=critical", 1), ("&severity=warning", 0),
      ("&acknowledged=false", 1), ("&acknowledged=true", 0), ("&silenced=false", 1), ("&silenced=true", 0),
      ("&q=FULL", 1), ("&q=nothing", 0), ("&state=open", 1), ("&state=ended", 0), ("&sort=-value", 1),
      ("&sort=server", 1),
    ] {
      #expect(try await findings(user, query).count == count, "\(query)")
    }
    #expect(try await user.request("GET", "/api/v1/findings?state=closed").status == 400)
    await server.stop()
  }

  @Test func `an operator acknowledges a finding, and takes it back; a viewer may not`() async throws {
    let (server, _, user, finding) = try await start()
    let path = "/api/v1/findings/\(finding["id"]?.integer ?? 0)/acknowledge"
    let viewer = try await server.person(.viewer)
    #expect(try await viewer.request("POST", path, ["note": "mine"]).error == "insufficient_role")
    let answer = try await user.request("POST", path, ["note": "the volume grows"])
    #expect(answer.status == 200, "\(answer)")
    #expect(answer.json["acknowledged_by"]?.text == user.name)
    #expect(answer.json["acknowledge_note"]?.text == "the volume grows")
    #expect(answer.json["acknowledged_at"]?.text != nil)
    #expect(try await findings(user, "&acknowledged=true").count == 1)
    #expect(try await user.request("POST", path).json["acknowledge_note"] == .null, "a body is not required")
    #expect(try await viewer.request("DELETE", path).error == "insufficient_role")
    #expect(try await user.request("DELETE", path).json["acknowledged_by"] == .null)
    #expect(try await user.request("POST", "/api/v1/findings/999999/acknowledge").status == 404)
    let actions = Statement<SingleValue<String>>(
      "test_actions", "SELECT action FROM pganalytics.audit WHERE action LIKE 'finding.%' ORDER BY id")
    #expect(
      try await server.database.rows(actions).map(\.value)
        == ["finding.acknowledge", "finding.acknowledge", "finding.end_acknowledgement"])
    await server.stop()
  }

  @Test func `a silence matches by check, server, subject and labels, until it is ended`() async throws {
    let (server, collector, user, finding) = try await start()
    try await server.database.script(
      "INSERT INTO pganalytics.labels (server_id, name, value) VALUES (\(collector.serverID), 'env', 'test')")
    let viewer = try await server.person(.viewer)
    let path = "/api/v1/silences"
    let refused = try await viewer.request("POST", path, ["duration": "1h", "reason": "x"])
    #expect(refused.error == "insufficient_role")
    let subject = JSONValue.string(finding["subject"]?.text ?? "")
    for (conditions, matches) in [
      ([("check", "disk_full")], true), ([("check", "xid_age")], false),
      ([("server_id", .integer(collector.serverID))], true), ([("server_id", 999)], false),
      ([("subject", subject)], true), ([("subject", "/dev/z")], false), ([("labels", ["env": "test"])], true),
      ([("labels", ["env": "other"])], false), ([("labels", ["env": "test", "os": "x"])], false),
      ([("check", "disk_full"), ("subject", subject), ("labels", ["env": "test"])], true),
      ([("check", "disk_full"), ("labels", ["env": "other"])], false), ([], true),
    ] as [([(String, JSONValue)], Bool)] {
      var body = JSONObject()
      for (name, value) in conditions { body[name] = value }
      body["duration"] = "1h"
      body["reason"] = "maintenance"
      let added = try await user.request("POST", path, .object(body))
      try #require(added.status == 201, "\(added)")
      #expect(added.json["is_active"]?.flag == true && added.json["created_by"]?.text == user.name)
      #expect(try await findings(user, "&silenced=\(matches)").count == 1, "\(conditions)")
      #expect(try await findings(user).first?["is_silenced"]?.flag == matches, "\(conditions)")
      let id = try #require(added.json["id"]?.integer)
      #expect(try await viewer.request("DELETE", "\(path)/\(id)").error == "insufficient_role")
      #expect(try await user.request("DELETE", "\(path)/\(id)").status == 204)
      #expect(try await user.request("DELETE", "\(path)/\(id)").status == 204)
      #expect(try await findings(user, "&silenced=false").count == 1, "\(conditions)")
    }
    #expect(try await user.request("GET", path).json["total"]?.integer == 0)
    #expect(try await user.request("GET", path + "?state=ended").json["total"]?.integer == 12)
    for wrong in [
      ["reason": "x"], ["duration": "1h"], ["duration": "1h", "until": "2030-01-01T00:00:00Z", "reason": "x"],
      ["until": "2020-01-01T00:00:00Z", "reason": "x"], ["check": "no_check", "duration": "1h", "reason": "x"],
    ] as [JSONValue] {
      #expect(try await user.request("POST", path, wrong).status == 422, "\(wrong)")
    }
    #expect(try await user.request("DELETE", path + "/999999").status == 404)
    await server.stop()
  }

  @Test func `one request silences many servers, each with a silence of its own`() async throws {
    let (server, collector, user, _) = try await start()
    let viewer = try await server.person(.viewer)
    let other = try await server.enrol()
    let path = "/api/v1/silences"
    let ids: JSONValue = [.integer(collector.serverID), .integer(other.serverID), 999_999]
    let body: JSONValue = ["server_ids": ids, "check": "disk_full", "duration": "1h", "reason": "maintenance"]
    #expect(try await viewer.request("POST", path + "/servers", body).error == "insufficient_role")
    let answer = try await user.request("POST", path + "/servers", body)
    #expect(answer.json["changed"]?.integer == 2, "the third server does not exist: \(answer)")
    let added = try await user.request("GET", path + "?sort=until").json["data"]?.elements ?? []
    #expect(Set(added.map { $0["server_id"]?.integer }) == [Int64(collector.serverID), Int64(other.serverID)])
    #expect(added.allSatisfy { $0["check"]?.text == "disk_full" && $0["created_by"]?.text == user.name })
    #expect(try await findings(user, "&silenced=true").count == 1)
    #expect(
      try await server.integer(
        "SELECT count(*) FROM pganalytics.audit WHERE action = 'silence.add_many' AND details ->> 'changed' = '2'") == 1
    )
    for wrong in [
      ["server_ids": [], "duration": "1h", "reason": "x"], ["server_ids": [0], "duration": "1h", "reason": "x"],
      ["server_ids": [1], "reason": "x"], ["server_ids": [1], "duration": "400d", "reason": "x"],
    ] as [JSONValue] {
      #expect(try await user.request("POST", path + "/servers", wrong).status == 422, "\(wrong)")
    }
    await server.stop()
  }

  @Test func `a check is switched off and gets other thresholds, which the next evaluation uses`() async throws {
    let (server, collector, user, _) = try await start()
    let viewer = try await server.person(.viewer)
    let all = try await viewer.request("GET", "/api/v1/checks")
    #expect(all.json["data"]?.elements.count == Checks.all.count)
    func check(_ name: String) async throws -> JSONValue {
      let list = try await viewer.request("GET", "/api/v1/checks").json["data"]?.elements ?? []
      return try #require(list.first { $0["name"]?.text == name })
    }
    let full = try await check("disk_full")
    #expect(full["is_on"]?.flag == true && full["open_findings"]?.integer == 1)
    #expect(full["evaluated_at"]?.text != nil && full["failure"] == .null)
    #expect(full["thresholds"]?[0]?["value"]?.number == 95 && full["thresholds"]?[0]?["default"]?.number == 95)
    #expect(try await check("xid_age")["servers_without_data"]?.integer == 1)
    let path = "/api/v1/checks/disk_full"
    #expect(try await viewer.request("PATCH", path, ["is_on": false]).error == "insufficient_role")
    for wrong in [["thresholds": ["percent": 101]], ["thresholds": ["speed": 1]], ["thresholds": ["percent": "x"]]]
      as [JSONValue]
    {
      #expect(try await user.request("PATCH", path, wrong).status == 422, "\(wrong)")
    }
    #expect(try await user.request("PATCH", "/api/v1/checks/none", ["is_on": false]).status == 404)
    let higher = try await user.request("PATCH", path, ["thresholds": ["percent": 99, "percent_end": 98]])
    #expect(higher.json["thresholds"]?[0]?["value"]?.number == 99, "\(higher)")
    // The next push is evaluated with the new thresholds.
    #expect(try await collector.push(collector.push(of: [Self.disk(97.5)])).status == 200)
    try await server.eventually("the finding does not end") { try await findings(user).isEmpty }
    let standard = try await user.request("PATCH", path, ["thresholds": ["percent": nil, "percent_end": nil]])
    #expect(standard.json["thresholds"]?[0]?["value"]?.number == 95)
    #expect(try await collector.push(collector.push(of: [Self.disk(98)])).status == 200)
    try await server.eventually("no finding opens") { try await findings(user).count == 1 }
    #expect(try await user.request("PATCH", path, ["is_on": false]).json["is_on"]?.flag == false)
    try await server.eventually("the finding does not end") { try await findings(user).isEmpty }
    #expect(try await findings(user, "&state=ended").first?["end_reason"]?.text == "check_off")
    await server.stop()
  }

  @Test func `a backtest says what other thresholds would have found`() async throws {
    let (server, collector, user, _) = try await start()
    let path = "/api/v1/checks/disk_full/backtest"
    let viewer = try await server.person(.viewer)
    let found = try await viewer.request("POST", path, ["start_time": "10m", "step": "1m"])
    #expect(found.status == 200, "\(found)")
    #expect(found.json["evaluations"]?.integer == 11 && found.json["servers"]?.integer == 1)
    // The last of the times is that of the request, when the row is there.
    #expect(found.json["opened"]?.integer == 1 && found.json["findings"]?[0]?["value"]?.number == 97)
    #expect(found.json["findings"]?[0]?["ended_at"] == .null)
    let other = try await viewer.request(
      "POST", path, ["start_time": "10m", "step": "1m", "thresholds": ["percent": 98]])
    #expect(other.json["opened"]?.integer == 0, "\(other)")
    let elsewhere = try await viewer.request("POST", path, ["start_time": "10m", "servers": [999]])
    #expect(elsewhere.json["servers"]?.integer == 0 && elsewhere.json["opened"]?.integer == 0)
    #expect(
      try await viewer.request("POST", path, ["start_time": "10m", "labels": ["env=x"]]).json["servers"]?.integer == 0)
    for wrong in [
      [:], ["start_time": "10m", "step": "59s"], ["start_time": "366d", "step": "1m"],
      ["start_time": "2030-01-01T00:00:00Z"], ["start_time": "1h", "thresholds": ["speed": 1]],
    ] as [JSONValue] {
      #expect(try await viewer.request("POST", path, wrong).status == 422, "\(wrong)")
    }
    #expect(try await viewer.request("POST", "/api/v1/checks/none/backtest", ["start_time": "1h"]).status == 404)
    // Nothing is changed by it.
    #expect(try await findings(user, "&state=all").count == 1)
    _ = collector
    await server.stop()
  }
}
