import Ground
import Protocol
import Testing

@testable import App

/// Guesses of passwords: how the server stops them, and that its answers do not tell which names exist.
@Suite struct LockoutTests {
  private static func makeServer() async throws -> RunningServer {
    try await .start {
      $0.loginsPerAccountMinute = 100_000
      $0.loginLockoutFailures = 3
      // The lock-out is long beside the slowest machine: the tests compare remaining times within a few minutes.
      $0.loginLockout = .seconds(1000)
      $0.loginLockoutMaximum = .seconds(3000)
    }
  }

  private static let shared = Task { try await makeServer() }
  private func server() async throws -> RunningServer { try await Self.shared.value }

  private static func row(_ name: String) -> String {
    "pganalytics.login_failures WHERE name_hash = pganalytics.login_name_hash('\(name)')"
  }

  /// Lets time pass for `name`: moves its failures and locks `seconds` into the past.
  private func age(_ name: String, by seconds: Int, _ server: RunningServer) async throws {
    for table in ["login_failures", "login_address_failures"] {
      try await server.database.script(
        """
        UPDATE pganalytics.\(table) SET failed_at = failed_at - make_interval(secs => \(seconds)),
          locked_until = locked_until - make_interval(secs => \(seconds))
        WHERE name_hash = pganalytics.login_name_hash('\(name)')
        """)
    }
  }

  /// Counts a failed login of `name` from an address that the test cannot call from.
  private func fail(_ name: String, from address: String, _ server: RunningServer) async throws {
    let settings = server.settings
    try await server.database.execute(
      LoginStatements.fail, name, address, Int32(settings.loginLockoutFailures),
      Double(settings.loginLockout.wholeSeconds), Double(settings.loginLockoutMaximum.wholeSeconds),
      Int32(settings.loginLockoutAddresses))
  }

  private func guess(_ name: String, _ count: Int, _ server: RunningServer) async throws {
    for _ in 0..<count {
      let answer = try await server.login(name, "guess guess")
      #expect(answer.status == 401, "\(answer)")
      #expect(answer.error == "invalid_credentials")
    }
  }

  /// Expects that `name` is locked. - Returns: the seconds of Retry-After.
  @discardableResult
  private func expectLocked(
    _ name: String, _ server: RunningServer, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Int {
    let answer = try await server.login(name, RunningServer.password)
    #expect(answer.status == 429, "\(answer)", sourceLocation: sourceLocation)
    #expect(answer.error == "account_locked", sourceLocation: sourceLocation)
    return answer.field("retry-after").flatMap { Int($0) } ?? -1
  }

  @Test func `failures lock a name, later ones for longer, and a right password counts only afterwards`()
    async throws
  {
    let server = try await server()
    let name = try await server.add(.viewer)
    try await guess(name, 3, server)
    #expect((700...1000).contains(try await expectLocked(name.uppercased(), server)))
    for seconds in [2000, 3000, 3000] {
      try await age(name, by: 3010, server)
      try await guess(name, 1, server)
      #expect((seconds - 300...seconds).contains(try await expectLocked(name, server)), "\(seconds)")
    }
    try await age(name, by: 3010, server)
    _ = try await server.person(named: name)
    #expect(try await server.integer("SELECT count(*) FROM \(Self.row(name))") == 0, "a success resets")
    try await guess(name, 2, server)
    _ = try await server.person(named: name)
  }

  @Test func `a name is locked for the guessing address, and for all only if many addresses guess`() async throws {
    let server = try await server()
    let name = try await server.add(.admin)
    for _ in 0..<20 { try await fail(name, from: "192.0.2.1", server) }
    #expect(try await server.database.one(LoginStatements.lock, name, "192.0.2.1") != nil)
    _ = try await server.person(named: name)
    // The owner's login does not shorten the wait of the guesser.
    #expect(try await server.database.one(LoginStatements.lock, name, "192.0.2.1") != nil)
    for address in 2..<server.settings.loginLockoutAddresses {
      try await fail(name, from: "192.0.2.\(address)", server)
    }
    _ = try await server.person(named: name)
    for address in 1...server.settings.loginLockoutAddresses {
      for _ in 0..<3 { try await fail(name, from: "198.51.100.\(address)", server) }
    }
    try await expectLocked(name, server)
    #expect(try await Accounts.setPassword("by the command line", of: name, in: server.database))
    _ = try await server.person(named: name, password: "by the command line")
  }

  @Test func `a lock-out from a clock that was ahead is void, and the next failure locks again`() async throws {
    let server = try await server()
    let name = try await server.add(.viewer)
    try await guess(name, 3, server)
    try await age(name, by: -86_400 * 365, server)
    try await guess(name, 1, server)
    try await expectLocked(name, server)
    try await age(name, by: -86_400 * 365, server)
    _ = try await server.person(named: name)
  }

  @Test func `a locked name gets the same answer whether it exists or not`() async throws {
    let server = try await server()
    let names = [try await server.add(.admin), "nobody-\(UUID.random())"]
    for name in names { try await guess(name, 3, server) }
    for name in names {
      let answer = try await server.login(name, RunningServer.password)
      #expect(answer.status == 429)
      let rest = answer.text.replacing(answer.json["request_id"]?.text ?? "?", with: "")
      #expect(
        rest
          == #"{"code":429,"error":"account_locked","message":"\#(Problem.Kind.accountLocked.message)","request_id":""}"#
      )
      #expect((700...1000).contains(answer.field("retry-after").flatMap { Int($0) } ?? -1))
    }
  }

