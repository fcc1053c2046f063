import Protocol
import Testing

@testable import App

/// Sessions whose refresh token is a cookie.
@Suite struct BrowserSessionTests {
  private func server() async throws -> RunningServer { try await .people() }

  @Test func `a login with a cookie shows the refresh token to no script`() async throws {
    let server = try await server()
    let name = try await server.add(.viewer)
    let answer = try await TestBrowser.login(name, [TestBrowser.ownOrigin], server: server)
    let browser = try TestBrowser(answer, server: server)
    #expect(answer.json["refresh_token"] == nil)
    #expect(!answer.text.contains(browser.cookie))
    #expect(
      answer.field("set-cookie")
        == "__Host-pganalytics-session=\(browser.cookie); Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Strict")
    #expect(answer.field("cache-control") == "no-store")
    #expect(answer.json["refresh_expires_in"]?.integer == 86_400)
    #expect(try await browser.refusal() == nil)
    #expect(try await server.login(name, RunningServer.password).field("set-cookie") == nil)
  }

  @Test func `a refresh by the cookie continues the session with the next cookie`() async throws {
    let server = try await server()
    let browser = try await TestBrowser(server.add(.viewer), server: server)
    try await server.database.script(
      "UPDATE pganalytics.sessions SET expires_at = now() + interval '5 min' WHERE \(browser.isSession)")
    let answer = try await browser.refresh()
    let next = try TestBrowser(answer, server: server)
    #expect(next.cookie != browser.cookie)
    #expect(answer.json["refresh_token"] == nil)
    #expect(answer.field("cache-control") == "no-store")
    #expect(try await next.refusal() == nil)
    #expect(try await browser.refusal() == nil, "the earlier access token is of the same session")
    #expect(
      try await server.integer(
        "SELECT extract(epoch FROM expires_at - now())::int8 FROM pganalytics.sessions WHERE \(browser.isSession)")
        > 86_000)
    try await next.endGrace()
    let third = try TestBrowser(try await next.refresh(), server: server)
    #expect(third.cookie != next.cookie)
    // Other cookies of the same host come with it.
    let among = try await server.request(
      "POST", "/api/v1/auth/refresh", nil,
      [("Cookie", "a=b; x\(SessionCookie.name)=c; \(SessionCookie.name)=\(third.cookie); z"), TestBrowser.ownOrigin])
    #expect(among.status == 200, "\(among)")
  }

  @Test func `a page of another origin can neither log in nor refresh nor log out`() async throws {
    let server = try await server()
    let name = try await server.add(.viewer)
    let browser = try await TestBrowser(name, server: server)
    for fields: [(String, String)] in [
      [("Origin", "https://evil.example")], [("Origin", "http://localhost")], [("Origin", "https://localhost:8443")],
      [("Origin", "https://localhost.evil.example")], [("Origin", "null")], [],
      [TestBrowser.ownOrigin, TestBrowser.ownOrigin], [("Sec-Fetch-Site", "cross-site")],
      [("Sec-Fetch-Site", "same-site")], [("Sec-Fetch-Site", "none")],
      [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "same-origin")],
    ] {
      for answer in [
        try await TestBrowser.login(name, fields, server: server), try await browser.refresh(fields),
        try await browser.post("/api/v1/auth/logout", fields + [browser.authorization]),
        try await browser.post("/api/v1/auth/logout-everywhere", fields + [browser.authorization]),
      ] {
        #expect(answer.status == 403, "\(fields): \(answer)")
        #expect(answer.error == "foreign_origin", "\(fields): \(answer)")
        #expect(answer.field("set-cookie") == nil, "\(fields)")
      }
    }
    #expect(try await browser.refusal() == nil)
    #expect(try await browser.refresh([("Sec-Fetch-Site", "same-origin")]).status == 200)
    #expect(try await browser.refresh([("Origin", "https://LOCALHOST")]).status == 200)
  }

  @Test func `simultaneous refreshes of many tabs at two servers all get the same cookie`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let browser = try await TestBrowser(first.add(.viewer), server: first)
    let answers = try await withThrowingTaskGroup(of: TestAnswer.self) { group in
      for index in 0..<8 { group.addTask { try await browser.refresh(at: index % 2 == 0 ? first : second) } }
      return try await group.reduce(into: [TestAnswer]()) { $0.append($1) }
    }
    #expect(answers.allSatisfy { $0.status == 200 }, "\(answers)")
    #expect(Set(answers.map(\.cookie)).count == 1)
    let next = try TestBrowser(answers[0], server: first)
    for answer in answers {
      let tab = try TestBrowser(answer, server: first)
      #expect(try await tab.refusal() == nil)
    }
    #expect(try await next.refresh(at: second).cookie == next.cookie, "the present token stays during the grace")
    try await next.endGrace()
    #expect(try await next.refresh(at: second).status == 200)
    await second.stop()
    await first.stop()
  }

  @Test func `a replaced cookie continues the session within the grace, and ends it afterwards`() async throws {
    let server = try await server()
    let browser = try await TestBrowser(server.add(.viewer), server: server)
    let next = try TestBrowser(try await browser.refresh(), server: server)
    // The answer did not reach the browser, so it sends the same cookie after the reload.
    #expect(try await browser.refresh().cookie == next.cookie)
    try await browser.endGrace()
    let answer = try await browser.refresh()
    #expect(answer.status == 401)
    #expect(answer.error == "reused_token")
    #expect(answer.takesCookie, "\(answer.field("set-cookie") ?? "")")
    #expect(try await next.refusal() == "session_ended")
    #expect(try await next.refresh().error == "session_ended")
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit WHERE action = 'auth.refresh_reuse' AND details ->> 'error' = 'reused_token'
          AND subject = (SELECT 'user:' || user_id FROM pganalytics.sessions WHERE \(browser.isSession))
        """) == 1)
  }

  @Test func `a rotation whose time lies in the future gives no grace`() async throws {
    let server = try await server()
    let browser = try await TestBrowser(server.add(.viewer), server: server)
    let next = try TestBrowser(try await browser.refresh(), server: server)
    try await server.database.script(
      "UPDATE pganalytics.sessions SET rotated_at = now() + interval '1 h' WHERE \(browser.isSession)")
    #expect(try await next.refresh().cookie != next.cookie)
    try await server.database.script(
      "UPDATE pganalytics.sessions SET rotated_at = now() + interval '1 h' WHERE \(browser.isSession)")
    #expect(try await next.refresh().error == "reused_token")
  }

  @Test func `a cookie of two refreshes ago ends the session, also within the grace`() async throws {
    let server = try await server()
    let browser = try await TestBrowser(server.add(.viewer), server: server)
    let second = try TestBrowser(try await browser.refresh(), server: server)
    try await second.endGrace()
    let third = try TestBrowser(try await second.refresh(), server: server)
    #expect(try await browser.refresh().error == "reused_token")
    #expect(try await third.refusal() == "session_ended")
  }

  @Test func `without a grace a replaced cookie ends the session at once`() async throws {
    let server = try await RunningServer.start { $0.refreshGrace = .zero }
    let browser = try await TestBrowser(server.add(.viewer), server: server)
    let next = try TestBrowser(try await browser.refresh(), server: server)
    let third = try TestBrowser(try await next.refresh(), server: server)
    #expect(third.cookie != next.cookie, "each refresh gives another token")
    #expect(try await next.refresh().error == "reused_token")
    #expect(try await third.refusal() == "session_ended")
    await server.stop()
  }

  @Test func `a token counts only in the way in which its session gets it`() async throws {
    let server = try await server()
    let name = try await server.add(.viewer)
    let browser = try await TestBrowser(name, server: server)
    let program = try await server.person(named: name)
    #expect(try await server.refresh(browser.cookie).error == "invalid_token")
    let answer = try await server.request(
      "POST", "/api/v1/auth/refresh", nil,
      [("Cookie", "\(SessionCookie.name)=\(program.refreshToken)"), TestBrowser.ownOrigin])
    #expect(answer.error == "invalid_token")
    #expect(answer.takesCookie)
    #expect(try await program.refresh().field("set-cookie") == nil)
    let next = try TestBrowser(try await browser.refresh(), server: server)
    // A thief of the replaced cookie gets no grace outside of a browser, and ends nothing.
    #expect(try await server.refresh(browser.cookie).error == "invalid_token")
    #expect(try await next.refusal() == nil)
  }

  @Test func `a request without any refresh token is refused, and a forged cookie is taken away`() async throws {
    let server = try await server()
    let nothing = try await server.request("POST", "/api/v1/auth/refresh", nil, [TestBrowser.ownOrigin])
    #expect(nothing.status == 401)
    #expect(nothing.error == "unauthenticated")
    for value in ["", "x", "\(UUID.random()).0.\(Secrets.random())"] {
      let answer = try await server.request(
        "POST", "/api/v1/auth/refresh", nil, [("Cookie", "\(SessionCookie.name)=\(value)"), TestBrowser.ownOrigin])
      #expect(answer.error == "invalid_token", "\(value): \(answer)")
      #expect(answer.takesCookie)
    }
  }

  @Test func `a logout takes the cookie away, and a later refresh finds no session`() async throws {
    let server = try await server()
    let browser = try await TestBrowser(server.add(.viewer), server: server)
    let answer = try await browser.post("/api/v1/auth/logout", [TestBrowser.ownOrigin, browser.authorization])
    #expect(answer.status == 204)
    #expect(answer.takesCookie)
    let refused = try await browser.refresh()
    #expect(refused.error == "session_ended")
    #expect(refused.takesCookie, "a page whose session has ended loses the cookie by a refresh")
  }

  @Test func `a logout everywhere ends the sessions of this user and of nobody else`() async throws {
    let server = try await server()
    let name = try await server.add(.viewer)
    let browser = try await TestBrowser(name, server: server)
    let program = try await server.person(named: name)
    let other = try await server.person(.viewer)
    let answer = try await browser.post(
      "/api/v1/auth/logout-everywhere", [TestBrowser.ownOrigin, browser.authorization])
    #expect(answer.status == 204, "\(answer)")
    #expect(answer.takesCookie)
    #expect(try await browser.refusal() == "session_ended")
    #expect(try await program.refusal() == "session_ended")
    #expect(try await program.refresh().error == "session_ended")
    #expect(try await other.refusal() == nil)
    #expect(
      try await server.integer(
        """
        SELECT count(*) FROM pganalytics.audit
        WHERE action = 'auth.logout_everywhere' AND actor = 'user:\(program.id)'
        """)
        == 1)
  }
}
