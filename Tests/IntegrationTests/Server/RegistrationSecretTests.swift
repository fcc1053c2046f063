import Glibc
import Protocol
import Testing

@testable import App

/// Registration secrets: admins make them, collectors use them, and the server shows them once.
@Suite struct RegistrationSecretTests {
  private static let path = "/api/v1/registration-secrets"

  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func create(_ json: String, at server: RunningServer, _ admin: (String, String)) async throws -> TestAnswer {
    try await server.client().request(
      "POST", Self.path, [admin, ("Content-Type", "application/json")], body: Array(json.utf8))
  }

  private func unique() -> String { "secret-\(UUID.random())" }

  @Test func `a secret is shown once, enrols, counts its uses, and can be revoked`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let name = unique()
    let created = try await create(#"{"name":"\#(name)","expires_in":"2h","max_uses":5}"#, at: server, admin)
    #expect(created.status == 201, "\(created)")
    let value = try #require(created.json["secret"]?.text)
    let id = try #require(created.json["id"]?.text)
    #expect(value.utf8.count == 32, "192 bits")
    #expect(created.json["status"]?.text == "active")
    let end = try #require(created.json["expires_at"]?.text.flatMap { Timestamp(rfc3339: $0) })
    #expect(abs(end.unixMicroseconds / 1_000_000 - Int64(Glibc.time(nil)) - 7200) < 60)

    for _ in 0..<2 { _ = try await server.enrol(secret: value) }
    func listed() async throws -> JSONValue {
      let list = try await server.client().request("GET", Self.path + "?q=\(name)", [admin])
      #expect(list.json["total"]?.integer == 1, "\(list)")
      #expect(!list.text.contains(value), "the value is shown nowhere else")
      return try #require(list.json["data"]?[0])
    }
    let used = try await listed()
    #expect(used["id"]?.text == id)
    #expect(used["uses"]?.integer == 2)
    #expect(used["max_uses"]?.integer == 5)
    #expect(used["last_used_at"]?.text != nil)

    let revoked = try await server.client().request("DELETE", Self.path + "/\(id)", [admin])
    #expect(revoked.status == 204, "\(revoked)")
    #expect(try await server.register(secret: value).error == "secret_revoked")
    let kept = try await listed()
    #expect(kept["status"]?.text == "revoked")
    #expect(kept["revoked_at"]?.text != nil)
    #expect(try await server.client().request("DELETE", Self.path + "/\(id)", [admin]).status == 204)
    #expect(try await listed()["revoked_at"] == kept["revoked_at"], "a second revocation changes nothing")

    let subject = "registration_secret:\(id)"
    for (action, count) in [("create", 1), ("revoke", 2)] {
      let audited = try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit WHERE action = 'registration_secret.\(action)'
          AND subject = '\(subject)' AND actor LIKE 'user:%' AND request_id IS NOT NULL
        """)
      #expect(audited == count)
    }
    let leaked = try await server.integer(
      "SELECT count(*) FROM pganalytics.audit a WHERE strpos(a::text, '\(value)') > 0")
    #expect(leaked == 0)
  }

  @Test func `secrets are listed by status, newest first`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let group = unique()
    for (name, columns) in [
      ("active", "max_uses = 2, uses = 1"), ("expired", "expires_at = now() - interval '1 s'"),
      ("exhausted", "max_uses = 1, uses = 1"), ("revoked", "revoked_at = now(), expires_at = now()"),
    ] {
      #expect(try await create(#"{"name":"\#(group)-\#(name)"}"#, at: server, admin).status == 201)
      try await server.database.script(
        "UPDATE pganalytics.registration_secrets SET \(columns) WHERE name = '\(group)-\(name)'")
    }
    for status in RegistrationSecret.Status.allCases {
      let list = try await server.client().request(
        "GET", Self.path + "?q=\(group.uppercased())&status=\(status.rawValue)", [admin])
      #expect(list.json["total"]?.integer == 1, "\(list)")
      #expect(list.json["data"]?[0]?["name"]?.text == "\(group)-\(status.rawValue)")
      #expect(list.json["data"]?[0]?["status"]?.text == status.rawValue)
    }
    let page = try await server.client().request("GET", Self.path + "?q=\(group)&page=2&page_size=3", [admin])
    #expect(page.json["total"]?.integer == 4)
    #expect(page.json["data"]?.elements.map { $0["name"]?.text } == ["\(group)-active"], "the oldest is last")
    for (order, first) in [
      ("name", "active"), ("-name", "revoked"), ("created_at", "active"), ("expires_at", "expired"),
    ] {
      let sorted = try await server.client().request("GET", Self.path + "?q=\(group)&sort=\(order)", [admin])
      #expect(sorted.json["data"]?[0]?["name"]?.text == "\(group)-\(first)", "\(order)")
    }
    let beyond = try await server.client().request("GET", Self.path + "?q=\(group)&page=9", [admin])
    #expect(beyond.json["total"]?.integer == 4)
    #expect(beyond.json["data"]?.elements.isEmpty == true)
  }

  @Test func `a name is used once, and a revoked secret keeps its name`() async throws {
    let server = try await server()
    let admin = try await server.shared(.admin)
    let name = unique()
    #expect(try await create(#"{"name":"\#(name)"}"#, at: server, admin).status == 201)
    let again = try await create(#"{"name":"\#(name)"}"#, at: server, admin)
    #expect(again.status == 409, "\(again)")
    #expect(again.error == "conflict")
    let audited = try await server.integer(
      "SELECT count(*) FROM pganalytics.audit WHERE details ->> 'name' = '\(name)'")
    #expect(audited == 1, "a refused secret is not audited as made")
  }

  @Test func `a secret without an end or a number of uses has neither`() async throws {
    let server = try await server()
    let created = try await create(#"{"name":"\#(unique())"}"#, at: server, try await server.shared(.admin))
    #expect(created.json["expires_at"] == .null)
    #expect(created.json["max_uses"] == .null)
  }

  @Test(arguments: [
    (#"{"expires_in":"1h"}"#, "name"),
    (#"{"name":"x","expires_in":"1h","expires_at":"2099-01-01T00:00:00Z"}"#, "expires_at"),
    (#"{"name":"x","expires_at":"2020-01-01T00:00:00Z"}"#, "expires_at"),
    (#"{"name":"x","expires_in":"0s"}"#, "expires_in"),
    (#"{"name":"x","max_uses":0}"#, "max_uses"), (#"{"name":"x","secret":"mine"}"#, "secret"),
  ])
  func `a wrong request for a secret is refused by its field`(_ json: String, _ field: String) async throws {
    let server = try await server()
    let answer = try await create(json, at: server, try await server.shared(.admin))
    #expect(answer.status == 422, "\(answer)")
    #expect(answer.json["details"]?.text?.contains(field) == true, "\(answer)")
  }

  @Test func `the end of a secret may be a time`() async throws {
    let server = try await server()
    let created = try await create(
      #"{"name":"\#(unique())","expires_at":"2099-01-01T00:00:00Z"}"#, at: server, try await server.shared(.admin))
    #expect(created.json["expires_at"]?.text == "2099-01-01T00:00:00Z")
  }

  @Test func `secrets are for operators`() async throws {
    let server = try await server()
    let lesser = try await server.shared(.viewer)
    let collector = try await server.enrol()
    let client = try await server.client()
    #expect(try await client.request("GET", Self.path, [lesser]).error == "insufficient_role")
    #expect(try await create(#"{"name":"x"}"#, at: server, lesser).error == "insufficient_role")
    #expect(try await client.request("DELETE", Self.path + "/\(UUID.random())", [lesser]).error == "insufficient_role")
    #expect(try await client.request("GET", Self.path, [collector.authorization]).status == 401)
    #expect(try await client.request("GET", Self.path).error == "unauthenticated")
    let enough = try await server.shared(.operator)
    #expect(try await client.request("DELETE", Self.path + "/\(UUID.random())", [enough]).status == 404)
    let created = try await create(#"{"name":"\#(unique())","reenrolment":"replace"}"#, at: server, enough)
    let place = try #require(created.field("location"))
    let one = try await client.request("GET", place, [enough])
    #expect(one.status == 200, "\(one)")
    #expect(one.json["id"] == created.json["id"])
    #expect(one.json["reenrolment"]?.text == "replace")
    #expect(one.json["secret"] == nil)
  }
}
