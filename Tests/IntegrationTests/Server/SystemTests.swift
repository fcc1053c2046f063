import Ground
import Protocol
import Testing

@testable import App

/// Login, health and documentation.
@Suite struct SystemTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  @Test func `a login gives a token that works, and states its lifetime`() async throws {
    let server = try await server()
    try await Accounts.add(
      "Ada", password: RunningServer.password, role: .admin, email: "ada@example.com", fullName: nil,
      to: server.database)
    let answer = try await server.login("ada", RunningServer.password)
    #expect(answer.status == 200, "\(answer)")
    #expect(answer.json["expires_in"]?.integer == 900)
    #expect(answer.json["user"]?["username"]?.text == "Ada")
    #expect(answer.json["user"]?["password_hash"] == nil)
    let token = try #require(answer.json["access_token"]?.text)
    let list = try await server.client().request("GET", "/api/v1/servers", [("Authorization", "Bearer \(token)")])
    #expect(list.status == 200)
  }

  @Test func `a wrong password and an unknown name have answers that differ only in the request id`() async throws {
    let server = try await server()
    try await Accounts.add(
      "grace", password: RunningServer.password, role: .viewer, email: nil, fullName: nil, to: server.database)
    for answer in [
      try await server.login("grace", "wrong password"), try await server.login("nobody", RunningServer.password),
    ] {
      #expect(answer.status == 401)
      #expect(answer.error == "invalid_credentials")
      #expect(answer.json["details"] == nil)
      #expect(answer.json["message"]?.text == Problem.Kind.invalidCredentials.message)
    }
  }

  @Test func `an inactive account cannot log in, with the right password or without`() async throws {
    let server = try await server()
    try await Accounts.add(
      "gone", password: RunningServer.password, role: .viewer, email: nil, fullName: nil, to: server.database)
    try await server.database.script("UPDATE pganalytics.users SET is_active = false WHERE username = 'gone'")
    #expect(try await server.login("gone", RunningServer.password).error == "account_inactive")
    #expect(try await server.login("gone", "wrong password").error == "invalid_credentials")
  }

  @Test func `too many logins of an account are refused with 429 and a time to retry`() async throws {
    // One login a minute: however long a password takes on this machine, the second login comes too early.
    let server = try await RunningServer.start { $0.loginsPerAccountMinute = 1 }
    #expect(try await server.login("mallory", "guess guess").status == 401)
    let answer = try await server.login("MALLORY", "guess guess")
    #expect(answer.status == 429)
    #expect(answer.error == "rate_limited")
    #expect((answer.field("retry-after").flatMap { Int($0) } ?? 0) > 0)
    #expect(try await server.login("somebody else", "guess guess").status == 401)
    await server.stop()
  }

  @Test func `health reports the database, and liveness the process`() async throws {
    let client = try await server().client()
    for path in ["/api/v1/health", "/api/v1/health/ready"] {
      let answer = try await client.request("GET", path)
      #expect(answer.status == 200)
      #expect(answer.json["status"]?.text == "ok")
      #expect(answer.json["database_ok"]?.flag == true)
    }
    #expect(try await client.request("GET", "/api/v1/health/live").json["status"]?.text == "ok")
    for path in ["/api/v1/version", "/version"] {
      #expect(try await client.request("GET", path).json["version"]?.text == Version.text)
    }
    #expect(try await client.request("GET", "/").status == 200)
    let head = try await client.request("GET", "/api/v1/health/live")
    #expect(head.field("x-content-type-options") == "nosniff")
    #expect(head.field("cache-control") == "no-store")
    #expect(head.field("date") != nil)
  }

  @Test func `the document of the API names every path that answers`() async throws {
    let client = try await server().client()
    let document = try await client.request("GET", "/api/v1/openapi.json")
    #expect(document.status == 200)
    #expect(document.json["openapi"]?.text?.hasPrefix("3.") == true)
    let paths = document.json["paths"]
    for path in [
      TestCollector.pushTarget, "/api/v1/collectors/register", "/api/v1/collectors/refresh-token",
      "/api/v1/config/{collector_id}", "/api/v1/servers", "/api/v1/servers/{id}", "/api/v1/servers/{id}/metrics",
      "/api/v1/auth/login", "/api/v1/health",
    ] { #expect(paths?[path] != nil, "\(path)") }
  }
}
