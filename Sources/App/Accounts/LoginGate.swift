// Checks passwords. Every attempt passes the limits in memory and the lock-out in the database, and then scrypt on a
// worker thread. An unknown name gets the same checks in the same order, and the same answers.

import Ground
import Protocol
import Reactor

struct LoginGate: Sendable {
  private let database: Database
  private let passwords: Passwords
  private let limits: LoginLimits
  private let trail: RefusalTrail

  init(_ database: Database, _ passwords: Passwords, _ settings: LiveSettings) {
    self.database = database
    self.passwords = passwords
    limits = LoginLimits(settings.live(\.self))
    trail = RefusalTrail(perMinute: settings.live(\.auditRefusalsPerMinute))
  }

  /// Returns the account with this name and password, whether active or not.
  /// - Parameters:
  ///   - wrong: the problem for a wrong name or password.
  ///   - isKnown: whether the caller has a session of the account.
  ///   - event: the attempted action, for the audit trail.
  /// - Throws: `wrong`, `.rateLimited`, `.accountLocked`, `.overloaded`
  func check(
    _ username: String, _ password: String, wrong: Problem.Kind, isKnown: Bool = false, _ event: AuditEvent,
    _ context: RequestContext
  ) async throws(Problem) -> Account {
    let address = context.peerAddress
    try counted { () throws(Problem) in
      try limits.take(account: username, address: address, isKnown: isKnown)
    }
    let (wait, account) = try await database.query { database throws(DatabaseError) in
      let wait = try await database.one(LoginStatements.lock, username, address)?.value
      return (wait, try await database.one(AccountStatements.byName, username))
    }
    var event = event
    event.subject = account?.actor
    event.details["username"] = .string(username)
    if let wait { throw try await refusal(event, Problem(locked: wait)) }
    // An unknown name costs the same work.
    let isRight = try await passwords.verify(password, against: account?.passwordHash ?? PasswordHash.dummy)
    guard let account, isRight else {
      let settings = context.settings
      try await database.query { database throws(DatabaseError) in
        try await database.execute(
          LoginStatements.fail, username, address, Int32(clamping: settings.loginLockoutFailures),
          Double(settings.loginLockout.wholeSeconds), Double(settings.loginLockoutMaximum.wholeSeconds),
          Int32(clamping: settings.loginLockoutAddresses))
      }
      throw try await refusal(event, Problem(wrong))
    }
    limits.succeeded(account: username, address: address)
    return account
  }

  /// Counts a refused refresh token and writes it to the audit trail. - Returns: `problem`, for the caller to throw.
  func refusal(
    _ event: AuditEvent, _ problem: Problem, fromAddress address: String
  ) async throws(Problem) -> Problem {
    try counted { () throws(Problem) in try limits.take(refreshFrom: address) }
    return try await refusal(event, problem)
  }

  /// Runs a limit. The trail counts the attempts that it refuses.
  private func counted(_ limit: () throws(Problem) -> Void) throws(Problem) {
    do throws(Problem) {
      try limit()
    } catch {
      trail.count()
      throw error
    }
  }

  /// Writes a refusal to the audit trail if the trail's limit permits. - Returns: `problem`, for the caller to throw.
  func refusal(_ event: AuditEvent, _ problem: Problem) async throws(Problem) -> Problem {
    if let line = trail.line(for: event.refused(problem)) {
      try await database.query { database throws(DatabaseError) in try await database.audit(line) }
    }
    return problem
  }
}

extension Problem {
  /// - Parameter seconds: the time until the lock-out ends.
  init(locked seconds: Int64) { self.init(.accountLocked, retryAfterSeconds: Int(max(1, seconds))) }
}
