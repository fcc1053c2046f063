import Protocol
import Testing

@testable import App

/// The fleet as the REST API shows it.
@Suite struct CollectorListTests {
  private static let path = "/api/v1/collectors"

  private func server() async throws -> RunningServer { try await .shared(.plain) }

  /// Sets columns of a collector, such as a name of the test's own.
  private func set(_ collector: TestCollector, _ columns: String) async throws {
    try await collector.server.database.script(
      "UPDATE pganalytics.collectors SET \(columns) WHERE id = '\(collector.id)'")
  }

  @Test func `a collector is listed as registered, active, offline or revoked`() async throws {
    let server = try await server()
    let viewer = try await server.shared(.viewer)
    let group = "status-\(UUID.random())"
    for (status, columns) in [
      ("registered", "last_seen_at = NULL"), ("active", "last_seen_at = now() - interval '4 min'"),
      ("offline", "last_seen_at = now() - interval '6 min'"), ("revoked", "last_seen_at = now(), revoked_at = now()"),
    ] {
      try await set(try await server.enrol(), "name = '\(group)-\(status)', \(columns)")
    }
    let client = try await server.client()
    for status in CollectorRow.Status.allCases {
      let list = try await client.request("GET", Self.path + "?q=\(group)&status=\(status.rawValue)", [viewer])
      #expect(list.json["total"]?.integer == 1, "\(list)")
      #expect(list.json["data"]?[0]?["name"]?.text == "\(group)-\(status.rawValue)")
      #expect(list.json["data"]?[0]?["status"]?.text == status.rawValue)
    }
    let all = try await client.request("GET", Self.path + "?q=\(group.uppercased())&page_size=3", [viewer])
    #expect(all.json["total"]?.integer == 4)
    #expect(all.json["total_pages"]?.integer == 2)
    #expect(all.json["data"]?.elements.map { $0["status"]?.text } == ["active", "offline", "registered"])
    #expect(try await client.request("GET", Self.path + "?q=\(group)%25", [viewer]).json["total"]?.integer == 0)
  }

  @Test func `a push makes a collector active`() async throws {
    let server = try await RunningServer.start()
    let viewer = try await server.shared(.viewer)
    let collector = try await server.enrol()
    let client = try await server.client()
    let path = Self.path + "/\(collector.id)"
    #expect(try await client.request("GET", path, [viewer]).json["status"]?.text == "registered")
    #expect(try await collector.push(collector.push(of: [])).status == 200)
    try await server.eventually("the push does not make the collector active") {
      try await client.request("GET", path, [viewer]).json["status"]?.text == "active"
    }
    await server.stop()
  }

  @Test(arguments: [
    ("name", "a b c"), ("-name", "c b a"), ("hostname", "c a b"), ("-hostname", "b a c"), ("registered_at", "b c a"),
    ("-registered_at", "a c b"), ("last_seen_at", "b a c"), ("-last_seen_at", "a b c"),
  ])
  func `the list is sorted by the requested column`(_ order: String, _ expected: String) async throws {
    let server = try await server()
    let viewer = try await server.shared(.viewer)
    let group = "sort-\(UUID.random())-"
    for (name, host, registered, seen) in [
      ("a", "2", 1, "now()"), ("b", "3", 3, "now() - interval '1 min'"), ("c", "1", 2, "NULL"),
    ] {
      try await set(
        try await server.enrol(),
        """
        name = '\(group)\(name)', hostname = '\(host)', last_seen_at = \(seen),
        registered_at = now() - make_interval(mins => \(registered))
        """)
    }
    let list = try await server.client().request("GET", Self.path + "?q=\(group)&sort=\(order)", [viewer])
    let names = list.json["data"]?.elements.compactMap { $0["name"]?.text?.dropFirst(group.utf8.count) }
    #expect(names?.joined(separator: " ") == expected, "\(list)")
  }

  @Test func `a collector is shown with its certificates`() async throws {
    let server = try await server()
    let viewer = try await server.shared(.viewer)
    let collector = try await server.enrol()
    let older = try await collector.certificate(age: 86_400, life: 30 * 86_400)
    let client = try await server.client()
    let answer = try await client.request("GET", Self.path + "/\(collector.id)", [viewer])
    #expect(answer.status == 200, "\(answer)")
    #expect(answer.json["server_id"]?.integer == collector.serverID)
    #expect(answer.json["config_version"]?.integer == 0)
    #expect(answer.json["effective_config_version"] == .null)
    let certificates = try #require(answer.json["certificates"]?.elements)
    #expect(
      certificates.map { $0["serial"]?.text } == [collector.certificate.serialHex, older.certificate.serialHex])
    #expect(certificates[0]["fingerprint"]?.text == collector.certificate.fingerprintHex)
    #expect(
      certificates[0]["not_after"]?.text == Timestamp(unixSeconds: collector.certificate.notAfter).rfc3339)
    #expect(certificates[0]["revoked_at"] == .null)
    #expect(answer.json["certificate_expires_at"] == certificates[0]["not_after"])

    #expect(try await client.request("GET", Self.path + "/\(UUID.random())", [viewer]).status == 404)
    #expect(try await client.request("GET", Self.path + "/x", [viewer]).status == 404)
    #expect(try await client.request("GET", Self.path, [collector.authorization]).status == 401)
    #expect(try await client.request("GET", Self.path + "?sort=colour", [viewer]).error == "invalid_query")
  }

  @Test func `an unchanged copy is not sent again`() async throws {
    let server = try await server()
    let viewer = try await server.shared(.viewer)
    let collector = try await server.enrol()
    let client = try await server.client()
    let path = Self.path + "/\(collector.id)"
    let tag = try #require(try await client.request("GET", path, [viewer]).field("etag"))
    let again = try await client.request("GET", path, [viewer, ("If-None-Match", tag)])
    #expect(again.status == 304, "\(again)")
    #expect(again.body.isEmpty)
    #expect(again.field("etag") == tag)
    try await set(collector, "last_seen_at = now()")
    #expect(try await client.request("GET", path, [viewer, ("If-None-Match", tag)]).json["status"]?.text == "active")
  }

  @Test func `a revocation with If-Match needs the current state of the collector`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let collector = try await server.enrol()
    let client = try await server.client()
    let path = Self.path + "/\(collector.id)"
    func tag() async throws -> String { try #require(try await client.request("GET", path, [admin]).field("etag")) }
    /// The part of a tag before the dot, which changes with decisions only.
    func decided(_ tag: String) -> Substring { tag.prefix { $0 != "." } }
    let seen = try await tag()
    #expect(try await collector.push(collector.push(of: [])).status == 200)
    try await set(collector, "last_seen_at = now() + interval '1 s'")
    #expect(try await tag() != seen, "the collector was seen again")
    #expect(try await decided(tag()) == decided(seen), "a push is no decision")

    _ = try await collector.certificate(age: 0, life: 86_400)
    #expect(try await decided(tag()) != decided(seen))
    let refused = try await client.request("DELETE", path, [admin, ("If-Match", seen)])
    #expect(refused.status == 412, "\(refused)")
    #expect(refused.error == "precondition_failed")
    #expect(try await collector.push(collector.push(of: [])).status == 200)
    let current = try await tag()
    try await set(collector, "last_seen_at = now() + interval '2 s'")
    #expect(try await client.request("DELETE", path, [admin, ("If-Match", current)]).status == 204)
    #expect(try await collector.push(collector.push(of: [])).error == "collector_revoked")
    #expect(
      try await client.request("DELETE", path, [admin, ("If-Match", current)]).status == 412,
      "the collector is revoked now")
  }
}
