// The endpoints for logging in, refreshing and logging out.

import Ground
import Protocol

struct LoginRequest: RequestBody {
  let username: String
  let password: String
  let cookie: Bool

  init(from object: inout ObjectReader) {
    username = object.required("username", Accounts.username, "Upper and lower case are the same.")
    password = object.required("password", .secret(1...PasswordHash.maximumPasswordBytes))
    cookie = object.optional(
      "cookie", .flag, default: false, false,
      "For a page of this server in a browser: the refresh token is a cookie, which scripts cannot read.")
  }

  static let example: JSONValue = ["username": "admin", "password": "correct horse battery staple"]
}

struct RefreshRequest: RequestBody {
  static let isRequired = false
  let refreshToken: String?

  init(from object: inout ObjectReader) {
    refreshToken = object.optional(
      "refresh_token", .secret(1...RefreshToken.maximumCharacters), "Without it, the session's cookie counts.")
  }

  static let example: JSONValue = [
    "refresh_token": "8b0c1f6e-2f2f-4a8e-9a53-0b6a4c0d1e2f.0.3q2-7wABAgMEBQYHCAkKCwwNDg8QERIT"
  ]
}

struct ChangePasswordRequest: RequestBody {
  let current: String
  let new: String

  init(from object: inout ObjectReader) {
    current = object.required("current_password", .secret(1...PasswordHash.maximumPasswordBytes))
    new = object.required("new_password", Accounts.newPassword, "Neither the current one nor the user name.")
  }

  static let example: JSONValue = [
    "current_password": "correct horse battery staple", "new_password": "a better horse, a longer staple",
  ]
}

/// The answer to a login and to a refresh.
struct LoginAnswer: ResponseBody {
  let accessToken: String
  let expiresIn: Int64
  let expiresAt: Timestamp
  /// Nil if the token is in the cookie.
  let refreshToken: String?
  let refreshExpiresIn: Int64
  let user: UserAnswer

  static let example = LoginAnswer(
    accessToken: "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", expiresIn: 900, expiresAt: Timestamp(unixSeconds: 1_790_000_900),
    refreshToken: "8b0c1f6e-2f2f-4a8e-9a53-0b6a4c0d1e2f.0.3q2-7wABAgMEBQYHCAkKCwwNDg8QERIT", refreshExpiresIn: 86_400,
    user: .example)

  func write(to object: inout ObjectWriter) {
    object.member("access_token", accessToken, "Send it as `Authorization: Bearer …`.")
    object.member("token_type", "Bearer")
    object.member("expires_in", expiresIn, "Seconds.")
    object.member("expires_at", expiresAt)
    object.optional(
      "refresh_token", refreshToken,
      "Good for one refresh. Keep it where the password would be safe. Absent if the session's cookie has it.")
    object.member("refresh_expires_in", refreshExpiresIn, "Seconds until the session ends, unless it is refreshed.")
    object.member("user", user)
  }
}

enum SessionEndpoints {
  static func all(_ sessions: Sessions) -> [Endpoint] {
    [
      login(sessions), refresh(sessions), logout(sessions), logoutEverywhere(sessions), me(sessions.database),
      changePassword(sessions),
    ]
  }

  private static let granted = AnswerDeclaration.json(LoginAnswer.self, fields: [.sessionCookie])

  private static func login(_ sessions: Sessions) -> Endpoint {
    Endpoint(
      .post, "/api/v1/auth/login", id: "login", tag: .authentication, access: .anyone, command: "login",
      summary: "Log in with name and password.",
      description: """
        An unknown name and a wrong password get the same answer after the same time. After some failures in a row \
        (`login_lockout_failures`) the name is locked, whether it exists or not, and each further failure locks it twice \
        as long. While it is locked, the correct password is refused as well.

        With `cookie`, the refresh token is only in the cookie `__Host-pganalytics-session`, and `Origin` must be the \
        server's own.
        """,
      fields: [.origin], body: LoginRequest.self, returns: HTTPResponse.self, answers: [granted],
      problems: [.invalidCredentials, .accountInactive, .accountLocked, .foreignOrigin]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let body = request.body
      if body.cookie { try request.head.requireOwnOrigin() }
      let client = SessionClient(request.head, isBrowser: body.cookie)
      return answer(try await sessions.begin(body.username, body.password, by: client, context), client, context)
    }
  }

