import Protocol
import Testing

@testable import App

/// The endpoints for channels: who may do what, what is stored, and what is shown.
@Suite struct ChannelTests {
  private static let path = "/api/v1/channels"

  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func send(
    _ method: String, _ path: String, _ json: String, at server: RunningServer, _ user: (String, String)
  ) async throws -> TestAnswer {
    try await server.client().request(
      method, path, [user, ("Content-Type", "application/json")], body: Array(json.utf8))
  }

  private func unique() -> String { "channel-\(UUID.random())" }

  @Test func `a secret is stored encrypted and shown nowhere`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let (name, secret) = (unique(), "s3cret-\(UUID.random())")
    let created = try await send(
      "POST", Self.path,
      #"{"name":"\#(name)","kind":"webhook","target":{"url":"https://hooks.example.com/x"},"secret":"\#(secret)"}"#,
      at: server, admin)
    #expect(created.status == 201, "\(created)")
    let place = try #require(created.field("location"))
    let id = try #require(created.json["id"]?.text)
    #expect(place == Self.path + "/" + id)
    #expect(created.json["has_secret"] == true)
    #expect(created.json["messages_per_minute"]?.integer == 3)
    #expect(created.json["created_by"]?.text != nil)
    let one = try await server.client().request("GET", place, [admin])
    #expect(one.json == created.json)
    let list = try await server.client().request("GET", Self.path + "?q=\(name)", [admin])
    #expect(list.json["data"]?.elements == [created.json])
    for answer in [created, one, list] { #expect(!answer.text.contains(secret)) }

    let stored = "FROM pganalytics.channels WHERE id = '\(id)'"
    #expect(try await server.integer("SELECT count(*) \(stored) AND octet_length(secret) > 37") == 1)
    let plain = "position('\(secret)'::bytea IN secret) > 0"
    #expect(try await server.integer("SELECT count(*) \(stored) AND \(plain)") == 0)
    let leaked = "SELECT count(*) FROM pganalytics.audit a WHERE strpos(a::text, '\(secret)') > 0"
    #expect(try await server.integer(leaked) == 0)

    let changed = try await send(
      "PATCH", place, #"{"secret":null,"is_on":false,"severities":["critical"],"labels":["env=production"]}"#,
      at: server, admin)
    #expect(changed.status == 200, "\(changed)")
    #expect(changed.json["has_secret"] == false)
    #expect(changed.json["is_on"] == false)
    #expect(changed.json["labels"] == ["env=production"])
    #expect(changed.json["target"] == created.json["target"], "what is missing stays")
    #expect(try await server.client().request("DELETE", place, [admin]).status == 204)
    #expect(try await server.client().request("GET", place, [admin]).status == 404)
    for action in ["create", "change", "delete"] {
      let lines =
        "SELECT count(*) FROM pganalytics.audit WHERE subject = 'channel:\(id)' AND action = 'channel.\(action)'"
      #expect(try await server.integer(lines) == 1, "\(action)")
    }
  }

