import Ground
import Protocol
import Testing

@testable import App

/// A user who is logged in.
struct TestUser: Sendable {
  let id: Int64
  let name: String
  let accessToken: String
  let refreshToken: String
  let server: RunningServer

  /// - Parameter answer: the answer to a login or a refresh.
  init(_ answer: TestAnswer, server: RunningServer, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try #require(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
    id = try #require(answer.json["user"]?["id"]?.integer)
    name = try #require(answer.json["user"]?["username"]?.text)
    accessToken = try #require(answer.json["access_token"]?.text)
    refreshToken = try #require(answer.json["refresh_token"]?.text)
    self.server = server
  }

  var authorization: (String, String) { ("Authorization", "Bearer \(accessToken)") }

  /// Sends a request with the access token. - Parameter other: the server of the request, if it is not the user's own.
  func request(
    _ method: String, _ target: String, _ json: JSONValue? = nil, _ fields: [(String, String)] = [],
    at other: RunningServer? = nil
  ) async throws -> TestAnswer {
    try await (other ?? server).request(method, target, json, [authorization] + fields)
  }

  /// The slug of the refusal of a request with the access token; nil if the server accepts it.
  func refusal(at other: RunningServer? = nil) async throws -> String? {
    let answer = try await request("GET", "/api/v1/auth/me", at: other)
    return answer.status == 200 ? nil : answer.error
  }

  func refresh(at other: RunningServer? = nil) async throws -> TestAnswer {
    try await (other ?? server).refresh(refreshToken)
  }

  /// The condition that finds the session's row.
  var isSession: String { "id = '\(refreshToken.prefix(36))'" }
}

extension RunningServer {
  /// The server for all tests of users that do not change it. It refuses no user for frequent logins.
  static func people() async throws -> RunningServer { try await peopleServer.value }

  private static let peopleServer = Task { try await start { $0.loginsPerAccountMinute = 100_000 } }

  /// A request with a JSON body.
  func request(
    _ method: String, _ target: String, _ json: JSONValue? = nil, _ fields: [(String, String)] = []
  ) async throws -> TestAnswer {
    var fields = fields
    var body: [UInt8]?
    if let json {
      var writer = JSONWriter()
      writer.value(json)
      body = writer.finish().withUnsafeBytes { Array($0) }
      fields.append(("Content-Type", "application/json"))
    }
    return try await client().request(method, target, fields, body: body)
  }

  func refresh(_ token: String) async throws -> TestAnswer {
    try await request("POST", "/api/v1/auth/refresh", ["refresh_token": .string(token)])
  }

  /// Runs a round of the maintenance that is the same in every kind of storage, once the server's own round is over.
  func maintain() async throws {
    let maintenance = Maintenance(database: database, kind: .plain, storage: Live(constant: settings.storage))
    try await eventually("maintenance is always elsewhere") { try await !maintenance.round { _ in }.isElsewhere }
  }

  /// Made once, because a hash blocks the cooperative pool that the tests run on.
  private static let passwordHash = PasswordHash.hash(password)

  /// Adds a user with a new name. - Returns: the name.
  func add(_ role: Role) async throws -> String {
    let name = "\(role)-\(UUID.random().description.prefix(13))"
    let hash = try #require(Self.passwordHash)
    let account = try await database.one(AccountStatements.add, name, nil, nil, hash, role.rawValue, true)
    try #require(account != nil)
    return name
  }

  /// Adds a user and logs in.
  func person(_ role: Role) async throws -> TestUser { try await person(named: add(role)) }

  func person(named name: String, password: String = RunningServer.password) async throws -> TestUser {
    try TestUser(try await login(name, password), server: self)
  }
}