  private static func refresh(_ sessions: Sessions) -> Endpoint {
    Endpoint(
      .post, "/api/v1/auth/refresh", id: "refresh", tag: .authentication, access: .anyone, command: .none,
      summary: "Continue a session with its refresh token.",
      description: """
        The answer contains the next refresh token; the one sent is used up. If a token is used a second time, its session \
        ends, because a thief may hold it or its successor. So a client must send one refresh at a time.

        Without `refresh_token`, the session's cookie counts, and `Origin` must be the server's own. The answer sets the \
        next cookie; for `refresh_grace` a browser gets the same one again. A refused cookie is taken away.
        """,
      fields: [.origin], body: RefreshRequest.self, returns: HTTPResponse.self, answers: [granted],
      problems: [.unauthenticated, .invalidToken, .expiredToken, .reusedToken, .sessionEnded, .foreignOrigin]
    ) { request, context async throws(Problem) -> HTTPResponse in
      if let token = request.body.refreshToken {
        let client = SessionClient(request.head, isBrowser: false)
        return answer(try await sessions.refresh(token, by: client, context), client, context)
      }
      guard let cookie = SessionCookie.value(in: request.head) else {
        throw Problem(.unauthenticated, "neither `refresh_token` nor the cookie \(SessionCookie.name)")
      }
      try request.head.requireOwnOrigin()
      let client = SessionClient(request.head, isBrowser: true)
      do throws(Problem) {
        return answer(try await sessions.refresh(cookie, by: client, context), client, context)
      } catch {
        throw error.kind.status == .unauthorized ? error.adding(SessionCookie.cleared) : error
      }
    }
  }

  private static func logout(_ sessions: Sessions) -> Endpoint {
    Endpoint(
      .post, "/api/v1/auth/logout", id: "logout", tag: .authentication, access: .user(.viewer),
      reach: .person("log out"), command: "logout",
      summary: "End the session: its access tokens and its refresh token, at once and on every server.",
      description: """
        If the request has the session's cookie, `Origin` must be the server's own, and the answer takes the cookie away. \
        A browser whose access token has ended sends a refresh first: it gets a new access token, or loses the cookie.
        """,
      fields: [.origin], returns: HTTPResponse.self, answers: [loggedOut], problems: [.foreignOrigin]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let fields = try farewell(request.head)
      try await sessions.end(context)
      return HTTPResponse(status: .noContent, fields: fields)
    }
  }

  private static func logoutEverywhere(_ sessions: Sessions) -> Endpoint {
    Endpoint(
      .post, "/api/v1/auth/logout-everywhere", id: "logoutEverywhere", tag: .authentication, access: .user(.viewer),
      reach: .person("end the sessions of its owner"), command: "logout-everywhere",
      summary: "End all sessions of the caller, this one included, at once and on every server.",
      description: "The session's cookie is treated as at a logout.",
      fields: [.origin], returns: HTTPResponse.self, answers: [loggedOut], problems: [.foreignOrigin]
    ) { request, context async throws(Problem) -> HTTPResponse in
      let fields = try farewell(request.head)
      try await sessions.endAll(context)
      return HTTPResponse(status: .noContent, fields: fields)
    }
  }

  private static let loggedOut = AnswerDeclaration.empty(.noContent, fields: [.sessionCookie])

  /// The fields that take the cookie away, if the request has it. - Throws: `.foreignOrigin`
  private static func farewell(_ head: HTTPRequestHead) throws(Problem) -> [HTTPField] {
    if SessionCookie.value(in: head) == nil { return [] }
    try head.requireOwnOrigin()
    return [SessionCookie.cleared]
  }

  private static func me(_ database: Database) -> Endpoint {
    Endpoint(
      .get, "/api/v1/auth/me", id: "getMe", tag: .authentication, access: .user(.viewer), command: "whoami",
      summary: "The user who asks.", returns: UserAnswer.self
    ) { _, context async throws(Problem) -> UserAnswer in
      let user = try context.user()
      let account = try await database.query { database throws(DatabaseError) in
        try await database.one(AccountStatements.byID, user.id)
      }
      guard let account else { throw Problem(.sessionEnded) }
      return UserAnswer(account: account)
    }
  }

  private static func changePassword(_ sessions: Sessions) -> Endpoint {
    Endpoint(
      .post, "/api/v1/auth/change-password", id: "changePassword", tag: .authentication, access: .user(.viewer),
      reach: .person("change a password"), command: "password",
      summary: "Change one's own password.",
      description: """
        Ends all other sessions of the user. A wrong current password counts as a failed login. Its status is 422 and not \
        401, which a client would take for an expired token.
        """,
      body: ChangePasswordRequest.self, returns: NoContent.self, problems: [.wrongPassword, .accountLocked, .conflict]
    ) { request, context async throws(Problem) -> NoContent in
      try await sessions.changePassword(from: request.body.current, to: request.body.new, context)
      return NoContent()
    }
  }

  private static func answer(
    _ granted: Sessions.Granted, _ client: SessionClient, _ context: RequestContext
  ) -> HTTPResponse {
    let life = context.settings.refreshTokenLife.wholeSeconds
    let answer = LoginAnswer(
      accessToken: granted.access.token,
      expiresIn: granted.access.expiresAt - context.now.unixMicroseconds / 1_000_000,
      expiresAt: Timestamp(unixSeconds: granted.access.expiresAt),
      refreshToken: client.isBrowser ? nil : granted.refresh.text, refreshExpiresIn: life,
      user: UserAnswer(account: granted.account))
    return .json(answer, fields: client.isBrowser ? [SessionCookie.field(granted.refresh, life: life)] : [])
  }
}
