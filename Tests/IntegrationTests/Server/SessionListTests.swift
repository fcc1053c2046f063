import Protocol
import Testing

@testable import App

/// The list of sessions, and their end by the list.
@Suite struct SessionListTests {
  private func server() async throws -> RunningServer { try await .people() }

  @Test func `a session is listed with the address and the program of its last refresh`() async throws {
    let server = try await server()
    let user = try await server.person(.viewer)
    let path = "/api/v1/sessions"
    let before = try await user.request("GET", path).json["data"]?[0]
    #expect(before?["refreshed_at"] == .null)
    #expect(before?["address"]?.text == "127.0.0.1")
    #expect(before?["user_agent"] == .null)
    #expect(before?["is_browser"]?.flag == false)
    let long = "Browser/1 " + String(repeating: "é", count: 300)
    let answer = try await server.request(
      "POST", "/api/v1/auth/refresh", ["refresh_token": .string(user.refreshToken)], [("User-Agent", long)])
    let next = try TestUser(answer, server: server)
    let listed = try await next.request("GET", path)
    #expect(listed.json["total"]?.integer == 1, "\(listed)")
    let session = listed.json["data"]?[0]
    #expect(session?["id"]?.text == String(user.refreshToken.prefix(36)))
    #expect(session?["user_agent"]?.text == String(long.prefix(200)))
    #expect(session?["refreshed_at"]?.text != nil)
    #expect(session?["username"]?.text == user.name)
  }

  @Test func `people see and end their own sessions, administrators all`() async throws {
    let server = try await server()
    let (admin, user, stranger) = (
      try await server.person(.admin), try await server.person(.viewer), try await server.person(.operator)
    )
    let other = try await TestBrowser(user.name, server: server)
    let path = "/api/v1/sessions/\(other.cookie.prefix(36))"
    #expect(try await user.request("GET", "/api/v1/sessions").json["total"]?.integer == 2)
    #expect(try await stranger.request("GET", "/api/v1/sessions?user=\(user.id)").json["total"]?.integer == 0)
    #expect(try await stranger.request("DELETE", path).status == 404)
    #expect(try await other.refusal() == nil)
    #expect(try await admin.request("GET", "/api/v1/sessions?user=\(user.id)").json["total"]?.integer == 2)
    #expect(try await user.request("DELETE", path).status == 204)
    #expect(try await other.refusal() == "session_ended")
    #expect(try await user.request("DELETE", path).status == 404)
    #expect(try await admin.request("DELETE", "/api/v1/sessions/\(user.refreshToken.prefix(36))").status == 204)
    #expect(try await user.refusal() == "session_ended")
    #expect(
      try await server.integer(
        "SELECT count(*) FROM pganalytics.audit WHERE action = 'session.end' AND subject = 'user:\(user.id)'") == 2)
  }
}
