// The life of a login session: a password begins it, refresh tokens continue it, and the database records its end.

import Ground
import Protocol

/// The program with which a person logs in or refreshes, as far as a session keeps it.
struct SessionClient: Sendable {
  /// Whether the refresh token travels as a cookie.
  let isBrowser: Bool
  /// The beginning of the field `User-Agent`.
  let userAgent: String?

  private static let userAgentCharacters = 200

  init(_ head: HTTPRequestHead, isBrowser: Bool) {
    self.isBrowser = isBrowser
    userAgent = head.string(named: "user-agent").map { String($0.unicodeScalars.prefix(Self.userAgentCharacters)) }
  }
}

/// Begins, continues and ends sessions.
struct Sessions: Sendable {
  /// The tokens that a client gets.
  struct Granted: Sendable {
    let account: Account
    let access: Tokens.Issued
    let refresh: RefreshToken
  }

  let database: Database
  let signingKeys: SigningKeys
  let passwords: Passwords
  let gate: LoginGate

  private static func life(_ context: RequestContext) -> Double {
    Double(context.settings.refreshTokenLife.wholeSeconds)
  }

  private static func grace(_ context: RequestContext) -> Double {
    Double(context.settings.refreshGrace.wholeMilliseconds) / 1000
  }

  /// Logs in with name and password.
  func begin(
    _ username: String, _ password: String, by client: SessionClient, _ context: RequestContext
  ) async throws(Problem) -> Granted {
    var event = AuditEvent(.login, context)
    let account = try await gate.check(username, password, wrong: .invalidCredentials, event, context)
    event.subject = account.actor
    event.details["username"] = .string(username)
    guard account.isActive else { throw try await gate.refusal(event, Problem(.accountInactive)) }
    let newHash = PasswordHash.needsRehash(account.passwordHash) ? try await passwords.hash(password) : nil
    let token = RefreshToken.first()
    let granted = try grant(account, token, context)
    do throws(Problem) {
      try await database.change(AuditEvent(.login, by: account.actor, context)) { session throws(Problem) in
        try await enter(account, username, newHash, token, client, session, context)
      }
    } catch {
      // The account changed while the password was checked: other attempts locked the name, or the password was
      // changed.
      switch error.kind {
      case .accountLocked, .invalidCredentials: throw try await gate.refusal(event, error)
      default: throw error  // an error of the database
      }
    }
    return granted
  }

  private func enter(
    _ account: Account, _ username: String, _ newHash: String?, _ token: RefreshToken, _ client: SessionClient,
    _ session: DatabaseLease, _ context: RequestContext
  ) async throws(Problem) {
    let entered = try await session.query { session throws(DatabaseError) in
      try await session.execute(AccountStatements.loggedIn, account.id, account.passwordHash)
    }
    if entered == 0 { throw Problem(.invalidCredentials) }
    let wait = try await session.query { session throws(DatabaseError) in
      try await session.one(LoginStatements.lock, username, context.peerAddress)?.value
    }
    if let wait { throw Problem(locked: wait) }
    try await session.query { session throws(DatabaseError) in
      try await session.execute(LoginStatements.succeed, username, context.peerAddress)
      if let newHash { try await session.execute(AccountStatements.rehash, account.id, newHash) }
      try await session.execute(
        UserSessionStatements.begin, token.session, account.id, token.digest, Self.life(context), client.isBrowser,
        context.peerAddress, client.userAgent)
    }
  }

  /// Continues a session, usually with the next refresh token. A browser gets the same next token for `refresh_grace`,
  /// however often it sends this one or the next. Only invalid tokens are limited. A valid token costs one indexed
  /// look-up, and invalid tokens from the same address do not hinder it.
  /// - Throws: `.invalidToken`, `.expiredToken`, `.sessionEnded`; `.reusedToken`, which also ends the session.
  func refresh(
    _ text: String, by client: SessionClient, _ context: RequestContext
  ) async throws(Problem) -> Granted {
    guard let token = RefreshToken(text) else {
      throw try await refuse(Problem(.invalidToken), AuditEvent(.refresh, context), context)
    }
    let known = try await state(of: token, context)
    guard let known, known.isBrowser == client.isBrowser, known.isCurrent || known.isReplaced else {
      throw try await refuse(token, by: client, known, context)
    }
    let continued = try await database.transaction { session throws(Problem) in
      try await session.query { session throws(DatabaseError) -> (Account, RefreshToken)? in
        let continued = try await advance(token, by: client, session, context)
        if let (account, _) = continued { try await session.audit(AuditEvent(.refresh, by: account.actor, context)) }
        return continued
      }
    }
    guard let (account, next) = continued else {
      throw try await refuse(token, by: client, try await state(of: token, context), context)
    }
    return try grant(account, next, context)
  }

  /// The account and the present token of a session that goes on; nil if `token` is not valid.
  private func advance(
    _ token: RefreshToken, by client: SessionClient, _ session: DatabaseLease, _ context: RequestContext
  ) async throws(DatabaseError) -> (Account, RefreshToken)? {
    let salt = RefreshToken.salt()
    let next = client.isBrowser ? token.next(salt: salt) : token.next()
    let account = try await session.one(
      UserSessionStatements.refresh, token.session, token.generation, token.digest, next.digest, Self.life(context),
      client.isBrowser, salt, Self.grace(context), context.peerAddress, client.userAgent)
    if let account { return (account, next) }
    guard client.isBrowser else { return nil }
    let kept = try await session.one(
      UserSessionStatements.keep, token.session, token.generation, token.digest, Self.life(context),
      Self.grace(context), context.peerAddress, client.userAgent)
    return kept.map { ($0.account, $0.generation == token.generation ? token : token.next(salt: $0.salt)) }
  }

