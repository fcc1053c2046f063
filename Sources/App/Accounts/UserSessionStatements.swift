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

/// The state of a session, which tells whether a refresh token is valid, and why it is not.
struct SessionState: SQLRow {
  let userID: Int64
  let generation: Int32
  let isBrowser: Bool
  /// Whether the token in question is the session's latest one, that of `generation`.
  let isCurrent: Bool
  /// Whether the token in question is the one before, and a browser may still send it.
  let isReplaced: Bool
  let isRevoked: Bool
  let isExpired: Bool

  init(from row: inout RowReader) throws(DatabaseError) {
    userID = try row.read("user_id")
    generation = try row.read("generation")
    isBrowser = try row.read("is_browser")
    isCurrent = try row.read("is_current")
    isReplaced = try row.read("is_replaced")
    isRevoked = try row.read("is_revoked")
    isExpired = try row.read("is_expired")
  }
}

/// A browser's session whose refresh token stays.
struct KeptSession: SQLRow {
  let generation: Int32
  /// Makes the token of `generation` from the one before.
  let salt: [UInt8]
  let account: Account

  init(from row: inout RowReader) throws(DatabaseError) {
    generation = try row.read("generation")
    salt = try row.read("salt")
    account = try Account(from: &row)
  }
}

enum UserSessionStatements {
  static let all = [
    begin.description, present.description, refresh.description, keep.description, state.description,
    end.description, endAll.description, endOthers.description,
  ]

  /// Parameters: session, user, digest of the refresh token's secret, seconds until its end, whether it is a browser's,
  /// address, user agent.
  static let begin = Statement<UUID, Int64, [UInt8], Double, Bool, String, String?, NoRow>(
    "session_begin",
    """
    INSERT INTO pganalytics.sessions (id, user_id, secret_hash, expires_at, is_browser, address, user_agent)
    VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6, $7)
    """)

  /// Checked by every request of a user. Parameters: session, user. No row if the session has ended.
  static let present = Statement<UUID, Int64, PresentUser>(
    "session_present",
    """
    SELECT u.username, u.role FROM pganalytics.sessions s JOIN pganalytics.users u ON u.id = s.user_id
    WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active
    """)

  /// The SQL condition that a browser's refresh has replaced the token a short time ago; NULL before the first refresh
  /// and for other clients. A time far in the future does not count: the clock was set back since.
  /// - Parameter grace: an SQL expression for the seconds.
  private static func isJustRotated(_ grace: String) -> String {
    """
    (s.rotated_at > now() - make_interval(secs => \(grace)) AND s.rotated_at < now() + make_interval(secs => \(grace)))
    """
  }

  private static let isLive = "s.revoked_at IS NULL AND s.expires_at > now() AND u.id = s.user_id AND u.is_active"

  /// Replaces a refresh token by its successor; no row if the token is not valid, or if a browser's token is younger
  /// than the grace. If two clients send the same token at the same time, even to different servers, one waits for the
  /// other's row lock and then finds another generation.
  /// Parameters: session, generation, digest of the secret; digest of the new secret, seconds until the end; whether the
  /// token came in a cookie, the salt of the new secret, seconds of grace; address, user agent.
  static let refresh = Statement<
    UUID, Int32, [UInt8], [UInt8], Double, Bool, [UInt8], Double, String, String?, Account
  >(
    "session_refresh",
    """
    UPDATE pganalytics.sessions s
    SET generation = s.generation + 1, secret_hash = $4, expires_at = now() + make_interval(secs => $5),
      previous_hash = CASE WHEN s.is_browser THEN s.secret_hash END, salt = CASE WHEN s.is_browser THEN $7::bytea END,
      rotated_at = CASE WHEN s.is_browser THEN now() END, refreshed_at = now(), address = $9, user_agent = $10
    FROM pganalytics.users u
    WHERE s.id = $1 AND s.generation = $2 AND s.secret_hash = $3 AND s.is_browser = $6 AND \(isLive)
      AND \(isJustRotated("$8")) IS NOT TRUE
    RETURNING \(Account.list(of: "u"))
    """)

  /// Continues a browser's session without a new token. The token in question is the present one, which is younger than
  /// the grace, or the one before; no row otherwise.
  /// Parameters: session, generation, digest of the secret; seconds until the end, seconds of grace; address, user agent.
  static let keep = Statement<UUID, Int32, [UInt8], Double, Double, String, String?, KeptSession>(
    "session_keep",
    """
    UPDATE pganalytics.sessions s
    SET expires_at = now() + make_interval(secs => $4), refreshed_at = now(), address = $6, user_agent = $7
    FROM pganalytics.users u
    WHERE s.id = $1 AND s.is_browser AND \(isLive) AND \(isJustRotated("$5"))
      AND ((s.generation = $2 AND s.secret_hash = $3) OR (s.generation = $2 + 1 AND s.previous_hash = $3))
    RETURNING s.generation, coalesce(s.salt, '') AS salt, \(Account.list(of: "u"))
    """)

  /// Parameters: session, generation, digest of the secret, seconds of grace.
  static let state = Statement<UUID, Int32, [UInt8], Double, SessionState>(
    "session_state",
    """
    SELECT s.user_id, s.generation, s.is_browser, s.secret_hash = $3 AS is_current,
      coalesce(s.generation = $2 + 1 AND s.previous_hash = $3 AND \(isJustRotated("$4")), false) AS is_replaced,
      s.revoked_at IS NOT NULL AS is_revoked, s.expires_at <= now() AS is_expired
    FROM pganalytics.sessions s WHERE s.id = $1
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
