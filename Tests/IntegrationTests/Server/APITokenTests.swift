import Protocol
import Testing

@testable import App

/// API tokens: their making, their rights and their end.
@Suite struct APITokenTests {
  private func server() async throws -> RunningServer { try await .people() }

  @Test func `the value of a token is shown once, and only its digest is stored`() async throws {
    let server = try await server()
    let owner = try await server.person(.operator)
    let name = "t-\(UUID.random())"
    let answer = try await owner.request(
      "POST", "/api/v1/tokens",
      ["name": .string(name), "role": "viewer", "expires_in": "30d", "labels": ["env=production"]])
    #expect(answer.status == 201, "\(answer)")
    let (id, value) = (try #require(answer.json["id"]?.text), try #require(answer.json["token"]?.text))
    #expect(value.hasPrefix("pgat_") && value.count == 41)
    #expect(answer.field("location") == "/api/v1/tokens/\(id)")
    #expect(answer.json["labels"] == ["env=production"])
    #expect(answer.json["status"]?.text == "active")
    for target in ["/api/v1/tokens", "/api/v1/tokens/\(id)"] {
      let shown = try await owner.request("GET", target)
      #expect(shown.text.contains(name))
      #expect(!shown.text.contains(value.dropFirst(5)))
    }
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.api_tokens WHERE id = '\(id)' AND secret_hash = sha256('\(value)')
          AND expires_at BETWEEN now() + interval '29 d' AND now() + interval '31 d'
        """) == 1)
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit WHERE action = 'api_token.create' AND actor = 'user:\(owner.id)'
          AND subject = 'token:\(name)' AND details ->> 'role' = 'viewer' AND position('\(value)' IN details::text) = 0
        """) == 1)
  }

  @Test func `a token acts with its role and its name`() async throws {
    let server = try await server()
    let owner = try await server.person(.admin)
    let name = "t-\(UUID.random())"
    let program = try await TestProgram(of: owner, .operator, named: name)
    #expect(try await program.request("GET", "/api/v1/servers").status == 200)
    #expect(try await program.request("GET", "/api/v1/users").error == "insufficient_role")
    let secret = try await program.request(
      "POST", "/api/v1/registration-secrets", ["name": .string("s-\(UUID.random())")])
    #expect(secret.status == 201, "\(secret)")
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit WHERE action = 'registration_secret.create' AND actor = 'token:\(name)'
        """) == 1)
  }

  @Test func `a use is stored once a minute`() async throws {
    let server = try await server()
    let program = try await TestProgram(of: try await server.person(.viewer), .viewer)
    let used =
      "SELECT (extract(epoch FROM last_used_at) * 1e6)::int8 FROM pganalytics.api_tokens WHERE id = '\(program.id)'"
    #expect(try await program.refusal() == nil)
    let first = try await server.integer(used)
    #expect(try await program.refusal() == nil)
    #expect(try await server.integer(used) == first)
    try await server.database.script(
      "UPDATE pganalytics.api_tokens SET last_used_at = now() - interval '2 min' WHERE id = '\(program.id)'")
    #expect(try await program.refusal() == nil)
    #expect(try await server.integer(used) > first)
  }

  @Test func `a mistyped token differs from an unknown one, an expired one and a revoked one`() async throws {
    let server = try await server()
    let owner = try await server.person(.viewer)
    let program = try await TestProgram(of: owner, .viewer)
    func refusal(_ token: String) async throws -> String? {
      try await server.request("GET", "/api/v1/auth/me", nil, [("Authorization", "Bearer \(token)")]).error
    }
    let last: Character = program.token.last == "A" ? "B" : "A"
    let whole = program.token
    let broken: [String] = [
      String(whole.dropLast()) + String(last), String(whole.dropLast()), whole + "A", "pgat_", "pgat_%",
    ]
    for token in broken {
      #expect(try await refusal(String(token)) == "malformed_token", "\(token)")
    }
    #expect(try await refusal(APITokenValue.random().text) == "invalid_token")
    try await server.database.script("UPDATE pganalytics.api_tokens SET expires_at = now() WHERE id = '\(program.id)'")
    #expect(try await program.refusal() == "expired_token")
    let other = try await TestProgram(of: owner, .viewer)
    #expect(try await owner.request("DELETE", "/api/v1/tokens/\(other.id)").status == 204)
    #expect(try await other.refusal() == "token_revoked")
    #expect(try await owner.request("DELETE", "/api/v1/tokens/\(other.id)").status == 204)
  }

  @Test func `a revocation at one server counts at the other at once, also on an open connection`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let owner = try await first.person(.viewer)
    let program = try await TestProgram(of: owner, .viewer)
    let open = try await second.client()
    let field = ("Authorization", "Bearer \(program.token)")
    #expect(try await open.request("GET", "/api/v1/auth/me", [field]).status == 200)
    #expect(try await owner.request("DELETE", "/api/v1/tokens/\(program.id)").status == 204)
    #expect(try await open.request("GET", "/api/v1/auth/me", [field]).error == "token_revoked")
    await second.stop()
    await first.stop()
  }

  @Test func `no token exceeds the role of its owner, now or later`() async throws {
    let server = try await server()
    let admin = try await server.person(.admin)
    let owner = try await server.person(.operator)
    let above = try await owner.request("POST", "/api/v1/tokens", ["name": "above", "role": "admin"])
    #expect(above.error == "insufficient_role", "\(above)")
    let program = try await TestProgram(of: owner, .operator)
    let path = "/api/v1/users/\(owner.id)"
    #expect(try await program.request("GET", "/api/v1/registration-secrets").status == 200)
    #expect(try await admin.request("PATCH", path, ["role": "viewer"]).status == 200)
    #expect(try await program.request("GET", "/api/v1/registration-secrets").error == "insufficient_role")
    #expect(try await program.request("GET", "/api/v1/servers").status == 200)
    #expect(try await admin.request("PATCH", path, ["role": "admin"]).status == 200)
    #expect(
      try await program.request("GET", "/api/v1/users").error == "insufficient_role", "the token stays an operator")
    #expect(try await admin.request("PATCH", path, ["is_active": false]).status == 200)
    #expect(try await program.refusal() == "token_revoked")
    #expect(try await admin.request("PATCH", path, ["is_active": true]).status == 200)
    #expect(try await program.refusal() == "token_revoked", "a deactivation revokes for good")
    let other = try await TestProgram(of: try await server.person(named: owner.name), .viewer)
    #expect(try await admin.request("DELETE", path).status == 204)
    #expect(try await other.refusal() == "invalid_token")
    // The same holds for a user whom a statement deactivated.
    let third = try await server.person(.viewer)
    let its = try await TestProgram(of: third, .viewer)
    try await server.database.script("UPDATE pganalytics.users SET is_active = false WHERE id = \(third.id)")
    #expect(try await its.refusal() == "token_revoked")
  }

  @Test func `a token cannot touch sessions and passwords, and makes no tokens`() async throws {
    let server = try await server()
    let owner = try await server.person(.admin)
    let program = try await TestProgram(of: owner, .admin)
    let passwords: JSONValue = ["current_password": .string(RunningServer.password), "new_password": "another horse"]
    for (method, path, body) in [
      ("POST", "auth/logout", nil), ("POST", "auth/logout-everywhere", nil),
      ("POST", "auth/change-password", passwords),
      ("POST", "tokens", ["name": "more", "role": "viewer"]), ("GET", "sessions", nil),
      ("DELETE", "sessions/\(owner.refreshToken.prefix(36))", nil),
    ] as [(String, String, JSONValue?)] {
      let answer = try await program.request(method, "/api/v1/\(path)", body)
      #expect(answer.status == 403, "\(path): \(answer)")
      #expect(answer.error == "token_refused", "\(path): \(answer)")
      #expect(answer.json["details"]?.text?.hasPrefix("an API token cannot ") == true)
    }
    #expect(try await owner.refusal() == nil)
    #expect(try await server.login(owner.name, RunningServer.password).status == 200)
  }

  @Test func `no token calls an endpoint that changes users, passwords, sessions or tokens, or one that is for people`()
    async throws
  {
    let server = try await server()
    let owner = try await server.person(.admin)
    let program = try await TestProgram(of: owner, .admin)
    var refused: Set<String> = []
    for endpoint in server.server.endpoints {
      let about = endpoint.path.template.split(separator: "/").dropFirst(2).first ?? ""
      let isRead = endpoint.method == .get || endpoint.method == .head
      if case .person = endpoint.reach {
        let target = endpoint.path.template.replacing(
          "{id}", with: about == "users" ? "\(owner.id)" : about == "tokens" ? program.id : "\(UUID.random())")
        let answer = try await program.request(endpoint.method.name, target, isRead ? nil : [:])
        #expect(answer.status == 403 && answer.error == "token_refused", "\(target): \(answer)")
        #expect(answer.json["details"]?.text?.hasPrefix("an API token cannot ") == true, "\(answer)")
        refused.insert("\(endpoint.method.name) \(about)")
      } else if ["users", "tokens", "sessions", "auth"].contains(about), endpoint.access != .anyone {
        #expect(isRead, "\(endpoint.method.name) \(endpoint.path.template) is open to tokens")
      }
    }
    #expect(
      refused.isSuperset(of: ["POST users", "PATCH users", "DELETE users", "POST tokens", "DELETE tokens", "POST auth"]
      ),
      "\(refused)")
    #expect(try await program.refusal() == nil)
    #expect(try await owner.refusal() == nil)
  }

  @Test func `people see and revoke their own tokens, administrators all`() async throws {
    let server = try await server()
    let (admin, owner, stranger) = (
      try await server.person(.admin), try await server.person(.viewer), try await server.person(.operator)
    )
    let program = try await TestProgram(of: owner, .viewer)
    let path = "/api/v1/tokens/\(program.id)"
    #expect(try await owner.request("GET", "/api/v1/tokens").json["total"]?.integer == 1)
    #expect(try await stranger.request("GET", "/api/v1/tokens").json["total"]?.integer == 0)
    #expect(try await stranger.request("GET", "/api/v1/tokens?user=\(owner.id)").json["total"]?.integer == 0)
    #expect(try await stranger.request("GET", path).status == 404)
    #expect(try await stranger.request("DELETE", path).status == 404)
    #expect(try await program.refusal() == nil)
    let listed = try await admin.request("GET", "/api/v1/tokens?user=\(owner.id)")
    #expect(listed.json["data"]?[0]?["owner"]?.text == owner.name, "\(listed)")
    #expect(try await admin.request("DELETE", path).status == 204)
    #expect(try await program.refusal() == "token_revoked")
    #expect(try await owner.request("GET", "/api/v1/tokens?status=revoked").json["total"]?.integer == 1)
  }

  @Test func `a name is used by one token at a time, and no life exceeds its maximum`() async throws {
    let server = try await server()
    let owner = try await server.person(.viewer)
    let name = "t-\(UUID.random())"
    let program = try await TestProgram(of: owner, .viewer, named: name)
    let body: JSONValue = ["name": .string(name), "role": "viewer"]
    #expect(try await owner.request("POST", "/api/v1/tokens", body).error == "conflict")
    #expect(try await owner.request("DELETE", "/api/v1/tokens/\(program.id)").status == 204)
    #expect(try await owner.request("POST", "/api/v1/tokens", body).status == 201)
    for (life, status) in [("366d", UInt16(201)), ("367d", 422)] {
      let answer = try await owner.request(
        "POST", "/api/v1/tokens",
        ["name": .string("t-\(UUID.random())"), "role": "viewer", "expires_in": .string(life)])
      #expect(answer.status == status, "\(answer)")
    }
    let past = try await owner.request(
      "POST", "/api/v1/tokens", ["name": "past", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"])
    #expect(past.error == "validation_failed")
  }
}
