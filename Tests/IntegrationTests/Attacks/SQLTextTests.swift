import Glibc
import Protocol
import Testing

@testable import App

/// SQL in places where the server expects a text. Statements are constants, and texts are parameters or COPY fields. So
/// a text comes back unchanged or is refused as a name, and nothing else in the database changes.
@Suite struct SQLTextTests {
  static let hostile = [
    "'; DROP TABLE pganalytics.users CASCADE; --", "\" OR 1=1 --", "$1", "%s%n%1$s", "a' || pg_sleep(600) || '",
    "\\'; SELECT pg_sleep(600); --", "E'\\\\x00'", "); COMMIT; DROP SCHEMA metrics CASCADE; --", "$$; $$", "*",
    "a\tb\nc", "\\.", "\\N", "{\"a,b\"}", "/* */", "'",
  ]

  /// Texts that may be in a target. A target with a control character is refused before its names are read.
  static let hostileInTargets = hostile.filter { !$0.utf8.contains { $0 < 0x20 } }

  /// The number of tables and views, which no text may change.
  private func inventory(_ server: RunningServer) async throws -> Int64 {
    try await server.integer(
      """
      SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE nspname IN ('metrics', 'named', 'pganalytics') AND NOT relispartition AND relkind IN ('r', 'p', 'v', 'm')
      """)
  }

