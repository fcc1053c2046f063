import Protocol

/// A registration secret as an admin sees it: everything but the secret.
struct RegistrationSecret: SQLRow {
  enum Status: String, CaseIterable, Sendable { case active, revoked, expired, exhausted }

  let id: UUID
  let name: String
  let createdAt: Timestamp
  let expiresAt: Timestamp?
  let maxUses: Int32?
  let uses: Int32
  let lastUsedAt: Timestamp?
  let revokedAt: Timestamp?
  /// Nil: as the setting says.
  let reenrolment: Reenrolment?
  /// As of when it was read.
  let status: Status

  init(
    id: UUID, name: String, createdAt: Timestamp, expiresAt: Timestamp?, maxUses: Int32?, uses: Int32,
    lastUsedAt: Timestamp?, revokedAt: Timestamp?, reenrolment: Reenrolment?, status: Status
  ) {
    self.id = id
    self.name = name
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.maxUses = maxUses
    self.uses = uses
    self.lastUsedAt = lastUsedAt
    self.revokedAt = revokedAt
    self.reenrolment = reenrolment
    self.status = status
  }

  static let columns = [
    SQLColumn("id", UUID.self), SQLColumn("name", String.self), SQLColumn("created_at", Timestamp.self),
    SQLColumn("expires_at", Timestamp?.self), SQLColumn("max_uses", Int32?.self), SQLColumn("uses", Int32.self),
    SQLColumn("last_used_at", Timestamp?.self), SQLColumn("revoked_at", Timestamp?.self),
    SQLColumn("reenrolment", String?.self), SQLColumn("status", String.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.next()
    name = try row.next()
    createdAt = try row.next()
    expiresAt = try row.next()
    maxUses = try row.next()
    uses = try row.next()
    lastUsedAt = try row.next()
    revokedAt = try row.next()
    // The table permits no other texts.
    reenrolment = try row.next(String?.self).flatMap(Reenrolment.init(rawValue:))
    let text = try row.next(String.self)
    guard let status = Status(rawValue: text) else { throw DatabaseError(.unexpectedResult, "status \(text)") }
    self.status = status
  }
}

enum RegistrationSecretStatements {
  static let all = [
    byHash.description, byID.description, page.description, count.description, add.description, revoke.description,
    exists.description,
  ]

  /// Every secret with its status.
  private static let secrets = """
    SELECT id, name, created_at, expires_at, max_uses, uses, last_used_at, revoked_at, reenrolment, secret_hash,
      CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
        WHEN uses >= max_uses THEN 'exhausted' ELSE 'active' END AS status
    FROM pganalytics.registration_secrets
    """

  private static let columns = """
    id, name, created_at, expires_at, max_uses, uses, last_used_at, revoked_at, reenrolment, status
    """

  /// $1: status or null; $2: a part of the name or null.
  private static let filter = """
    ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR strpos(lower(name), lower($2)) > 0)
    """

  static let byHash = Statement<[UInt8], RegistrationSecret>(
    "secret_by_hash", "SELECT \(columns) FROM (\(secrets)) s WHERE secret_hash = $1")

  static let byID = Statement<UUID, RegistrationSecret>(
    "secret_by_id", "SELECT \(columns) FROM (\(secrets)) s WHERE id = $1")

  /// Parameters: status, part of the name, order (`RegistrationSecretOrder`), limit, offset.
  static let page = Statement<String?, String?, String, Int64, Int64, RegistrationSecret>(
    "secrets_page",
    """
    SELECT \(columns) FROM (\(secrets)) s WHERE \(filter)
    ORDER BY CASE $3 WHEN 'name' THEN name END, CASE $3 WHEN '-name' THEN name END DESC,
      CASE $3 WHEN 'created_at' THEN created_at WHEN 'expires_at' THEN expires_at WHEN 'last_used_at' THEN last_used_at
        END NULLS LAST,
      CASE $3 WHEN '-created_at' THEN created_at WHEN '-expires_at' THEN expires_at WHEN '-last_used_at' THEN last_used_at
        END DESC NULLS LAST,
      id
    LIMIT $4 OFFSET $5
    """)

  static let count = Statement<String?, String?, SingleValue<Int64>>(
    "secrets_count", "SELECT count(*) FROM (\(secrets)) s WHERE \(filter)")

  /// Parameters: id, name, hash, expiry, largest number of uses, what happens if an enrolled host registers again.
  static let add = Statement<UUID, String, [UInt8], Timestamp?, Int32?, String?, SingleValue<Timestamp>>(
    "secret_add",
    """
    INSERT INTO pganalytics.registration_secrets (id, name, secret_hash, expires_at, max_uses, reenrolment)
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING created_at
    """)

  /// Revokes a secret. No row if there is no such secret. A secret that was revoked before keeps its time.
  static let revoke = Statement<UUID, SingleValue<UUID>>(
    "secret_revoke",
    """
    UPDATE pganalytics.registration_secrets SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id
    """)

  static let exists = Statement<[UInt8], SingleValue<Bool>>(
    "secret_exists",
    "SELECT EXISTS (SELECT 1 FROM pganalytics.registration_secrets WHERE secret_hash = $1 AND revoked_at IS NULL)")
}
