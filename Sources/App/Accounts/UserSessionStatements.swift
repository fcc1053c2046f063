import Protocol

/// The current user of a session.
struct PresentUser: SQLRow {
  let username: String
  let role: String

  init(from row: inout RowReader) throws(DatabaseError) {
    username = try row.read("username")
    role = try row.read("role")
  }
}

/// The state of a session, which tells why a refresh token was refused.
struct SessionState: SQLRow {
  let userID: Int64
  let generation: Int32
  /// Whether the token in question is the session's latest one, that of `generation`.
  let isCurrent: Bool
  let isRevoked: Bool
  let isExpired: Bool

  init(from row: inout RowReader) throws(DatabaseError) {
    userID = try row.read("user_id")
    generation = try row.read("generation")
    isCurrent = try row.read("is_current")
    isRevoked = try row.read("is_revoked")
    isExpired = try row.read("is_expired")
  }
}

enum UserSessionStatements {
  static let all = [
    begin.description, present.description, refresh.description, state.description, end.description,
    endAll.description, endOthers.description,
  ]

  /// Parameters: session, user, digest of the refresh token's secret, seconds until its end.
  static let begin = Statement<UUID, Int64, [UInt8], Double, NoRow>(
    "session_begin",
    """
    INSERT INTO pganalytics.sessions (id, user_id, secret_hash, expires_at)
    VALUES ($1, $2, $3, now() + make_interval(secs => $4))
    """)

  /// Checked by every request of a user. Parameters: session, user. No row if the session has ended.
  static let present = Statement<UUID, Int64, PresentUser>(
    "session_present",
    """
    SELECT u.username, u.role FROM pganalytics.sessions s JOIN pganalytics.users u ON u.id = s.user_id
    WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active
    """)

  /// Replaces a refresh token by its successor; no row if the token is not valid. If two clients send the same token at
  /// the same time, even to different servers, one waits for the other's row lock and then finds another generation.
  /// Parameters: session, generation, digest of the secret; digest of the new secret, seconds until the end.
  static let refresh = Statement<UUID, Int32, [UInt8], [UInt8], Double, Account>(
    "session_refresh",
    """
    UPDATE pganalytics.sessions s
    SET generation = s.generation + 1, secret_hash = $4, expires_at = now() + make_interval(secs => $5)
    FROM pganalytics.users u
    WHERE s.id = $1 AND s.generation = $2 AND s.secret_hash = $3 AND s.revoked_at IS NULL AND s.expires_at > now()
      AND u.id = s.user_id AND u.is_active
    RETURNING \(Account.list(of: "u"))
    """)

  /// Parameters: session, digest of the secret.
  static let state = Statement<UUID, [UInt8], SessionState>(
    "session_state",
    """
    SELECT user_id, generation, secret_hash = $2 AS is_current, revoked_at IS NOT NULL AS is_revoked,
      expires_at <= now() AS is_expired
    FROM pganalytics.sessions WHERE id = $1
    """)

  static let end = Statement<UUID, NoRow>(
    "session_end", "UPDATE pganalytics.sessions SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL")

  /// Ends all sessions of a user. Parameters: user.
  static let endAll = Statement<Int64, NoRow>(
    "session_end_all", "UPDATE pganalytics.sessions SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL")

  /// Ends all sessions of a user except one. Parameters: user, session.
  static let endOthers = Statement<Int64, UUID, NoRow>(
    "session_end_others",
    "UPDATE pganalytics.sessions SET revoked_at = now() WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL")
}