  private func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let digits = String(byte, radix: 16)
      return "%" + (digits.count < 2 ? "0" : "") + digits
    }.joined()
  }

  @Test func `SQL in a push is stored as text`() async throws {
    let attacked = try await AttackedServer.start()
    let server = attacked.server
    let before = try await inventory(server)
    let collector = try await server.enrol()
    var metrics: [String] = []
    for (number, text) in Self.hostile.enumerated() {
      var json = JSONWriter()
      json.object { json in
        json.member("type", "disk_usage")
        json.member("timestamp", TestCollector.now(secondsAgo: 60))
        json.key("filesystems")
        json.array { json in
          json.object { json in
            json.member("device", text)
            json.member("mount", "")
            json.member("used_gb", number)
          }
        }
      }
      metrics.append(json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
      json = JSONWriter()
      json.object { json in
        json.member("type", "pg_log")
        json.member("timestamp", TestCollector.now(secondsAgo: 60))
        json.member("database", text)
        json.key("entries")
        json.array { json in
          json.object { json in
            json.member("level", text)
            json.member("message", text)
            json.member(text, text)
          }
        }
      }
      metrics.append(json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
      json = JSONWriter()
      json.object { json in
        json.member("type", "unknown " + text)
        json.member("timestamp", TestCollector.now(secondsAgo: 60))
        json.member(text, text)
      }
      metrics.append(json.finish().withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
    }
    let answer = try await collector.push(
      collector.push(of: metrics), [("Idempotency-Key", "'); DROP TABLE pganalytics.push_ledger; --")])
    #expect(answer.status == 200, "\(answer)")
    #expect(answer.json["rejected_count"]?.integer ?? 0 == 0, "\(answer)")

    let user = try await server.user(.viewer)
    let path = "/api/v1/servers/\(collector.serverID)/metrics"
    for (number, text) in Self.hostile.enumerated() where Self.hostileInTargets.contains(text) {
      let object = try await server.client().request(
        "GET", path + "?metric_type=disk_usage&object=\(encoded(text + "."))", [user])
      #expect(object.json["data"]?.elements.map { $0["used_gb"]?.integer } == [Int64(number)], "\(text): \(object)")
      let log = try await server.client().request("GET", path + "?metric_type=pg_log&database=\(encoded(text))", [user])
      #expect(log.json["data"]?.elements.map { $0["message"]?.text } == [text], "\(text): \(log)")
    }
    #expect(try await inventory(server) == before)
    try await attacked.expectUnharmed()
    await server.stop()
  }

  @Test func `SQL in a query finds nothing or is refused`() async throws {
    let attacked = try await AttackedServer.start()
    let server = attacked.server
    let before = try await inventory(server)
    #expect(try await attacked.bystander.push(attacked.goodPush()).status == 200)
    let admin = try await server.user(.admin)
    let client = try await server.client()
    let id = attacked.bystander.serverID
    let places: [(String, [String])] = [
      (
        "/api/v1/servers/\(id)/metrics",
        [
          "metric_type", "start_time", "end_time", "bucket", "aggregate", "database", "object", "columns", "limit",
          "cursor", "source", "table",
        ]
      ),
      ("/api/v1/collectors", ["q", "status", "sort", "page", "page_size"]),
      ("/api/v1/servers", ["q", "sort", "page", "page_size"]),
      ("/api/v1/users", ["q", "role", "is_active", "sort", "page"]),
      ("/api/v1/audit", ["actor", "subject", "action", "outcome", "from", "to", "since", "until", "cursor", "page"]),
      ("/api/v1/registration-secrets", ["q", "page", "sort"]),
      ("/api/v1/config/\(attacked.bystander.id)/diff", ["from", "to"]),
    ]
    for (path, names) in places {
      for name in names {
        for text in Self.hostileInTargets {
          let answer = try await client.request("GET", path + "?\(name)=\(encoded(text))", [admin])
          #expect([200, 400, 404].contains(answer.status), "\(path)?\(name)=\(text): \(answer)")
        }
      }
    }
    for text in Self.hostileInTargets {
      for path in ["/api/v1/config/", "/api/v1/servers/", "/api/v1/users/", "/api/v1/collectors/"] {
        // A slash in a name ends the connection, because a proxy might read the target differently. So each request has
        // a connection of its own.
        let answer = try await server.client().request("GET", path + encoded(text), [admin])
        #expect((400...422).contains(answer.status), "\(path)\(text): \(answer)")
      }
    }
    #expect(try await inventory(server) == before)
    try await attacked.expectUnharmed(besides: 1)
    await server.stop()
  }

  @Test func `SQL in a body is kept as text or refused as a name`() async throws {
    let attacked = try await AttackedServer.start()
    let server = attacked.server
    let before = try await inventory(server)
    let admin = try await server.person(.admin)
    for (number, text) in Self.hostile.enumerated() {
      // The text as the name and as the host of a collector.
      let bodies: [JSONValue] = [
        ["name": .string(text), "hostname": .string("h\(number)")],
        ["name": .string("n\(number)"), "hostname": .string(text)],
      ]
      for fields in bodies {
        let made = try await server.request(
          "POST", "/api/v1/collectors/register", fields, [("X-Registration-Secret", RunningServer.secret)])
        #expect([201, 409, 422].contains(made.status), "\(text): \(made)")
        guard made.status == 201, let id = made.json["collector_id"]?.text else { continue }
        let shown = try await admin.request("GET", "/api/v1/collectors/\(id)")
        let name = fields["name"]?.text == text ? "name" : "hostname"
        #expect(shown.json[name]?.text == text, "\(shown)")
      }
      #expect(
        try await server.request(
          "POST", "/api/v1/collectors/register", ["name": "x", "hostname": "x"],
          [("X-Registration-Secret", "x\(number)'--")]
        ).status == 403)
      // The text in every field of a user.
      let user = try await admin.request(
        "POST", "/api/v1/users",
        [
          "username": .string(text), "password": .string(text + " but long enough"), "role": "viewer",
          "full_name": .string(text),
        ])
      #expect([201, 422].contains(user.status), "\(text): \(user)")
      let named = try await admin.request(
        "POST", "/api/v1/users",
        [
          "username": .string("user-\(number)"), "password": .string(text + " but long enough"), "role": "viewer",
          "full_name": .string(text),
        ])
      #expect([201, 422].contains(named.status), "\(text): \(named)")
      if named.status == 201 {
        #expect(named.json["full_name"]?.text == text)
        #expect(try await server.login("user-\(number)", text + " but long enough").status == 200)
      }
      #expect([401, 422].contains(try await server.login(text, text).status))
      #expect([401, 422].contains(try await server.refresh(text).status))
      // The text in a registration secret and in a configuration.
      let secret = try await admin.request("POST", "/api/v1/registration-secrets", ["name": .string(text)])
      #expect([201, 422].contains(secret.status), "\(text): \(secret)")
      if secret.status == 201 { #expect(secret.json["name"]?.text == text) }
      let toml = "[collector]\nname = '''\n\(text.replacing("'''", with: ""))'''\n"
      let put = try await server.client().request(
        "PUT", "/api/v1/config/\(attacked.bystander.id)", [admin.authorization, ("Content-Type", "application/toml")],
        body: Array(toml.utf8))
      #expect([200, 422].contains(put.status), "\(text): \(put)")
      if put.status == 200 {
        let got = try await attacked.bystander.client().request(
          "GET", "/api/v1/config/\(attacked.bystander.id)", [attacked.bystander.authorization])
        #expect(got.text == toml)
      }
    }
    #expect(try await inventory(server) == before)
    try await attacked.expectUnharmed()
    await server.stop()
  }
}
