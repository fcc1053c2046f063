import Protocol
import Testing

@testable import App

/// API tokens that are restricted to monitored servers with some labels.
@Suite struct TokenScopeTests {
  /// A monitored server with a name, a push and a finding.
  private struct Host {
    let collector: TestCollector
    let name: String
    let finding: Int64
  }

  private static func host(_ server: RunningServer, _ label: String) async throws -> Host {
    let collector = try await server.enrol()
    try await server.database.script(
      "INSERT INTO pganalytics.labels (server_id, name, value) VALUES (\(collector.serverID), 'env', '\(label)')")
    try await server.database.script(
      """
      INSERT INTO pganalytics.findings (check_name, server_id, severity, message, opened_at, last_seen_at)
      VALUES ('made_up', \(collector.serverID), 'warning', 'at \(label)', now(), now())
      """)
    for ago in [120, 60] as [Int64] {
      #expect(try await collector.push(collector.generatedPush(seed: UInt64(ago), secondsAgo: ago)).status == 200)
    }
    let name = "named-\(label)-\(UUID.random())"
    for (table, id) in [("servers", "\(collector.serverID)"), ("collectors", "\(collector.id)")] {
      try await server.database.script("UPDATE pganalytics.\(table) SET name = '\(name)' WHERE id = '\(id)'")
    }
    let finding = try await server.integer(
      "SELECT id FROM pganalytics.findings WHERE check_name = 'made_up' AND server_id = \(collector.serverID)")
    return Host(collector: collector, name: name, finding: finding)
  }

  /// The path of an endpoint with the ids of a host. - Parameter text: the id of a statement.
  private static func target(_ endpoint: Endpoint, _ host: Host, _ text: Int64) -> String {
    let subject = endpoint.path.template.split(separator: "/").dropFirst(2).first ?? ""
    return endpoint.path.template
      .replacing(
        "{id}",
        with: subject == "servers"
          ? "\(host.collector.serverID)"
          : subject == "findings"
            ? "\(host.finding)"
            : subject == "users" || subject == "silences"
              ? "1"
              : "\(host.collector.id)"
      )
      .replacing("{collector_id}", with: "\(host.collector.id)").replacing("{version}", with: "1")
      .replacing("{serial}", with: "01").replacing("{name}", with: "disk_full").replacing("{text_id}", with: "\(text)")
  }

