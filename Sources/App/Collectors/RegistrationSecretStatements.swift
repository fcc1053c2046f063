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
  /// Nil if the setting `reenrolment` decides.
  let reenrolment: Reenrolment?
  /// The labels that an enrolment gives to the server.
  let labels: LabelSet
  /// The status when the row was read.
  let status: Status
}

extension RegistrationSecret {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    name = try row.read("name")
    createdAt = try row.read("created_at")
    expiresAt = try row.read("expires_at")
    maxUses = try row.read("max_uses")
    uses = try row.read("uses")
    lastUsedAt = try row.read("last_used_at")
    revokedAt = try row.read("revoked_at")
    // The table permits no other texts.
    reenrolment = try row.read("reenrolment", String?.self).flatMap(Reenrolment.init(rawValue:))
    labels = try row.read("labels")
    status = try row.word("status")
  }
}

enum RegistrationSecretStatements {
  static let all =
    RegistrationSecretList.listing.statements + [
      byHash.description, byID.description, add.description, revoke.description, exists.description,
    ]

  /// Every secret with its status.
  static let secrets = """
    SELECT id, name, created_at, expires_at, max_uses, uses, last_used_at, revoked_at, reenrolment, labels, secret_hash,
      CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
        WHEN uses >= max_uses THEN 'exhausted' ELSE 'active' END AS status
    FROM pganalytics.registration_secrets
    """

  static let byHash = Statement<[UInt8], RegistrationSecret>(
    "secret_by_hash", "SELECT \(RegistrationSecret.list()) FROM (\(secrets)) s WHERE secret_hash = $1")

  static let byID = Statement<UUID, RegistrationSecret>(
    "secret_by_id", "SELECT \(RegistrationSecret.list()) FROM (\(secrets)) s WHERE id = $1")

  /// Parameters: id, name, hash, expiry, largest number of uses, what happens if an enrolled host registers again,
  /// labels.
  static let add = Statement<UUID, String, [UInt8], Timestamp?, Int32?, String?, LabelSet, SingleValue<Timestamp>>(
    "secret_add",
    """
    INSERT INTO pganalytics.registration_secrets (id, name, secret_hash, expires_at, max_uses, reenrolment, labels)
    VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING created_at
    """)

  /// Revokes a secret. No row if there is no such secret. A secret that was revoked before keeps the time of that
  /// revocation.
  static let revoke = Statement<UUID, SingleValue<UUID>>(
    "secret_revoke",
    """
    UPDATE pganalytics.registration_secrets SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id
    """)

  static let exists = Statement<[UInt8], SingleValue<Bool>>(
    "secret_exists",
    "SELECT EXISTS (SELECT 1 FROM pganalytics.registration_secrets WHERE secret_hash = $1 AND revoked_at IS NULL)")
}
