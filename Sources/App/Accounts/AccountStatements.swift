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
  /// The number of changes of the account. A login is not a change.
  let version: Int32
  let createdAt: Timestamp
  let updatedAt: Timestamp
  let lastLoginAt: Timestamp?
}

extension Account {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    username = try row.read("username")
    email = try row.read("email")
    fullName = try row.read("full_name")
    passwordHash = try row.read("password_hash")
    role = try row.read("role")
    isActive = try row.read("is_active")
    version = try row.read("version")
    createdAt = try row.read("created_at")
    updatedAt = try row.read("updated_at")
    lastLoginAt = try row.read("last_login_at")
  }
}

enum AccountStatements {
  static let all =
    UserList.listing.statements + [
      byName.description, byID.description, add.description, lockAdmins.description, lock.description,
      change.description, delete.description, loggedIn.description, rehash.description, setPassword.description,
    ]

  static let byName = Statement<String, Account>(
    "user_by_name", "SELECT \(Account.list(of: "u")) FROM pganalytics.users u WHERE lower(u.username) = lower($1)")

  static let byID = Statement<Int64, Account>(
    "user_by_id", "SELECT \(Account.list(of: "u")) FROM pganalytics.users u WHERE u.id = $1")

  /// Parameters: username, email, full name, password hash, role, whether the user is active. No row: the name is
  /// taken.
  static let add = Statement<String, String?, String?, String, String, Bool, Account>(
    "user_add",
    """
    INSERT INTO pganalytics.users AS u (username, email, full_name, password_hash, role, is_active)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (lower(username)) DO NOTHING
    RETURNING \(Account.list(of: "u"))
    """)

  /// The ids of the active administrators, with their rows locked. If two changes at the same time each remove one of
  /// the last two administrators, the second waits and then sees the result of the first. Every change that could
  /// remove an administrator runs this before it locks the user, so that all of them lock in the same order.
  static let lockAdmins = Statement<SingleValue<Int64>>(
    "users_lock_admins",
    "SELECT id FROM pganalytics.users WHERE role = 'admin' AND is_active ORDER BY id FOR UPDATE")

  static let lock = Statement<Int64, Account>(
    "user_lock", "SELECT \(Account.list(of: "u")) FROM pganalytics.users u WHERE u.id = $1 FOR UPDATE")

  /// Parameters: user; whether the e-mail changes, and its new value; the same for the full name; role, whether the
  /// user is active, and password hash, which are NULL for no change.
  static let change = Statement<Int64, Bool, String?, Bool, String?, String?, Bool?, String?, Account>(
    "user_change",
    """
    UPDATE pganalytics.users u
    SET email = CASE WHEN $2 THEN $3 ELSE u.email END, full_name = CASE WHEN $4 THEN $5 ELSE u.full_name END,
      role = coalesce($6, u.role), is_active = coalesce($7, u.is_active),
      password_hash = coalesce($8, u.password_hash), version = u.version + 1, updated_at = now()
    WHERE u.id = $1
    RETURNING \(Account.list(of: "u"))
    """)

  static let delete = Statement<Int64, NoRow>("user_delete", "DELETE FROM pganalytics.users WHERE id = $1")

  /// Records a login. Parameters: user, the hash that was verified. No row if the account has changed since the
  /// verification.
  static let loggedIn = Statement<Int64, String, NoRow>(
    "user_logged_in",
    "UPDATE pganalytics.users SET last_login_at = now() WHERE id = $1 AND password_hash = $2 AND is_active")

  /// Stores a hash of the same password with the current parameters, without a new version. Parameters: user, hash.
  static let rehash = Statement<Int64, String, NoRow>(
    "user_rehash", "UPDATE pganalytics.users SET password_hash = $2 WHERE id = $1")

  /// Changes a password. Parameters: user, the hash that was verified, the new hash. No row if the password has changed
  /// since the verification.
  static let setPassword = Statement<Int64, String, String, NoRow>(
    "user_set_password",
    """
    UPDATE pganalytics.users SET password_hash = $3, version = version + 1, updated_at = now()
    WHERE id = $1 AND password_hash = $2
    """)
}
