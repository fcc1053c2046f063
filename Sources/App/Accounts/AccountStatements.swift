import Protocol

/// A user with what is needed to check a password.
struct Account: SQLRow {
  let id: Int64
  let username: String
  let email: String?
  let fullName: String?
  let passwordHash: String
  let role: String
  let isActive: Bool
  let createdAt: Timestamp
  let updatedAt: Timestamp
  let lastLoginAt: Timestamp?

  init(
    id: Int64, username: String, email: String?, fullName: String?, passwordHash: String, role: String, isActive: Bool,
    createdAt: Timestamp, updatedAt: Timestamp, lastLoginAt: Timestamp?
  ) {
    self.id = id
    self.username = username
    self.email = email
    self.fullName = fullName
    self.passwordHash = passwordHash
    self.role = role
    self.isActive = isActive
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.lastLoginAt = lastLoginAt
  }

  static let columns = [
    SQLColumn("id", Int64.self), SQLColumn("username", String.self), SQLColumn("email", String?.self),
    SQLColumn("full_name", String?.self), SQLColumn("password_hash", String.self), SQLColumn("role", String.self),
    SQLColumn("is_active", Bool.self), SQLColumn("created_at", Timestamp.self),
    SQLColumn("updated_at", Timestamp.self), SQLColumn("last_login_at", Timestamp?.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.next()
    username = try row.next()
    email = try row.next()
    fullName = try row.next()
    passwordHash = try row.next()
    role = try row.next()
    isActive = try row.next()
    createdAt = try row.next()
    updatedAt = try row.next()
    lastLoginAt = try row.next()
  }
}

/// An HS256 secret as it is stored.
struct SigningKeyRow: SQLRow {
  let kid: String
  let secret: [UInt8]
  let isRetired: Bool

  static let columns = [
    SQLColumn("kid", String.self), SQLColumn("secret", [UInt8].self), SQLColumn("is_retired", Bool.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    kid = try row.next()
    secret = try row.next()
    isRetired = try row.next()
  }
}

enum AccountStatements {
  static let all = [
    byName.description, loggedIn.description, beginSession.description, add.description, adminExists.description,
    setPassword.description,
    signingKeys.description, addFirstSigningKey.description,
  ]

  static let byName = Statement<String, Account>(
    "user_by_name",
    """
    SELECT id, username, email, full_name, password_hash, role, is_active, created_at, updated_at, last_login_at
    FROM pganalytics.users WHERE lower(username) = lower($1)
    """)

  static let loggedIn = Statement<Int64, NoRow>(
    "user_logged_in", "UPDATE pganalytics.users SET last_login_at = now() WHERE id = $1")

  /// Parameters: session, user, end.
  static let beginSession = Statement<UUID, Int64, Timestamp, NoRow>(
    "session_begin", "INSERT INTO pganalytics.sessions (id, user_id, expires_at) VALUES ($1, $2, $3)")

  /// Parameters: username, email, full name, password hash, role.
  static let add = Statement<String, String?, String?, String, String, SingleValue<Int64>>(
    "user_add",
    """
    INSERT INTO pganalytics.users (username, email, full_name, password_hash, role)
    VALUES ($1, $2, $3, $4, $5) RETURNING id
    """)

  static let adminExists = Statement<SingleValue<Bool>>(
    "admin_exists", "SELECT EXISTS (SELECT 1 FROM pganalytics.users WHERE role = 'admin' AND is_active)")

  static let setPassword = Statement<String, String, SingleValue<Int64>>(
    "user_set_password",
    """
    UPDATE pganalytics.users SET password_hash = $2, updated_at = now() WHERE lower(username) = lower($1)
    RETURNING id
    """)

  /// The newest first: it signs, the others verify.
  static let signingKeys = Statement<SigningKeyRow>(
    "signing_keys",
    """
    SELECT kid, secret, retired_at IS NOT NULL AS is_retired FROM pganalytics.signing_keys
    WHERE retired_at IS NULL ORDER BY created_at DESC, kid
    """)

  /// Several servers may start at once on an empty database: one key wins.
  static let addFirstSigningKey = Statement<String, [UInt8], NoRow>(
    "signing_key_add_first",
    """
    WITH locked AS (SELECT pg_advisory_xact_lock(7071, 1))
    INSERT INTO pganalytics.signing_keys (kid, secret)
    SELECT $1, $2 FROM locked WHERE NOT EXISTS (SELECT 1 FROM pganalytics.signing_keys WHERE retired_at IS NULL)
    """)
}
