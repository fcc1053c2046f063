import Protocol
import Testing

@testable import App

/// Administrators and the users they make, change and delete.
@Suite struct UserTests {
  private func server() async throws -> RunningServer { try await .people() }
  private let users = "/api/v1/users"

  private func newUser(_ name: String, role: String = "viewer") -> JSONValue {
    ["username": .string(name), "password": .string(RunningServer.password), "role": .string(role)]
  }

  @Test func `a user is made, read, changed, cleared and deleted`() async throws {
    let server = try await server()
    let admin = try await server.person(.admin)
    let name = "Zoë \(UUID.random())"
    let made = try await admin.request(
      "POST", users,
      ["username": .string(name), "password": "nobody knows", "role": "operator", "email": "zoe@example.com"])
    #expect(made.status == 201, "\(made)")
    let id = try #require(made.json["id"]?.integer)
    let path = "\(users)/\(id)"
    #expect(made.field("location") == path)
    #expect(made.json["password"] == nil && made.json["password_hash"] == nil)
    let read = try await admin.request("GET", path)
    #expect(read.status == 200)
    #expect(read.json == made.json)
    let tag = try #require(read.field("etag"))
    #expect(made.field("etag") == tag)

    let changed = try await admin.request(
      "PATCH", path, ["email": nil, "full_name": "Zoë Z", "role": "viewer"], [("If-Match", tag)])
    #expect(changed.status == 200, "\(changed)")
    #expect(changed.json["email"] == .null)
    #expect(changed.json["full_name"]?.text == "Zoë Z")
    #expect(changed.json["role"]?.text == "viewer")
    let newTag = try #require(changed.field("etag"))
    #expect(newTag != tag)
    let same = try await admin.request("PATCH", path, .object(JSONObject()))
    #expect(same.status == 200)
    #expect(same.field("etag") == newTag, "nothing changed")
    _ = try await server.person(named: name, password: "nobody knows")
    #expect(try await admin.request("GET", path).field("etag") == newTag, "a login is no change")

    for method in ["PATCH", "DELETE"] {
      let stale = try await admin.request(
        method, path, method == "PATCH" ? ["role": "admin"] : nil, [("If-Match", tag)])
      #expect(stale.status == 412, "\(stale)")
      #expect(stale.error == "precondition_failed")
    }
    #expect(try await admin.request("DELETE", path, nil, [("If-Match", newTag)]).status == 204)
    for method in ["GET", "PATCH", "DELETE"] {
      let gone = try await admin.request(method, path, method == "PATCH" ? ["role": "admin"] : nil)
      #expect(gone.status == 404, "\(gone)")
    }
    #expect(try await server.login(name, "nobody knows").error == "invalid_credentials")
  }

  @Test func `a name is unique regardless of case, and a password is not the name`() async throws {
    let server = try await server()
    let admin = try await server.person(.admin)
    let name = "unique-\(UUID.random())"
    #expect(try await admin.request("POST", users, newUser(name)).status == 201)
    let taken = try await admin.request("POST", users, newUser(name.uppercased()))
    #expect(taken.status == 409)
    #expect(taken.error == "conflict")
    for (field, value): (String, JSONValue) in [
      ("username", ""), ("username", .string(String(repeating: "x", count: 65))), ("username", "a\u{7}b"),
      ("username", .string(RunningServer.password.uppercased())), ("password", "seven 7"), ("role", "root"),
      ("email", "nowhere"), ("is_active", "yes"), ("id", 7),
    ] {
      guard case .object(var body) = newUser("fine-\(UUID.random())") else { return }
      body[field] = value
      let answer = try await admin.request("POST", users, .object(body))
      #expect(answer.status == 422, "\(field) \(value): \(answer)")
      #expect(answer.error == "validation_failed")
    }
    let id = try await admin.request("GET", "\(users)?q=\(name)").json["data"]?[0]?["id"]?.integer ?? 0
    let own = try await admin.request("PATCH", "\(users)/\(id)", ["password": .string(name.uppercased())])
    #expect(own.status == 422, "\(own)")
  }