  @Test(arguments: [
    (#"{"kind":"webhook","target":{"url":"https://x"}}"#, "name"),
    (#"{"name":"x","kind":"pager","target":{"url":"https://x"}}"#, "kind"),
    (#"{"name":"x","kind":"webhook","target":{}}"#, "target.url"),
    (#"{"name":"x","kind":"webhook","target":{"url":"ftp://x"}}"#, "target.url"),
    (#"{"name":"x","kind":"webhook","target":{"url":"http://x"}}"#, "allow_plain"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://a:b@x"}}"#, "target.url"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x","host":"y"}}"#, "target.host"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x","secret_file":"../ca.key"}}"#, "target.secret_file"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x","ca_file":".lock"}}"#, "target.ca_file"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x","secret_file":"a"},"secret":"b"}"#, "secret_file"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x"},"template":"{{text}}"}"#, "template"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x"},"labels":["env"]}"#, "labels[0]"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x"},"severities":["info"]}"#, "severities[0]"),
    (#"{"name":"x","kind":"webhook","target":{"url":"https://x"},"messages_per_minute":0}"#, "messages_per_minute"),
    (#"{"name":"x","kind":"slack","target":{}}"#, "target.url"),
    (#"{"name":"x","kind":"slack","target":{},"secret":"not a URL"}"#, "secret"),
    (#"{"name":"x","kind":"alertmanager","target":{"url":"https://x"},"secret":"two words"}"#, "secret"),
    (#"{"name":"x","kind":"alertmanager","target":{"url":"https://x"},"template":"{}"}"#, "template"),
    (
      #"{"name":"x","kind":"alertmanager","target":{"url":"https://x","username":"a:b"},"secret":"s"}"#,
      "target.username"
    ),
    (#"{"name":"x","kind":"email","target":{"host":"m","from":"a@x.org","to":[]}}"#, "target.to"),
    (#"{"name":"x","kind":"email","target":{"host":"m","from":"nobody","to":["a@x.org"]}}"#, "target.from"),
    (#"{"name":"x","kind":"email","target":{"host":"m","from":"a@x.org","to":["a@x.org"]},"secret":"s"}"#, "username"),
    (
      #"{"name":"x","kind":"email","target":{"host":"m","from":"a@x.org","to":["a@x.org"],"security":"plain","#
        + #""username":"u"},"secret":"s"}"#, "target.security"
    ),
  ])
  func `a channel that cannot work is refused by its field`(_ json: String, _ field: String) async throws {
    let server = try await server()
    let answer = try await send("POST", Self.path, json, at: server, try await server.shared(.admin))
    #expect(answer.status == 422, "\(answer)")
    #expect(answer.json["details"]?.text?.contains(field) == true, "\(answer)")
  }

  @Test func `a change is checked together with what stays`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let created = try await send(
      "POST", Self.path,
      #"{"name":"\#(unique())","kind":"slack","target":{},"secret":"https://hooks.example.com/T/B/X"}"#, at: server,
      admin)
    #expect(created.status == 201, "\(created)")
    let place = try #require(created.field("location"))
    #expect(try await send("PATCH", place, #"{"secret":null}"#, at: server, admin).status == 422, "no URL is left")
    #expect(try await send("PATCH", place, #"{"kind":"webhook"}"#, at: server, admin).status == 422)
    let moved = try await send(
      "PATCH", place, #"{"secret":null,"target":{"url":"https://hooks.example.com/y"}}"#, at: server, admin)
    #expect(moved.status == 200, "\(moved)")
    let other = try await send(
      "POST", Self.path, #"{"name":"\#(unique())","kind":"webhook","target":{"url":"https://x"}}"#, at: server, admin)
    let name = try #require(other.json["name"]?.text)
    #expect(try await send("PATCH", place, #"{"name":"\#(name)"}"#, at: server, admin).error == "conflict")
    let same = #"{"name":"\#(name)","kind":"webhook","target":{"url":"https://x"}}"#
    #expect(try await send("POST", Self.path, same, at: server, admin).error == "conflict")
  }

  @Test func `administrators change channels, operators see them, viewers do not`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let body = #"{"name":"\#(unique())","kind":"webhook","target":{"url":"https://127.0.0.1:9/"}}"#
    let created = try await send("POST", Self.path, body, at: server, admin)
    let place = try #require(created.field("location"))
    let (viewer, operatorUser) = (try await server.shared(.viewer), try await server.shared(.operator))
    let client = try await server.client()
    for path in [Self.path, place, place + "/deliveries"] {
      #expect(try await client.request("GET", path, [viewer]).error == "insufficient_role")
      #expect(try await client.request("GET", path, [operatorUser]).status == 200, "\(path)")
    }
    #expect(try await client.request("POST", place + "/test", [viewer]).error == "insufficient_role")
    #expect(try await client.request("POST", place + "/test", [operatorUser]).status == 200)
    #expect(try await send("POST", Self.path, body, at: server, operatorUser).error == "insufficient_role")
    #expect(try await send("PATCH", place, "{}", at: server, operatorUser).error == "insufficient_role")
    #expect(try await client.request("DELETE", place, [operatorUser]).error == "insufficient_role")
    let missing = Self.path + "/\(UUID.random())"
    for path in [missing, missing + "/deliveries"] {
      #expect(try await client.request("GET", path, [admin]).status == 404)
    }
    #expect(try await client.request("POST", missing + "/test", [admin]).status == 404)
    #expect(try await client.request("DELETE", missing, [admin]).status == 404)
    #expect(try await send("PATCH", missing, "{}", at: server, admin).status == 404)
  }

  @Test func `a hundred channels are the most`() async throws {
    let bench = try await RunningServer.start()
    try await bench.database.script(
      """
      INSERT INTO pganalytics.channels (id, name, kind, target, messages_per_minute)
      SELECT gen_random_uuid(), 'c' || i, 'webhook', '{"url":"https://x"}', 1 FROM generate_series(1, 99) i
      """)
    let admin = try await bench.user(.admin)
    let answers = [
      try await send(
        "POST", Self.path, #"{"name":"a","kind":"webhook","target":{"url":"https://x"}}"#, at: bench, admin),
      try await send(
        "POST", Self.path, #"{"name":"b","kind":"webhook","target":{"url":"https://x"}}"#, at: bench, admin),
    ]
    #expect(answers.map(\.status) == [201, 409], "\(answers)")
    #expect(try await bench.integer("SELECT count(*) FROM pganalytics.channels") == 100)
    await bench.stop()
  }
}
