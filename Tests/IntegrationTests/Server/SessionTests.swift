import Protocol
import Testing

@testable import App

/// The life of a login: refresh, theft, logout, other roles, other passwords.
@Suite struct SessionTests {
  private func server() async throws -> RunningServer { try await .people() }

  @Test func `a refresh has the answer of a login and continues the session`() async throws {
    let server = try await server()
    let user = try await server.person(.viewer)
    let login = try await server.login(user.name, RunningServer.password)
    #expect(login.json["refresh_expires_in"]?.integer == 86_400)
    // The session is about to end, and a refresh prolongs it.
    try await server.database.script(
      "UPDATE pganalytics.sessions SET expires_at = now() + interval '5 min' WHERE \(user.isSession)")
    let answer = try await user.refresh()
    #expect(answer.json["token_type"]?.text == "Bearer")
    #expect(answer.json["expires_in"]?.integer == 900)
    #expect(answer.json["refresh_expires_in"]?.integer == 86_400)
    #expect(
      try await server.integer(
        "SELECT extract(epoch FROM expires_at - now())::int8 FROM pganalytics.sessions WHERE \(user.isSession)")
        > 86_000)
    let next = try TestUser(answer, server: server)
    #expect(next.refreshToken != user.refreshToken)
    #expect(try await next.refusal() == nil)
    #expect(try await user.refusal() == nil, "the earlier access token is of the same session")
    #expect(try await next.refresh().status == 200)
  }

  @Test func `a stolen refresh token that is used twice ends the session of thief and owner`() async throws {
    let server = try await server()
    let owner = try await server.person(.admin)
    let thief = try TestUser(try await owner.refresh(), server: server)
    #expect(try await thief.refusal() == nil)
    let answer = try await owner.refresh()
    #expect(answer.status == 401)
    #expect(answer.error == "reused_token")
    #expect(try await owner.refusal() == "session_ended")
    #expect(try await thief.refusal() == "session_ended")
    #expect(try await thief.refresh().error == "session_ended")
    #expect(try await owner.refresh().error == "reused_token", "replayed again")
    let reuses = try await server.integer(
      """
      SELECT count(*) FROM pganalytics.audit
      WHERE action = 'auth.refresh_reuse' AND subject = 'user:\(owner.id)' AND outcome = 'refused'
        AND details ->> 'error' = 'reused_token' AND address = '127.0.0.1' AND request_id IS NOT NULL
      """)
    #expect(reuses == 2)
  }

  @Test func `one of simultaneous refreshes with the same token at two servers succeeds`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let user = try await first.person(.viewer)
    let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
      for index in 0..<8 { group.addTask { try await user.refresh(at: index % 2 == 0 ? first : second) } }
      return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
    }
    #expect(answers.count { $0.status == 200 } == 1)
    #expect(answers.filter { $0.status != 200 }.allSatisfy { $0.status == 401 && $0.error == "reused_token" })
    #expect(try await user.refusal(at: second) == "session_ended")
    await second.stop()
    await first.stop()
  }

  @Test func `a foreign or altered refresh token is refused and ends nothing`() async throws {
    let server = try await server()
    let user = try await server.person(.viewer)
    let parts = user.refreshToken.split(separator: ".").map(String.init)
    for token in [
      "x", "a.b.c", user.accessToken.prefix(100).description, parts[0] + "." + parts[1] + ".",
      parts[0] + "." + parts[1] + "." + Secrets.random(), parts[0] + ".1." + parts[2],
      parts[0] + ".2147483646." + parts[2], parts[0] + ".2147483647." + parts[2], parts[0] + ".-1." + parts[2],
      UUID.random().description + "." + parts[1] + "." + parts[2], user.refreshToken + "x",
    ] {
      let answer = try await server.refresh(token)
      #expect(answer.status == 401, "\(token): \(answer)")
      #expect(answer.error == "invalid_token", "\(token): \(answer)")
    }
    #expect(try await user.refresh().status == 200)
  }

  @Test func `an expired session differs from an unknown one, and its access token ends with it`() async throws {
    let server = try await server()
    let user = try await server.person(.viewer)
    try await server.database.script("UPDATE pganalytics.sessions SET expires_at = now() WHERE \(user.isSession)")
    let answer = try await user.refresh()
    #expect(answer.status == 401)
    #expect(answer.error == "expired_token")
    #expect(try await user.refusal() == "session_ended")
  }

  @Test func `a logout at one server ends the session at the other, also on an open connection`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let user = try await first.person(.viewer)
    let other = try await first.person(named: user.name)
    let open = try await second.client()
    #expect(try await open.request("GET", "/api/v1/auth/me", [user.authorization]).status == 200)
    #expect(try await user.request("POST", "/api/v1/auth/logout").status == 204)
    let refused = try await open.request("GET", "/api/v1/auth/me", [user.authorization])
    #expect(refused.status == 401)
    #expect(refused.error == "session_ended")
    #expect(refused.field("www-authenticate") != nil)
    for server in [first, second] {
      #expect(try await user.refusal(at: server) == "session_ended")
      #expect(try await user.refresh(at: server).error == "session_ended")
      #expect(try await other.refusal(at: server) == nil, "the user's other session goes on")
    }
    #expect(try await user.request("POST", "/api/v1/auth/logout").error == "session_ended")
    await second.stop()
    await first.stop()
  }

  @Test func `another role counts from the next request on, with more or fewer rights`() async throws {
    let server = try await server()
    let admin = try await server.person(.admin)
    let user = try await server.person(.viewer)
    #expect(try await user.request("GET", "/api/v1/users").error == "insufficient_role")
    let path = "/api/v1/users/\(user.id)"
    #expect(try await admin.request("PATCH", path, ["role": "admin"]).status == 200)
    #expect(try await user.request("GET", "/api/v1/users").status == 200)
    #expect(try await admin.request("PATCH", path, ["role": "operator"]).status == 200)
    #expect(try await user.request("GET", "/api/v1/users").error == "insufficient_role")
    #expect(try await user.request("GET", "/api/v1/auth/me").json["role"]?.text == "operator")
  }

  @Test func `a deactivated or deleted user loses access at once`() async throws {
    let server = try await server()
    let admin = try await server.person(.admin)
    for change: (TestUser) async throws -> TestAnswer in [
      { try await admin.request("PATCH", "/api/v1/users/\($0.id)", ["is_active": false]) },
      { try await admin.request("DELETE", "/api/v1/users/\($0.id)") },
    ] {
      let user = try await server.person(.operator)
      #expect(try await change(user).status < 300)
      #expect(try await user.refusal() == "session_ended")
      #expect(try await user.refresh().status == 401)
    }
    // The same holds for a user whom a statement deactivated without ending the sessions.
    let user = try await server.person(.operator)
    try await server.database.script("UPDATE pganalytics.users SET is_active = false WHERE id = \(user.id)")
    #expect(try await user.refusal() == "session_ended")
    #expect(try await user.refresh().error == "session_ended")
  }

  @Test func `a changed password ends the other sessions and only those`() async throws {
    let server = try await server()
    let user = try await server.person(.viewer)
    let other = try await server.person(named: user.name)
    let new = "another horse, another staple"
    let answer = try await user.request(
      "POST", "/api/v1/auth/change-password",
      ["current_password": .string(RunningServer.password), "new_password": .string(new)])
    #expect(answer.status == 204, "\(answer)")
    #expect(try await user.refusal() == nil)
    #expect(try await user.refresh().status == 200)
    #expect(try await other.refusal() == "session_ended")
    #expect(try await other.refresh().error == "session_ended")
    #expect(try await server.login(user.name, RunningServer.password).error == "invalid_credentials")
    #expect(try await server.login(user.name, new).status == 200)
  }

  @Test func `a password change needs the current password and a good new one`() async throws {
    let server = try await server()
    let user = try await server.person(.viewer)
    let current = RunningServer.password
    for (from, to, status, error) in [
      ("wrong password", "something new", UInt16(422), "wrong_password"),
      (current, current, 422, "validation_failed"),
      (current, user.name.uppercased(), 422, "validation_failed"),
      (current, "seven 7", 422, "validation_failed"),
      (current, String(repeating: "é", count: 513), 422, "validation_failed"),
    ] {
      let answer = try await user.request(
        "POST", "/api/v1/auth/change-password", ["current_password": .string(from), "new_password": .string(to)])
      #expect(answer.status == status, "\(to): \(answer)")
      #expect(answer.error == error, "\(to): \(answer)")
    }
    #expect(
      try await server.integer(
        "SELECT failures::int8 FROM pganalytics.login_failures"
          + " WHERE name_hash = pganalytics.login_name_hash('\(user.name)')") == 1,
      "the wrong password counts as a failed login")
    #expect(try await server.login(user.name, current).status == 200)
  }

  @Test func `a hash with weaker parameters than today's is replaced at login`() async throws {
    let server = try await server()
    let name = try await server.add(.viewer)
    let weak = try #require(
      PasswordHash.hash(RunningServer.password, parameters: PasswordHash.Parameters(logN: 4, r: 8, p: 1)))
    try await server.database.script(
      "UPDATE pganalytics.users SET password_hash = '\(weak)' WHERE username = '\(name)'")
    for _ in 0..<2 { _ = try await server.person(named: name) }
    let upgraded = try await server.integer(
      "SELECT count(*) FROM pganalytics.users WHERE username = '\(name)' AND password_hash LIKE '$scrypt$ln=15,%'")
    #expect(upgraded == 1)
  }

  @Test func `refused refresh tokens count against their address, and good ones do not`() async throws {
    let server = try await RunningServer.start { $0.loginsPerAddressMinute = 3 }
    var user = try await server.person(.viewer)
    for _ in 0..<4 { user = try TestUser(try await user.refresh(), server: server) }
    // Even a slow machine guesses more often than every twenty seconds.
    var answer = try await server.refresh("guess")
    #expect(answer.error == "invalid_token")
    for _ in 0..<20 where answer.error == "invalid_token" { answer = try await server.refresh("guess") }
    #expect(answer.status == 429)
    #expect(answer.error == "rate_limited")
    #expect((answer.field("retry-after").flatMap { Int($0) } ?? 0) > 0)
    await server.stop()
  }

  @Test func `failed attempts of strangers at an address do not lock out known users there`() async throws {
    let server = try await RunningServer.start { $0.loginsPerAddressMinute = 10 }
    let person = try await server.person(.viewer)
    let admin = try await server.person(.admin)
    for index in 0..<75 {
      let token = index % 2 == 0 ? "bogus-\(index)" : "\(UUID.random()).0.\(Secrets.random())"
      #expect([401, 429].contains(try await server.refresh(token).status))
    }
    // Even a slow machine guesses more often than every six seconds.
    var heldUp: UInt16 = 0
    for _ in 0..<20 where heldUp != 429 { heldUp = try await server.refresh("bogus").status }
    #expect(heldUp == 429, "the strangers are held up")
    let refreshed = try TestUser(try await person.refresh(), server: server)
    #expect(try await refreshed.refusal() == nil)
    _ = try await server.person(named: admin.name)
    // Logins with unknown names use up the limit of strangers. The admin is known at this address.
    var status: UInt16 = 0
    for index in 0..<75 where status != 429 { status = try await server.login("nobody-\(index)", "guess guess").status }
    #expect(status == 429)
    _ = try await server.person(named: admin.name)
    #expect(try await TestUser(refreshed.refresh(), server: server).refusal() == nil)
    await server.stop()
  }
}
