import Ground
import Protocol
import Reactor
import Testing

@testable import App

/// The audit trail: complete, searchable, bounded, and without secrets.
@Suite struct AuditTests {
  private let audit = "/api/v1/audit"

  /// Every kind of event in the life of a user, once.
  @Test func `every event is audited, and no secret is`() async throws {
    let server = try await RunningServer.start { $0.loginLockoutFailures = 2 }
    try await Accounts.add(
      "root", password: RunningServer.password, role: .admin, email: nil, fullName: nil, to: server.database)
    let admin = try await server.person(named: "root")
    var secrets = [RunningServer.password, admin.accessToken, admin.refreshToken, "wrong guess", "made by admin"]
    secrets += ["changed by the user", "reset by the administrator", "set by the command line"]

    let made = try await admin.request(
      "POST", "/api/v1/users", ["username": "ada", "password": "made by admin", "role": "viewer"])
    let id = try #require(made.json["id"]?.integer)
    let path = "/api/v1/users/\(id)"
    let ada = try await server.person(named: "ada", password: "made by admin")
    let next = try TestUser(try await ada.refresh(), server: server)
    let forged = next.refreshToken.prefix(39) + Secrets.random()
    secrets += [ada.accessToken, ada.refreshToken, next.accessToken, next.refreshToken, String(forged)]
    #expect(try await server.refresh(String(forged)).error == "invalid_token")
    #expect(try await server.refresh("garbled secret").error == "invalid_token")
    #expect(try await server.login("ada", "wrong guess").error == "invalid_credentials")
    let passwords: JSONValue = ["current_password": "made by admin", "new_password": "changed by the user"]
    #expect(try await next.request("POST", "/api/v1/auth/change-password", passwords).status == 204)
    #expect(try await next.request("POST", "/api/v1/auth/change-password", passwords).error == "wrong_password")
    let more = try await server.person(named: "ada", password: "changed by the user")
    let stolen = try TestUser(try await more.refresh(), server: server)
    #expect(try await more.refresh().error == "reused_token")
    secrets += [more.accessToken, more.refreshToken, stolen.accessToken, stolen.refreshToken]
    #expect(try await next.request("POST", "/api/v1/auth/logout").status == 204)
    #expect(try await admin.request("PATCH", path, ["role": "operator", "email": "ada@example.com"]).status == 200)
    #expect(try await admin.request("PATCH", path, ["password": "reset by the administrator"]).status == 200)
    #expect(try await Accounts.setPassword("set by the command line", of: "ada", in: server.database))
    #expect(try await admin.request("PATCH", path, ["is_active": false]).status == 200)
    #expect(try await server.login("ada", "set by the command line").error == "account_inactive")
    for _ in 0..<2 { #expect(try await server.login("nobody", "wrong guess").error == "invalid_credentials") }
    #expect(try await server.login("Nobody", "wrong guess").error == "account_locked")
    #expect(try await admin.request("DELETE", path).status == 204)

    let (me, her) = ("user:\(admin.id)", "user:\(id)")
    let expected: [(String, String, String, String?, String?)] = [
      ("user.create", "system", "success", me, nil), ("auth.login", me, "success", nil, nil),
      ("user.create", me, "success", her, nil), ("auth.login", her, "success", nil, nil),
      ("auth.refresh", her, "success", nil, nil), ("auth.refresh", "anonymous", "refused", her, "invalid_token"),
      ("auth.refresh", "anonymous", "refused", nil, "invalid_token"),
      ("auth.login", "anonymous", "refused", her, "invalid_credentials"),
      ("auth.change_password", her, "success", nil, nil),
      ("auth.change_password", her, "refused", her, "wrong_password"), ("auth.login", her, "success", nil, nil),
      ("auth.refresh", her, "success", nil, nil),
      ("auth.refresh_reuse", "anonymous", "refused", her, "reused_token"), ("auth.logout", her, "success", nil, nil),
      ("user.update", me, "success", her, nil), ("user.update", me, "success", her, nil),
      ("user.update", "system", "success", her, nil), ("user.update", me, "success", her, nil),
      ("auth.login", "anonymous", "refused", her, "account_inactive"),
      ("auth.login", "anonymous", "refused", nil, "invalid_credentials"),
      ("auth.login", "anonymous", "refused", nil, "invalid_credentials"),
      ("auth.login", "anonymous", "refused", nil, "account_locked"), ("user.delete", me, "success", her, nil),
    ]
    let answer = try await admin.request("GET", audit + "?page_size=100")
    // The registration secret belongs to the fixture, and the first signing key to the start.
    let lines = Array((answer.json["data"]?.elements ?? []).reversed()).filter {
      !["registration_secret.create", "signing_key.rotate"].contains($0["action"]?.text)
    }
    try #require(lines.count == expected.count, "\(answer)")
    for (line, expected) in zip(lines, expected) {
      #expect(line["action"]?.text == expected.0, "\(line)")
      #expect(line["actor"]?.text == expected.1, "\(line)")
      #expect(line["outcome"]?.text == expected.2, "\(line)")
      #expect(line["subject"]?.text == expected.3, "\(line)")
      #expect(line["details"]?["error"]?.text == expected.4, "\(line)")
      let isLocal = expected.1 == "system"
      #expect((line["address"]?.text == "127.0.0.1") != isLocal, "\(line)")
      #expect((line["request_id"]?.text != nil) != isLocal, "\(line)")
    }
    #expect(lines[7]["details"]?["username"]?.text == "ada")
    #expect(lines[19]["details"]?["username"]?.text == "nobody")
    #expect(lines[14]["details"]?["changed"] == ["email", "role"])
    #expect(lines[15]["details"]?["changed"] == ["password"])

    // Looks for the parts of a token and for its digest as well. A digest is of no use to a thief, but it does not
    // belong here.
    for secret in secrets + secrets.flatMap({ $0.split(separator: ".").map(String.init) }) where secret.count > 5 {
      if UUID(secret) != nil { continue }
      let digest = Hex.encode(Secrets.digest(secret.utf8))
      for text in [secret, digest] {
        let found = try await server.integer(
          "SELECT count(*) FROM pganalytics.audit a WHERE position('\(text)' IN a::text) > 0")
        #expect(found == 0, "\(text)")
      }
    }
    await server.stop()
  }

  @Test func `the trail is filtered and paged, newest first`() async throws {
    // With the usual retention, maintenance could delete the lines of 2020 at any moment.
    let server = try await RunningServer.start { $0.auditRetention = .seconds(36_500 * 86_400) }
    let admin = try await server.person(.admin)
    try await server.database.script(
      """
      INSERT INTO pganalytics.audit (at, actor, action, subject, outcome, details)
      SELECT '2020-01-01 00:00Z'::timestamptz + n * interval '1 hour', 'user:' || n % 3, 'user.update', 'user:' || 900 + n,
        CASE WHEN n % 2 = 0 THEN 'success' ELSE 'refused' END, '{}'
      FROM generate_series(1, 12) n
      """)
    func subjects(_ query: String) async throws -> [String] {
      let answer = try await admin.request("GET", "\(audit)?until=2021-01-01T00:00:00Z&\(query)")
      #expect(answer.status == 200, "\(answer)")
      return answer.json["data"]?.elements.compactMap { $0["subject"]?.text?.suffix(2).description } ?? []
    }
    #expect(try await subjects("page_size=3") == ["12", "11", "10"])
    #expect(try await subjects("page_size=5&page=3") == ["02", "01"])
    #expect(try await subjects("actor=user:1") == ["10", "07", "04", "01"])
    #expect(try await subjects("actor=user:1&outcome=success") == ["10", "04"])
    #expect(try await subjects("subject=user:905") == ["05"])
    #expect(try await subjects("since=2020-01-01T11:00:00Z") == ["12", "11"])
    #expect(try await admin.request("GET", "\(audit)?since=7d&action=user.update").json["total"]?.integer == 0)
    #expect(try await admin.request("GET", "\(audit)?until=7d&action=user.update").json["total"]?.integer == 12)
    #expect(try await subjects("since=2020-01-01T02:00:00Z&page_size=100&action=user.update").count == 11)
    #expect(try await subjects("action=user.delete") == [])
    let page = try await admin.request("GET", "\(audit)?action=user.update&page_size=5")
    #expect(page.json["total"]?.integer == 12)
    for query in ["action=x", "outcome=x", "since=yesterday", "page_size=101", "order=x"] {
      #expect(try await admin.request("GET", "\(audit)?\(query)").error == "invalid_query", "\(query)")
    }
    await server.stop()
  }

  @Test func `a flood of refused logins is counted instead of written line by line`() async throws {
    let server = try await RunningServer.start {
      $0.auditRefusalsPerMinute = 2
      $0.loginsPerAddressMinute = 8
    }
    let start = MonotonicTime.now()
    var refusals = [String?]()
    while refusals.last != "rate_limited", refusals.count < 100 {
      refusals.append(try await server.login("guest \(refusals.count)", "guess guess").error)
    }
    #expect(refusals.last == "rate_limited")
    #expect(refusals.count > 8 && refusals.dropLast().allSatisfy { $0 == "invalid_credentials" })
    let minutes = start.duration(to: .now()).wholeSeconds / 60 + 1
    #expect(
      try await server.integer("SELECT count(*) FROM pganalytics.audit WHERE action = 'auth.login'") <= 2 + 2 * minutes)
    await server.stop()
  }

  @Test func `maintenance deletes lines that are older than the retention`() async throws {
    let server = try await RunningServer.start { $0.auditRetention = .seconds(2 * 86_400) }
    try await server.database.script(
      """
      INSERT INTO pganalytics.audit (at, actor, action, outcome)
      SELECT now() - n * interval '1 day' + interval '1 minute', 'system', 'user.update', 'success'
      FROM generate_series(1, 4) n
      """)
    try await server.maintain()
    #expect(try await server.integer("SELECT count(*) FROM pganalytics.audit WHERE action = 'user.update'") == 2)
    await server.stop()
  }
}
