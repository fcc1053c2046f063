import Protocol
import Testing

@testable import App

/// Labels of servers: from registration secrets and from operators, and the filters that read them.
@Suite struct LabelTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func request(
    _ method: String, _ path: String, _ json: String? = nil, as role: Role = .operator, _ server: RunningServer,
    _ fields: [(String, String)] = []
  ) async throws -> TestAnswer {
    var head = [try await server.shared(role)] + fields
    if json != nil { head.append(("Content-Type", "application/json")) }
    return try await server.client().request(method, "/api/v1/\(path)", head, body: json.map { Array($0.utf8) } ?? [])
  }

  private func set(_ collector: TestCollector, _ labels: String) async throws -> TestAnswer {
    try await request("PATCH", "collectors/\(collector.id)", #"{"labels":\#(labels)}"#, collector.server)
  }

  private func labels(_ server: Int64, _ running: RunningServer) async throws -> JSONValue? {
    try await request("GET", "servers/\(server)", as: .viewer, running).json["labels"]
  }

  /// A registration secret with labels. - Returns: its value.
  private func secret(_ labels: String, _ server: RunningServer, reenrolment: String = "replace") async throws -> String
  {
    let body = #"{"name":"labels-\#(UUID.random())","reenrolment":"\#(reenrolment)","labels":\#(labels)}"#
    let answer = try await request("POST", "registration-secrets", body, server)
    #expect(answer.status == 201, "\(answer)")
    return try #require(answer.json["secret"]?.text)
  }

  private func register(_ host: String, _ secret: String, _ server: RunningServer) async throws -> TestCollector {
    let answer = try await server.client().request(
      "POST", "/api/v1/collectors/register",
      [("Content-Type", "application/json"), ("X-Registration-Secret", secret)],
      body: Array(#"{"name":"labelled","hostname":"\#(host)","version":"3.1.0"}"#.utf8))
    return try TestCollector(
      answer, keyPEM: Array(try #require(answer.json["private_key"]?.text, "\(answer)").utf8), server: server)
  }

  // MARK: Enrolment

  @Test func `an enrolment gives the labels of its secret to the server`() async throws {
    let server = try await server()
    let name = "labels-\(UUID.random())"
    let created = try await request(
      "POST", "registration-secrets", #"{"name":"\#(name)","labels":{"team":"db","env":"production"}}"#, server)
    #expect(created.status == 201, "\(created)")
    #expect(created.json["labels"] == ["env": "production", "team": "db"])
    let listed = try await request("GET", "registration-secrets?q=\(name)", as: .operator, server)
    #expect(listed.json["data"]?[0]?["labels"] == ["env": "production", "team": "db"], "\(listed)")

    let collector = try await server.enrol(secret: try #require(created.json["secret"]?.text))
    #expect(try await labels(collector.serverID, server) == ["env": "production", "team": "db"])
    let shown = try await request("GET", "collectors/\(collector.id)", as: .viewer, server)
    #expect(shown.json["labels"] == ["env": "production", "team": "db"])
    let other = try await server.enrol()
    #expect(try await labels(other.serverID, server) == .object(JSONObject()), "the secret has no labels")
  }

  @Test func `labels stay when a host replaces its collector, and an operator's value wins`() async throws {
    let server = try await server()
    let host = "labels-\(UUID.random())"
    let first = try await register(host, try await secret(#"{"env":"staging","rack":"a1"}"#, server), server)
    #expect(try await set(first, #"{"env":"production","tier":"1"}"#).status == 200)
    #expect(try await first.push(first.push(of: [])).status == 200)
    let second = try await register(
      host, try await secret(#"{"env":"staging","rack":"b2","zone":"eu"}"#, server), server)
    #expect(second.id != first.id)
    #expect(second.serverID == first.serverID)
    #expect(
      try await labels(second.serverID, server) == ["env": "production", "rack": "a1", "tier": "1", "zone": "eu"])
  }

  @Test func `an enrolment gives no more labels than a server may have`() async throws {
    let server = try await RunningServer.start { $0.labelsPerServer = 3 }
    let refused = try await server.client().request(
      "POST", "/api/v1/registration-secrets", [server.user(.operator), ("Content-Type", "application/json")],
      body: Array(#"{"name":"four","labels":{"a":"1","b":"1","c":"1","d":"1"}}"#.utf8))
    #expect(refused.status == 422, "\(refused)")
    #expect(refused.json["details"]?.text?.contains("labels_per_server") == true, "\(refused)")

    let host = "labels-\(UUID.random())"
    let secret = try await secret(#"{"b":"1","c":"1","d":"1"}"#, server)
    let collector = try await register(host, secret, server)
    #expect(try await collector.push(collector.push(of: [])).status == 200)
    #expect(try await set(collector, #"{"b":null,"c":null,"x":"1"}"#).status == 200)
    _ = try await register(host, secret, server)
    #expect(try await labels(collector.serverID, server) == ["b": "1", "d": "1", "x": "1"])
    let full = try await set(collector, #"{"y":"1"}"#)
    #expect(full.status == 422, "\(full)")
    #expect(full.json["details"]?.text?.contains("server \(collector.serverID)") == true, "\(full)")
    #expect(try await labels(collector.serverID, server) == ["b": "1", "d": "1", "x": "1"], "nothing was changed")
    #expect(try await set(collector, #"{"y":"1","x":null}"#).status == 200)
    await server.stop()
  }

  // MARK: Changes

  @Test func `a change sets and removes labels, and keeps the others`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let made = try await set(collector, #"{"env":"production","team":"db","note":"two words = 1"}"#)
    #expect(made.status == 200, "\(made)")
    #expect(made.json["labels"] == ["env": "production", "note": "two words = 1", "team": "db"])
    let changed = try await set(collector, #"{"env":"staging","team":null,"absent":null}"#)
    #expect(changed.json["labels"] == ["env": "staging", "note": "two words = 1"])
    #expect(try await labels(collector.serverID, server) == ["env": "staging", "note": "two words = 1"])
    let lines = try await server.integer(
      """
      SELECT count(*) FROM pganalytics.audit WHERE action = 'collector.label' AND outcome = 'success'
        AND subject = 'collector:\(collector.id)' AND actor LIKE 'user:%'
        AND details -> 'labels' = '{"env": "staging", "team": null, "absent": null}'
      """)
    #expect(lines == 1)
    #expect(
      try await request("PATCH", "collectors/\(UUID.random())", #"{"labels":{"a":"1"}}"#, server).status == 404)
  }

  @Test func `a change with If-Match needs the present labels`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let path = "collectors/\(collector.id)"
    let seen = try #require(try await request("GET", path, as: .operator, server).field("etag"))
    let first = try await request("PATCH", path, #"{"labels":{"a":"1"}}"#, server, [("If-Match", seen)])
    #expect(first.status == 200, "\(first)")
    let late = try await request("PATCH", path, #"{"labels":{"a":"2"}}"#, server, [("If-Match", seen)])
    #expect(late.status == 412, "\(late)")
    #expect(try await labels(collector.serverID, server) == ["a": "1"])
    let tag = try #require(first.field("etag"))
    #expect(
      try await request("PATCH", path, #"{"labels":{"a":"2"}}"#, server, [("If-Match", tag)]).status == 200)
  }

  @Test(arguments: [
    (#"{"1a":"x"}"#, "1a"), (#"{"a b":"x"}"#, "a b"), (#"{"":"x"}"#, "key"), (#"{"a":""}"#, "labels.a"),
    (#"{"a":"x\ny"}"#, "labels.a"), (#"{"a":1}"#, "labels.a"), (#"{"a":{}}"#, "labels.a"), ("[]", "labels"),
  ])
  func `labels that break a rule are refused`(_ labels: String, _ named: String) async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let answer = try await set(collector, labels)
    #expect(answer.status == 422, "\(answer)")
    #expect(answer.json["details"]?.text?.contains(named) == true, "\(answer)")
  }

  @Test func `a bulk change concerns the servers that the filter selects`() async throws {
    let server = try await server()
    let group = "bulk-\(UUID.random())"
    var collectors: [TestCollector] = []
    for index in 0..<4 {
      let collector = try await server.enrol()
      try await server.database.script(
        "UPDATE pganalytics.collectors SET name = '\(group)-\(index)' WHERE id = '\(collector.id)'")
      collectors.append(collector)
    }
    #expect(try await set(collectors[0], #"{"group":"\#(group)","env":"production"}"#).status == 200)
    #expect(try await set(collectors[1], #"{"group":"\#(group)","env":"production"}"#).status == 200)
    #expect(try await set(collectors[2], #"{"group":"\#(group)"}"#).status == 200)
    func change(_ query: String, _ labels: String) async throws -> String {
      let answer = try await request("PATCH", "collectors?\(query)", #"{"labels":\#(labels)}"#, server)
      return "\(answer.status) \(answer.json["matched"]?.integer ?? -1) \(answer.json["changed"]?.integer ?? -1)"
    }
    #expect(try await change("q=\(group)", #"{"team":"db"}"#) == "200 4 4")
    #expect(try await change("q=\(group)", #"{"team":"db"}"#) == "200 4 0", "no label changes")
    #expect(
      try await change("label=group%3D\(group)&label=env%3Dproduction", #"{"env":"staging"}"#) == "200 2 2")
    #expect(try await change("label=group%3D\(group)&label=env%3D", #"{"env":null,"old":"1"}"#) == "200 2 2")
    let two = "server=\(collectors[1].serverID)&server=\(collectors[3].serverID)"
    #expect(try await change("\(two)&status=registered", #"{"old":null}"#) == "200 2 1")
    #expect(try await change("\(two)&status=revoked", #"{"old":"2"}"#) == "200 0 0")
    let found = try await request("GET", "collectors?q=\(group)&sort=name", as: .viewer, server)
    #expect(
      found.json["data"]?.elements.map { $0["labels"] } == [
        ["group": .string(group), "old": "1", "team": "db"], ["group": .string(group), "team": "db"],
        ["group": .string(group), "team": "db"], ["team": "db"],
      ], "\(found)")
    let lines = try await server.integer(
      """
      SELECT count(*) FROM pganalytics.audit WHERE action = 'collector.label_many' AND actor LIKE 'user:%'
        AND details ->> 'filter' = 'q=\(group)' AND details -> 'labels' = '{"team": "db"}'
        AND details -> 'changed' IN ('4', '0')
      """)
    #expect(lines == 2)
    #expect(try await change("colour=red", #"{"a":"1"}"#).hasPrefix("400"))
  }

  @Test func `a bulk change that one server has no room for changes no server`() async throws {
    let server = try await RunningServer.start { $0.labelsPerServer = 2 }
    let (full, empty) = (try await server.enrol(), try await server.enrol())
    #expect(try await set(full, #"{"a":"1","b":"1"}"#).status == 200)
    let answer = try await request("PATCH", "collectors", #"{"labels":{"c":"1"}}"#, server)
    #expect(answer.status == 422, "\(answer)")
    #expect(try await labels(empty.serverID, server) == .object(JSONObject()))
    #expect(try await request("PATCH", "collectors", #"{"labels":{"a":"2"}}"#, server).json["changed"]?.integer == 2)
    await server.stop()
  }

  @Test func `a viewer reads labels and changes none`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    for path in ["collectors/\(collector.id)", "collectors?server=\(collector.serverID)"] {
      let answer = try await request("PATCH", path, #"{"labels":{"a":"1"}}"#, as: .viewer, server)
      #expect(answer.error == "insufficient_role", "\(answer)")
    }
    #expect(try await labels(collector.serverID, server) == .object(JSONObject()))
  }

  // MARK: Filters

  @Test func `lists and selections have the servers with all labels of the request`() async throws {
    let server = try await server()
    let group = "\(UUID.random())"
    var ids: [Int64] = []
    for labels in ["", #","env":"a","team":"x=y""#, #","env":"b""#] {
      let collector = try await server.enrol()
      #expect(try await set(collector, #"{"group":"\#(group)"\#(labels)}"#).status == 200)
      ids.append(collector.serverID)
    }
    for (query, terms, expected) in [
      ("", [], ids), ("&label=env%3D", ["env="], [ids[1], ids[2]]), ("&label=env%3Db", ["env=b"], [ids[2]]),
      ("&label=env%3Da&label=env%3Da", ["env=a", "env=a"], [ids[1]]),
      ("&label=env%3Da&label=team%3Dx%3Dy", ["env=a", "team=x=y"], [ids[1]]),
      ("&label=env%3Da&label=env%3Db", ["env=a", "env=b"], []), ("&label=Env%3Da", ["Env=a"], []),
      ("&label=absent%3D", ["absent="], []),
    ] {
      for list in ["servers", "collectors"] {
        let answer = try await request(
          "GET", "\(list)?label=group%3D\(group)\(query)&page_size=100", as: .viewer, server)
        let found = answer.json["data"]?.elements.compactMap { ($0["server_id"] ?? $0["id"])?.integer }
        #expect(found.map(Set.init) == Set(expected), "\(query): \(answer)")
        #expect(answer.json["total"]?.integer == Int64(expected.count))
      }
      let selection = ServerSelection(
        servers: [], labels: (["group=\(group)"] + terms).compactMap { LabelTerm($0) })
      #expect(try await selection.ids(from: server.database).map { Int64($0) } == expected, "\(query)")
    }
    let two = ServerSelection(servers: [ids[2], ids[0], 2_000_000_000].map { Int32($0) }, labels: [])
    #expect(try await two.ids(from: server.database).map { Int64($0) } == [ids[0], ids[2]])
    let both = ServerSelection(servers: [Int32(ids[0]), Int32(ids[1])], labels: [try #require(LabelTerm("env="))])
    #expect(try await both.ids(from: server.database).map { Int64($0) } == [ids[1]])
    let everything = try await ServerSelection(servers: [], labels: []).ids(from: server.database)
    #expect(Set(ids).isSubset(of: everything.map { Int64($0) }))
    let listed = try await request("GET", "servers?server=\(ids[0])&server=\(ids[2])", as: .viewer, server)
    #expect(listed.json["data"]?.elements.compactMap { $0["id"]?.integer } == [ids[0], ids[2]])
    #expect(try await request("GET", "servers?label=env", as: .viewer, server).error == "invalid_query")
  }
}
