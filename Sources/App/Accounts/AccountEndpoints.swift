// Logging in.

import Protocol
import Reactor

struct LoginRequest: RequestBody {
  let username: String
  let password: String

  init(from object: inout ObjectReader) {
    username = object.required("username", .string(1...64))
    password = object.required("password", .secret(1...PasswordHash.maximumPasswordBytes))
  }

  static let example: JSONValue = ["username": "admin", "password": "correct horse battery staple"]
}

/// A user as the API shows one.
struct UserAnswer: ResponseBody {
  static let schemaName = "User"
  let account: Account

  static let example = UserAnswer(
    account: Account(
      id: 1, username: "admin", email: "admin@example.com", fullName: "Ada Min", passwordHash: "", role: "admin",
      isActive: true, createdAt: Timestamp(unixSeconds: 1_790_000_000),
      updatedAt: Timestamp(unixSeconds: 1_790_000_000), lastLoginAt: nil))

  func write(to object: inout ObjectWriter) {
    object.member("id", account.id)
    object.member("username", account.username)
    object.nullable("email", account.email)
    object.nullable("full_name", account.fullName)
    object.member("role", account.role, "admin, operator or viewer.")
    object.member("is_active", account.isActive)
    object.nullable("last_login", account.lastLoginAt)
    object.member("created_at", account.createdAt)
    object.member("updated_at", account.updatedAt)
  }
}

struct LoginAnswer: ResponseBody {
  let accessToken: String
  let expiresIn: Int64
  let expiresAt: Timestamp
  let user: UserAnswer

  static let example = LoginAnswer(
    accessToken: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", expiresIn: 900, expiresAt: Timestamp(unixSeconds: 1_790_000_900),
    user: .example)

  func write(to object: inout ObjectWriter) {
    object.member("access_token", accessToken, "Send it as `Authorization: Bearer …`.")
    object.member("token_type", "Bearer")
    object.member("expires_in", expiresIn, "Seconds.")
    object.member("expires_at", expiresAt)
    object.member("user", user)
  }
}

enum AccountEndpoints {
  static func all(_ services: Services) -> [Endpoint] { [login(services)] }

  private static func login(_ services: Services) -> Endpoint {
    let limits = LoginLimits(services.settings)
    return Endpoint(
      .post, "/api/v1/auth/login", id: "login", tag: .authentication, access: .anyone,
      summary: "Log in with name and password.",
      description: "An unknown name and a wrong password are told apart neither by the answer nor by its time.",
      body: LoginRequest.self, returns: LoginAnswer.self,
      problems: [.invalidCredentials, .accountInactive, .rateLimited]
    ) { request, context async throws(Problem) -> LoginAnswer in
      let login = request.body
      try limits.take(account: login.username, address: context.peerAddress)
      let account = try await services.query { database throws(DatabaseError) in
        try await database.one(AccountStatements.byName, login.username)
      }
      // The same work is done for a name that nobody has.
      let stored = account?.passwordHash ?? PasswordHash.dummy
      let isRight = try await services.verify(login.password, against: stored)
      guard let account, isRight else { throw Problem(.invalidCredentials) }
      guard account.isActive else { throw Problem(.accountInactive) }
      guard let role = Role(rawValue: account.role) else { throw Problem(.internalError) }
      let now = context.now.unixMicroseconds / 1_000_000
      let session = UUID.random()
      let issued = services.tokens.issue(
        user: Principal.User(id: account.id, name: account.username, role: role, sessionID: session), now: now)
      try await services.query { database throws(DatabaseError) in
        try await database.execute(
          AccountStatements.beginSession, session, account.id, Timestamp(unixSeconds: issued.expiresAt))
        try await database.execute(AccountStatements.loggedIn, account.id)
      }
      return LoginAnswer(
        accessToken: issued.token, expiresIn: issued.expiresAt - now,
        expiresAt: Timestamp(unixSeconds: issued.expiresAt), user: UserAnswer(account: account))
    }
  }
}

extension Services {
  /// Checks a password on a worker thread: it takes a tenth of a second by design.
  fileprivate func verify(_ password: String, against hash: String) async throws(Problem) -> Bool {
    do throws(WorkerPoolError) {
      return try await workers.run { PasswordHash.verify(password, against: hash) }
    } catch {
      throw Problem(.overloaded, "too many logins are being checked", retryAfterSeconds: 5)
    }
  }
}