  @Test func `users are found by text, role and activity, in the requested order and by pages`() async throws {
    let server = try await server()
    let admin = try await server.person(.admin)
    let mark = UUID.random().description.prefix(8)
    for (name, role, isActive) in [("c", "viewer", true), ("a", "operator", false), ("B", "viewer", false)] {
      guard case .object(var body) = newUser("\(mark)-\(name)", role: role) else { return }
      body["is_active"] = .bool(isActive)
      body["email"] = .string("\(name)@\(mark).example.com")
      #expect(try await admin.request("POST", users, .object(body)).status == 201)
    }
    func names(_ query: String) async throws -> [String] {
      let answer = try await admin.request("GET", "\(users)?\(query)")
      #expect(answer.status == 200, "\(answer)")
      return answer.json["data"]?.elements.compactMap { $0["username"]?.text?.suffix(1).description } ?? []
    }
    let text = "q=\(mark.uppercased())"
    #expect(try await names(text) == ["a", "B", "c"])
    #expect(try await names(text + "&sort=-username") == ["c", "B", "a"])
    #expect(try await names(text + "&sort=created_at") == ["c", "a", "B"])
    #expect(try await names(text + "&sort=-created_at") == ["B", "a", "c"])
    #expect(try await names(text + "&role=viewer") == ["B", "c"])
    #expect(try await names(text + "&is_active=false") == ["a", "B"])
    #expect(try await names("q=b@\(mark)") == ["B"])
    #expect(try await names("q=%25\(mark)") == [], "a text has no wildcards")
    #expect(try await names(text + "&page=2&page_size=2") == ["c"])
    _ = try await server.person(named: "\(mark)-c")
    #expect(try await names(text + "&sort=-last_login").first == "c")
    let page = try await admin.request("GET", "\(users)?\(text)&page_size=2")
    #expect(page.json["total"]?.integer == 3)
    #expect(page.json["total_pages"]?.integer == 2)
    #expect(try await admin.request("GET", "\(users)?sort=password_hash").error == "invalid_query")
  }

  @Test(arguments: [Role.viewer, .operator])
  func `only administrators see and change users and read the audit trail`(_ role: Role) async throws {
    let server = try await server()
    let user = try await server.person(role)
    for (method, path, body): (String, String, JSONValue?) in [
      ("GET", users, nil), ("POST", users, newUser("x")), ("GET", "\(users)/\(user.id)", nil),
      ("PATCH", "\(users)/\(user.id)", ["role": "admin"]), ("DELETE", "\(users)/\(user.id)", nil),
      ("GET", "/api/v1/audit", nil),
    ] {
      let answer = try await user.request(method, path, body)
      #expect(answer.status == 403, "\(method) \(path): \(answer)")
      #expect(answer.error == "insufficient_role")
      #expect(try await server.request(method, path, body).error == "unauthenticated")
    }
  }

  @Test func `the last active administrator stays, and the attempt is audited`() async throws {
    let server = try await RunningServer.start()
    let admin = try await server.person(.admin)
    let idle = try await server.add(.admin)
    try await server.database.script("UPDATE pganalytics.users SET is_active = false WHERE username = '\(idle)'")
    let path = "\(users)/\(admin.id)"
    for (method, body): (String, JSONValue?) in [
      ("PATCH", ["role": "operator"]), ("PATCH", ["is_active": false]), ("DELETE", nil),
    ] {
      let answer = try await admin.request(method, path, body)
      #expect(answer.status == 409, "\(answer)")
      #expect(answer.error == "last_admin")
    }
    #expect(try await admin.request("PATCH", path, ["full_name": "Still There"]).status == 200)
    #expect(
      try await server.integer(
        "SELECT count(*) FROM pganalytics.audit WHERE outcome = 'refused' AND details ->> 'error' = 'last_admin'") == 3)
    await server.stop()
  }

  @Test func `administrators who remove one another at once leave one administrator`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    for round in 0..<5 {
      try await first.database.script("DELETE FROM pganalytics.users")
      let (ann, ben) = (try await first.person(.admin), try await first.person(.admin))
      async let one = ann.request(
        round % 2 == 0 ? "DELETE" : "PATCH", "\(users)/\(ben.id)", round % 2 == 0 ? nil : ["role": "viewer"])
      async let other = ben.request("PATCH", "\(users)/\(ann.id)", ["is_active": false], at: second)
      let answers = try await [one, other]
      // The loser of the race is refused: the target is the last administrator, or the loser no longer exists.
      #expect(answers.count { $0.status < 300 } == 1, "\(answers)")
      #expect(
        try await first.integer("SELECT count(*) FROM pganalytics.users WHERE role = 'admin' AND is_active") == 1)
    }
    await second.stop()
    await first.stop()
  }
}
