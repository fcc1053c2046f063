import Protocol

/// An API token as it is listed, without its value.
struct StoredAPIToken: SQLRow {
  enum Status: String, CaseIterable, Sendable { case active, expired, revoked }

  let id: UUID
  let name: String
  let userID: Int64
  let owner: String
  let role: String
  let labels: [String]
  let createdAt: Timestamp
  let expiresAt: Timestamp
  let lastUsedAt: Timestamp?
  let revokedAt: Timestamp?
  let status: String
}

extension StoredAPIToken {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    name = try row.read("name")
    userID = try row.read("user_id")
    owner = try row.read("owner")
    role = try row.read("role")
    labels = try row.read("labels")
    createdAt = try row.read("created_at")
    expiresAt = try row.read("expires_at")
    lastUsedAt = try row.read("last_used_at")
    revokedAt = try row.read("revoked_at")
    status = try row.read("status")
  }
}

/// A token that a request has, and its owner.
struct PresentAPIToken: SQLRow {
  let id: UUID
  let name: String
  let role: String
  let labels: [String]
  let isRevoked: Bool
  let isExpired: Bool
  /// Whether the last use that is stored is older than a minute.
  let isUseDue: Bool
  let userID: Int64
  let username: String
  /// The present role of the owner.
  let userRole: String

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    name = try row.read("name")
    role = try row.read("role")
    labels = try row.read("labels")
    isRevoked = try row.read("is_revoked")
    isExpired = try row.read("is_expired")
    isUseDue = try row.read("is_use_due")
    userID = try row.read("user_id")
    username = try row.read("username")
    userRole = try row.read("user_role")
  }
}

enum APITokenStatements {
  static let all =
    APITokenList.listing.statements + [
      one.description, add.description, present.description, use.description, revoke.description, revokeAll.description,
    ]

  static let tokens = """
    SELECT t.id, t.name, t.user_id, u.username AS owner, t.role, t.labels, t.created_at, t.expires_at, t.last_used_at,
      t.revoked_at, CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= now() THEN 'expired'
        ELSE 'active' END AS status
    FROM pganalytics.api_tokens t JOIN pganalytics.users u ON u.id = t.user_id
    """

  /// Parameters: token; the user whose token it has to be, or NULL.
  static let one = Statement<UUID, Int64?, StoredAPIToken>(
    "api_token_one", "\(tokens) WHERE t.id = $1 AND ($2::int8 IS NULL OR t.user_id = $2)")

  /// Parameters: id, user, name, role, texts of label terms, digest, end.
  static let add = Statement<UUID, Int64, String, String, [String], [UInt8], Timestamp, NoRow>(
    "api_token_add",
    """
    INSERT INTO pganalytics.api_tokens (id, user_id, name, role, labels, secret_hash, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """)

  /// A last use in the future does not count: the clock was set back since. - Parameter token: the alias of the table.
  private static func isUseDue(_ token: String) -> String {
    "(\(token).last_used_at BETWEEN now() - interval '1 min' AND now()) IS NOT TRUE"
  }

  /// Checked by every request with an API token. Parameters: digest.
  static let present = Statement<[UInt8], PresentAPIToken>(
    "api_token_present",
    """
    SELECT t.id, t.name, t.role, t.labels, t.revoked_at IS NOT NULL OR NOT u.is_active AS is_revoked,
      t.expires_at <= now() AS is_expired, \(isUseDue("t")) AS is_use_due, u.id AS user_id, u.username, u.role AS user_role
    FROM pganalytics.api_tokens t JOIN pganalytics.users u ON u.id = t.user_id WHERE t.secret_hash = $1
    """)

  /// Records a use, at most once a minute. Parameters: token.
  static let use = Statement<UUID, NoRow>(
    "api_token_use",
    "UPDATE pganalytics.api_tokens t SET last_used_at = now() WHERE t.id = $1 AND \(isUseDue("t"))")

  /// Parameters: token.
  static let revoke = Statement<UUID, NoRow>(
    "api_token_revoke", "UPDATE pganalytics.api_tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL")

  /// Revokes all tokens of a user. Parameters: user.
  static let revokeAll = Statement<Int64, NoRow>(
    "api_token_revoke_all",
    "UPDATE pganalytics.api_tokens SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL")
}

extension Database {
  /// The token with this digest, and its owner with the rights that the token has now.
  /// - Throws: `.invalidToken`, `.tokenRevoked`, `.expiredToken`
  func user(of digest: APITokenDigest) async throws(Problem) -> (Principal.User, Principal.APIToken) {
    let present = try await query { database throws(DatabaseError) in
      try await database.one(APITokenStatements.present, digest.bytes)
    }
    guard let present else { throw Problem(.invalidToken, "there is no such API token") }
    if present.isRevoked { throw Problem(.tokenRevoked) }
    if present.isExpired { throw Problem(.expiredToken, "the API token \(present.name)") }
    guard let role = Role(rawValue: present.role), let ownersRole = Role(rawValue: present.userRole) else {
      throw Problem(.internalError, cause: "the API token \(present.name) or its owner has an unknown role")
    }
    if present.isUseDue {
      do throws(DatabaseError) {
        try await execute(APITokenStatements.use, present.id)
      } catch {
        // The last use is a convenience: a database that is read only still answers what a token asks.
      }
    }
    let token = Principal.APIToken(id: present.id, name: present.name, scope: present.labels)
    let user = Principal.User(
      id: present.userID, name: present.username, role: min(role, ownersRole), credential: .token(token))
    return (user, token)
  }
}
