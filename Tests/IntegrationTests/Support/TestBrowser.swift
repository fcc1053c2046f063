import Protocol
import Testing

@testable import App

/// A browser with a page of the server: it holds the session's cookie and tells its origin.
struct TestBrowser: Sendable {
  static let ownOrigin = ("Origin", "https://localhost")

  let accessToken: String
  /// The value of the cookie.
  let cookie: String
  let server: RunningServer

  /// Logs in.
  init(_ name: String, server: RunningServer) async throws {
    let answer = try await Self.login(name, [Self.ownOrigin], server: server)
    try self.init(answer, server: server)
  }

  /// - Parameter answer: the answer to a login or a refresh.
  init(_ answer: TestAnswer, server: RunningServer, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try #require(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
    accessToken = try #require(answer.json["access_token"]?.text)
    cookie = try #require(answer.cookie, sourceLocation: sourceLocation)
    self.server = server
  }

  static func login(
    _ name: String, _ fields: [(String, String)], server: RunningServer
  ) async throws -> TestAnswer {
    let body: JSONValue = ["username": .string(name), "password": .string(RunningServer.password), "cookie": true]
    return try await server.request("POST", "/api/v1/auth/login", body, fields)
  }

  /// Sends a POST with the cookie. - Parameter fields: what else the browser tells.
  func post(
    _ target: String, _ fields: [(String, String)] = [ownOrigin], at other: RunningServer? = nil
  ) async throws -> TestAnswer {
    try await (other ?? server).request("POST", target, nil, [("Cookie", "\(SessionCookie.name)=\(cookie)")] + fields)
  }

  func refresh(
    _ fields: [(String, String)] = [ownOrigin], at other: RunningServer? = nil
  ) async throws -> TestAnswer {
    try await post("/api/v1/auth/refresh", fields, at: other)
  }

  var authorization: (String, String) { ("Authorization", "Bearer \(accessToken)") }

  /// The slug of the refusal of a request with the access token; nil if the server accepts it.
  func refusal() async throws -> String? {
    let answer = try await server.request("GET", "/api/v1/auth/me", nil, [authorization])
    return answer.status == 200 ? nil : answer.error
  }

  /// The condition that finds the session's row.
  var isSession: String { "id = '\(cookie.prefix(36))'" }

  /// Puts the last rotation further into the past than any grace.
  func endGrace() async throws {
    try await server.database.script(
      "UPDATE pganalytics.sessions SET rotated_at = now() - interval '1 h' WHERE \(isSession)")
  }
}

extension TestAnswer {
  /// The value of the session's cookie that the answer sets; nil if it sets none.
  var cookie: String? {
    field("set-cookie").flatMap { $0.split(separator: ";").first }.flatMap { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return parts.count == 2 && parts[0] == SessionCookie.name ? String(parts[1]) : nil
    }
  }

  /// Whether the answer takes the session's cookie away.
  var takesCookie: Bool { cookie == "" && field("set-cookie")?.contains("Max-Age=0;") == true }
}