  @Test func `simultaneous guesses at two servers are all counted`() async throws {
    let first = try await Self.makeServer()
    let second = try await first.second()
    let name = try await first.add(.viewer)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<6 {
        group.addTask { _ = try await (index % 2 == 0 ? first : second).login(name, "guess guess") }
      }
      try await group.waitForAll()
    }
    #expect(try await first.integer("SELECT failures::int8 FROM \(Self.row(name))") >= 3)
    for server in [first, second] { try await expectLocked(name, server) }
    await second.stop()
    await first.stop()
  }

  @Test func `old failures are forgotten`() async throws {
    let server = try await server()
    let name = try await server.add(.viewer)
    try await guess(name, 2, server)
    try await age(name, by: 3001, server)
    try await guess(name, 2, server)
    _ = try await server.person(named: name)
    // Maintenance deletes them as well.
    let other = "nobody-\(UUID.random())"
    try await guess(other, 1, server)
    try await age(other, by: 3001, server)
    try await server.maintain()
    #expect(try await server.integer("SELECT count(*) FROM \(Self.row(other))") == 0)
  }

  @Test func `wrong guesses at the current password of a session lock the name as well`() async throws {
    let server = try await server()
    let user = try await server.person(.viewer)
    func change() async throws -> TestAnswer {
      try await user.request(
        "POST", "/api/v1/auth/change-password", ["current_password": "guess", "new_password": "something new"])
    }
    for _ in 0..<3 { #expect(try await change().error == "wrong_password") }
    let answer = try await change()
    #expect(answer.status == 429)
    #expect(answer.error == "account_locked")
    try await expectLocked(user.name, server)
    #expect(try await user.refusal() == nil, "the session itself goes on")
  }

  @Test func `a new password from an administrator or the command line lifts a lock-out`() async throws {
    let server = try await server()
    let admin = try await server.person(.admin)
    let user = try await server.person(.viewer)
    try await guess(user.name, 3, server)
    let answer = try await admin.request("PATCH", "/api/v1/users/\(user.id)", ["password": "by the administrator"])
    #expect(answer.status == 200, "\(answer)")
    #expect(try await user.refusal() == "session_ended")
    let again = try await server.person(named: user.name, password: "by the administrator")
    try await guess(user.name, 3, server)
    #expect(try await Accounts.setPassword("by the command line", of: user.name, in: server.database))
    #expect(try await again.refusal() == "session_ended")
    _ = try await server.person(named: user.name, password: "by the command line")
    #expect(try await !Accounts.setPassword("by the command line", of: "nobody", in: server.database))
  }
}
