import Protocol

/// A collector's certificate as people see it.
struct CertificateRow: SQLRow, Equatable {
  let serial: String
  let fingerprint: String
  let notBefore: Timestamp
  let notAfter: Timestamp
  let issuedAt: Timestamp
  let revokedAt: Timestamp?
}

extension CertificateRow {
  init(from row: inout RowReader) throws(DatabaseError) {
    serial = try row.read("serial")
    fingerprint = try row.read("fingerprint")
    notBefore = try row.read("not_before")
    notAfter = try row.read("not_after")
    issuedAt = try row.read("issued_at")
    revokedAt = try row.read("revoked_at")
  }
}

enum CertificateStatements {
  static let all = [
    lockCollector.description, of.description, add.description, revoke.description, revokeAll.description,
    revoked.description, adopt.description, countGood.description, revokeOf.description,
  ]

  /// A collector that is not revoked. Its row is locked until the end of the transaction, so that nobody else changes
  /// the collector or what belongs to it.
  static let lockCollector = Statement<UUID, EnrolledCollector>(
    "certificate_lock_collector",
    """
    SELECT \(EnrolledCollector.list()) FROM pganalytics.collectors
    WHERE id = $1 AND revoked_at IS NULL FOR UPDATE
    """)

  /// A collector's certificates, the newest first.
  static let of = Statement<UUID, CertificateRow>(
    "certificates_of",
    """
    SELECT \(CertificateRow.list())
    FROM pganalytics.collector_certificates WHERE collector_id = $1 ORDER BY issued_at DESC, serial
    """)

  /// Parameters: serial, collector, fingerprint, not before, not after, authority.
  static let add = Statement<String, UUID, String, Timestamp, Timestamp, String, NoRow>(
    "certificate_add",
    """
    INSERT INTO pganalytics.collector_certificates
      (serial, collector_id, fingerprint, not_before, not_after, authority)
    VALUES ($1, $2, $3, $4, $5, $6)
    """)

  /// Parameters: collector, serial. No row if the collector has no such certificate.
  static let revoke = Statement<UUID, String, SingleValue<String>>(
    "certificate_revoke",
    """
    UPDATE pganalytics.collector_certificates SET revoked_at = coalesce(revoked_at, now())
    WHERE collector_id = $1 AND serial = $2 RETURNING serial
    """)

  static let revokeAll = Statement<UUID, NoRow>(
    "certificates_revoke_all",
    "UPDATE pganalytics.collector_certificates SET revoked_at = now() WHERE collector_id = $1 AND revoked_at IS NULL")

  /// Certificates that were revoked before their end and whose end has not come.
  static let revoked = Statement<RevokedCertificateRow>(
    "certificates_revoked",
    """
    SELECT serial, coalesce(authority, '') AS authority, coalesce(revoked_at, now()) AS revoked_at
    FROM pganalytics.collector_certificates WHERE revoked_at IS NOT NULL AND not_after > now()
    UNION ALL
    SELECT serial, coalesce(authority, ''), revoked_at FROM pganalytics.ended_certificates WHERE not_after > now()
    """)

  /// Assigns an authority to certificates without one, which versions with a single authority stored. Parameters: that
  /// authority.
  static let adopt = Statement<String, NoRow>(
    "certificates_adopt", "UPDATE pganalytics.collector_certificates SET authority = $1 WHERE authority IS NULL")

  /// The number of valid certificates of an authority. Parameters: the authority.
  static let countGood = Statement<String, SingleValue<Int64>>(
    "certificates_count_good",
    """
    SELECT count(*) FROM pganalytics.collector_certificates
    WHERE authority = $1 AND revoked_at IS NULL AND not_after > now()
    """)

  /// Revokes all valid certificates of an authority. Parameters: the authority.
  static let revokeOf = Statement<String, NoRow>(
    "certificates_revoke_of",
    """
    UPDATE pganalytics.collector_certificates SET revoked_at = now()
    WHERE authority = $1 AND revoked_at IS NULL AND not_after > now()
    """)
}