  @Test func `every endpoint refuses a token with labels, or shows nothing of other servers`() async throws {
    let server = try await RunningServer.start { $0.findingInterval = .seconds(3600) }
    let admin = try await server.person(.admin)
    let (inside, outside) = (try await Self.host(server, "inside"), try await Self.host(server, "outside"))
    let program = try await TestProgram(of: admin, .admin, labels: ["env=inside"])
    let text = try await server.integer(
      "SELECT min(text_id) FROM pganalytics.texts WHERE server_id = \(outside.collector.serverID)")
    var (refused, hidden, selecting) = (0, 0, 0)
    for endpoint in server.server.endpoints {
      switch endpoint.access {
      case .anyone, .registrationSecret, .collector: continue
      case .user, .collectorOrUser: break
      }
      let method = endpoint.method.name
      let name = "\(method) \(endpoint.path.template)"
      let target = Self.target(endpoint, outside, text)
      switch endpoint.reach {
      case .person, .fleet:
        let answer =
          endpoint.method == .put
          ? try await server.client().request(
            method, target, [("Authorization", "Bearer \(program.token)"), ("Content-Type", "text/plain")],
            body: Array("a = 1".utf8)) : try await program.request(method, target, [:])
        #expect(answer.status == 403 && answer.error == "token_refused", "\(name): \(answer)")
        refused += 1
      case .server, .collector, .finding:
        let answer = try await program.request(method, target)
        #expect(answer.status == 404 && answer.error == "not_found", "\(name): \(answer)")
        let own = try await program.request(method, Self.target(endpoint, inside, text))
        #expect(
          own.status == 200 || endpoint.path.template.contains("config") || own.error == "not_found", "\(name): \(own)")
        hidden += 1
      case .constant: #expect(try await program.request(method, target).status == 200, "\(name)")
      case .selection:
        selecting += 1
        if endpoint.method == .post { continue }
        let all = try await program.request(method, target)
        let named = try await program.request(method, "\(target)?server=\(outside.collector.serverID)")
        let expected = try await admin.request(method, "\(target)?server=\(inside.collector.serverID)")
        for answer in [all, named] {
          #expect(answer.status == 200, "\(name): \(answer)")
          for word in [outside.name, "\(outside.collector.id)", "at outside"] {
            #expect(!answer.text.contains(word), "\(name): \(answer)")
          }
        }
        #expect(all.json["total"] == expected.json["total"], "\(name): \(all) instead of \(expected)")
        #expect(all.json["data"]?.elements.count == expected.json["data"]?.elements.count, "\(name)")
        #expect(named.json["data"]?.elements.isEmpty == true, "\(name): \(named)")
      }
    }
    #expect(refused > 20 && hidden > 10 && selecting > 5, "\(refused) \(hidden) \(selecting)")
    // What the token must not see is there.
    for list in ["servers", "collectors", "findings", "fleet"] {
      let answer = try await admin.request("GET", "/api/v1/\(list)")
      #expect(answer.text.contains(outside.name), "\(list): \(answer)")
      #expect(try await program.request("GET", "/api/v1/\(list)").text.contains(inside.name), "\(list)")
    }
    await server.stop()
  }

  @Test func `a scope counts by the labels that servers have now, and all labels must match`() async throws {
    let server = try await RunningServer.start { $0.findingInterval = .seconds(3600) }
    let admin = try await server.person(.admin)
    let host = try await Self.host(server, "inside")
    let path = "/api/v1/servers/\(host.collector.serverID)"
    let program = try await TestProgram(of: admin, .viewer, labels: ["env=inside", "team="])
    #expect(try await program.request("GET", path).status == 404)
    try await server.database.script(
      "INSERT INTO pganalytics.labels (server_id, name, value) VALUES (\(host.collector.serverID), 'team', 'db')")
    #expect(try await program.request("GET", path).status == 200)
    try await server.database.script("DELETE FROM pganalytics.labels WHERE name = 'env'")
    #expect(try await program.request("GET", path).status == 404)
    #expect(try await program.request("GET", "/api/v1/servers").json["total"]?.integer == 0)
    await server.stop()
  }

  @Test func `many findings are acknowledged by the filters of the list, within the scope of a token`() async throws {
    let server = try await RunningServer.start { $0.findingInterval = .seconds(3600) }
    let admin = try await server.person(.admin)
    let (inside, outside) = (try await Self.host(server, "inside"), try await Self.host(server, "outside"))
    let program = try await TestProgram(of: admin, .operator, labels: ["env=inside"])
    let path = "/api/v1/findings/acknowledge"
    for query in ["", "?", "?all=false"] {
      let answer = try await admin.request("POST", path + query)
      #expect(answer.status == 400 && answer.error == "invalid_query", "\(query): \(answer)")
    }
    #expect(try await admin.request("POST", path + "?severity=none").error == "invalid_query")
    let viewer = try await server.person(.viewer)
    #expect(try await viewer.request("POST", path + "?all=true").error == "insufficient_role")
    let first = try await program.request("POST", path + "?check=made_up", ["note": "in work"])
    #expect(first.json == ["matched": 1, "changed": 1], "\(first)")
    func state(_ host: Host) async throws -> JSONValue {
      try await admin.request("GET", "/api/v1/findings/\(host.finding)").json
    }
    #expect(try await state(inside)["acknowledge_note"]?.text == "in work")
    #expect(try await state(outside)["acknowledged_at"] == .null)
    let second = try await admin.request("POST", path + "?check=made_up", ["note": "another"])
    #expect(second.json == ["matched": 2, "changed": 1], "\(second)")
    #expect(try await state(inside)["acknowledge_note"]?.text == "in work", "an acknowledgement stays")
    #expect(try await state(outside)["acknowledge_note"]?.text == "another")
    try await server.database.script(
      """
      UPDATE pganalytics.findings SET ended_at = now(), end_reason = 'recovered', acknowledged_at = NULL
      WHERE id = \(outside.finding)
      """)
    let third = try await admin.request("POST", path + "?check=made_up&state=all")
    #expect(third.json == ["matched": 2, "changed": 0], "an ended finding: \(third)")
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit WHERE action = 'finding.acknowledge_many'
          AND details ->> 'filter' LIKE 'check=made_up%'
        """) == 3)
    await server.stop()
  }
}