  private func state(of token: RefreshToken, _ context: RequestContext) async throws(Problem) -> SessionState? {
    try await database.query { database throws(DatabaseError) in
      try await database.one(
        UserSessionStatements.state, token.session, token.generation, token.digest, Self.grace(context))
    }
  }

  /// Audits a token that is not valid. - Returns: the problem that tells why.
  private func refuse(
    _ token: RefreshToken, by client: SessionClient, _ state: SessionState?, _ context: RequestContext
  ) async throws(Problem) -> Problem {
    var event = AuditEvent(.refresh, context, on: state.map { "user:\($0.userID)" })
    guard let state, state.isBrowser == client.isBrowser else {
      return try await refuse(Problem(.invalidToken), event, context)
    }
    if token.generation < state.generation, !state.isReplaced {
      event = AuditEvent(.refreshReuse, context, on: event.subject)
      let problem = Problem(.reusedToken)
      if state.isRevoked || state.isExpired { return try await refuse(problem, event, context) }
      try await database.change(event.refused(problem)) { session throws(Problem) in
        try await session.query { session throws(DatabaseError) in
          try await session.execute(UserSessionStatements.end, token.session)
        }
      }
      return problem
    }
    let kind: Problem.Kind
    if !(state.isCurrent || state.isReplaced) || token.generation > state.generation {
      kind = .invalidToken
    } else if state.isRevoked {
      kind = .sessionEnded
    } else {
      // Otherwise the session's user is no longer active.
      kind = state.isExpired ? .expiredToken : .sessionEnded
    }
    return try await refuse(Problem(kind), event, context)
  }

  private func refuse(
    _ problem: Problem, _ event: AuditEvent, _ context: RequestContext
  ) async throws(Problem) -> Problem {
    try await gate.refusal(event, problem, fromAddress: context.peerAddress)
  }

  private func grant(_ account: Account, _ token: RefreshToken, _ context: RequestContext) throws(Problem) -> Granted {
    guard let role = Role(rawValue: account.role) else {
      throw Problem(.internalError, cause: "\(account.username) has the unknown role \(account.role)")
    }
    let user = Principal.User(id: account.id, name: account.username, role: role, sessionID: token.session)
    let access = signingKeys.tokens.issue(
      user: user, session: token.session, now: context.now.unixMicroseconds / 1_000_000)
    return Granted(account: account, access: access, refresh: token)
  }

  /// Ends all sessions of the caller, this one included.
  func endAll(_ context: RequestContext) async throws(Problem) {
    let user = try context.user()
    try await database.change(AuditEvent(.logoutEverywhere, context)) { session throws(Problem) in
      try await session.query { session throws(DatabaseError) in
        try await session.execute(UserSessionStatements.endAll, user.id)
      }
    }
  }

  /// Ends the caller's session.
  func end(_ context: RequestContext) async throws(Problem) {
    let ended = try context.user().sessionID()
    try await database.change(AuditEvent(.logout, context)) { session throws(Problem) in
      try await session.query { session throws(DatabaseError) in
        try await session.execute(UserSessionStatements.end, ended)
      }
    }
  }

  /// Changes the caller's password and ends the caller's other sessions.
  func changePassword(
    from current: String, to new: String, _ context: RequestContext
  ) async throws(Problem) {
    let user = try context.user()
    let own = try user.sessionID()
    if let fault = Accounts.fault(inPassword: new, of: user.name) {
      throw Problem(.validationFailed, "new_password \(fault)")
    }
    if new == current { throw Problem(.validationFailed, "new_password must differ from current_password") }
    let event = AuditEvent(.changePassword, context)
    let account = try await gate.check(user.name, current, wrong: .wrongPassword, isKnown: true, event, context)
    let hash = try await passwords.hash(new)
    try await database.change(event) { session throws(Problem) in
      let changed = try await session.query { session throws(DatabaseError) in
        try await session.execute(AccountStatements.setPassword, user.id, account.passwordHash, hash)
      }
      if changed == 0 { throw Problem(.conflict, "another request has just changed the password") }
      try await session.query { session throws(DatabaseError) in
        try await session.execute(UserSessionStatements.endOthers, user.id, own)
        try await session.execute(LoginStatements.succeed, user.name, context.peerAddress)
      }
    }
  }
}

extension Database {
  /// The current user of a session that has not ended.
  /// - Throws: `.sessionEnded`
  func user(of token: UserToken) async throws(Problem) -> Principal.User {
    let present: PresentUser?
    do throws(DatabaseError) {
      present = try await one(UserSessionStatements.present, token.sessionID, token.userID)
    } catch {
      throw Problem(error)
    }
    guard let present else { throw Problem(.sessionEnded) }
    guard let role = Role(rawValue: present.role) else {
      throw Problem(.internalError, cause: "\(present.username) has the unknown role \(present.role)")
    }
    return Principal.User(id: token.userID, name: present.username, role: role, sessionID: token.sessionID)
  }
}
