import Protocol

/// Adds users for the command line and the embedded set-up, and has the rules for names and passwords.
enum Accounts {
  struct Refused: Error, CustomStringConvertible {
    let description: String
  }

  static let username = FieldRule<String>.string(1...64)
  static let newPassword = FieldRule<String>.secret(shortestPassword...PasswordHash.maximumPasswordBytes)
  private static let shortestPassword = 8

  /// The rule that a password for `username` breaks, as the rest of a sentence; nil if the password is acceptable.
  static func fault(inPassword password: String, of username: String) -> String? {
    guard password.unicodeScalars.count >= shortestPassword, password.utf8.count <= PasswordHash.maximumPasswordBytes,
      !password.utf8.contains(0)
    else {
      return "must have \(shortestPassword) characters at least and \(PasswordHash.maximumPasswordBytes) bytes at most"
    }
    return password.lowercased() == username.lowercased() ? "must not be the user name" : nil
  }

  /// Adds a user for the command line.
  static func add(
    _ username: String, password: String, role: Role, email: String?, fullName: String?, to database: Database
  ) async throws {
    var errors = FieldErrors()
    if self.username.readText?(username, "the name", &errors) == nil { throw Refused(description: errors.details) }
    let hash = try hash(password, of: username)
    let isAdded = try await database.transaction { session throws(DatabaseError) -> Bool in
      guard
        let account = try await session.one(AccountStatements.add, username, email, fullName, hash, role.rawValue, true)
      else { return false }
      var event = AuditEvent(.createUser, by: AuditEvent.system, on: account.actor)
      event.describe(account)
      try await session.audit(event)
      return true
    }
    if !isAdded { throw Refused(description: "there is a user \(username) already") }
  }

  /// Gives a user a new password, ends all sessions and lifts a lock-out. This lets a locked-out user in again.
  /// - Returns: false if there is no such user.
  static func setPassword(_ password: String, of username: String, in database: Database) async throws -> Bool {
    let hash = try hash(password, of: username)
    return try await database.transaction { session throws(DatabaseError) -> Bool in
      guard let account = try await session.one(AccountStatements.byName, username) else { return false }
      try await session.change(account, UserChange(passwordHash: hash))
      var event = AuditEvent(.updateUser, by: AuditEvent.system, on: account.actor)
      event.details["changed"] = ["password"]
      try await session.audit(event)
      return true
    }
  }

  private static func hash(_ password: String, of username: String) throws(Refused) -> String {
    if let fault = fault(inPassword: password, of: username) { throw Refused(description: "a password \(fault)") }
    guard let hash = PasswordHash.hash(password) else { throw Refused(description: "the password cannot be hashed") }
    return hash
  }
}

/// The changes to a user. Nil means no change.
struct UserChange: Sendable {
  var email = FieldChange<String>.keep
  var fullName = FieldChange<String>.keep
  var role: Role?
  var isActive: Bool?
  var passwordHash: String?
}

extension DatabaseLease {
  /// Changes a user within a transaction. A new password or a deactivation ends all sessions, a deactivation also
  /// all API tokens, and a new password lifts a lock-out.
  /// - Returns: the changed user; nil if the user no longer exists.
  @discardableResult
  func change(_ account: Account, _ change: UserChange) async throws(DatabaseError) -> Account? {
    let changed = try await one(
      AccountStatements.change, account.id, change.email != .keep, change.email.value, change.fullName != .keep,
      change.fullName.value, change.role?.rawValue, change.isActive, change.passwordHash)
    if change.passwordHash != nil || change.isActive == false {
      try await execute(UserSessionStatements.endAll, account.id)
    }
    if change.isActive == false { try await execute(APITokenStatements.revokeAll, account.id) }
    if change.passwordHash != nil { try await execute(LoginStatements.lift, account.username) }
    return changed
  }
}

extension FieldChange {
  /// The new value; nil if the field is kept or cleared.
  fileprivate var value: Value? { if case .set(let value) = self { value } else { nil } }
}

extension Account {
  /// The account's name in the audit trail.
  var actor: String { "user:\(id)" }
}

extension AuditEvent {
  /// Adds name and role of the new user to the details.
  mutating func describe(_ account: Account) {
    details["username"] = .string(account.username)
    details["role"] = .string(account.role)
  }
}
