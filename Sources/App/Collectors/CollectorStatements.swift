import Protocol

/// A collector as the ingest lane needs it: who it is, where its rows go, whether it may still come in.
struct CollectorRecord: SQLRow, Equatable {
  let id: UUID
  let serverID: Int32
  let hostname: String
  let configVersion: Int32
  let isRevoked: Bool

  init(id: UUID, serverID: Int32, hostname: String, configVersion: Int32, isRevoked: Bool) {
    self.id = id
    self.serverID = serverID
    self.hostname = hostname
    self.configVersion = configVersion
    self.isRevoked = isRevoked
  }

  static let columns = [
    SQLColumn("id", UUID.self), SQLColumn("server_id", Int32.self), SQLColumn("hostname", String.self),
    SQLColumn("config_version", Int32.self), SQLColumn("is_revoked", Bool.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.next()
    serverID = try row.next()
    hostname = try row.next()
    configVersion = try row.next()
    isRevoked = try row.next()
  }
}

/// Why a registration secret does not open the door, or that it does.
struct SecretState: SQLRow {
  let isRevoked: Bool
  let isExpired: Bool
  let isExhausted: Bool

  static let columns = [
    SQLColumn("is_revoked", Bool.self), SQLColumn("is_expired", Bool.self), SQLColumn("is_exhausted", Bool.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    isRevoked = try row.next()
    isExpired = try row.next()
    isExhausted = try row.next()
  }
}

enum CollectorStatements {
  static let all = [
    record.description, records.description, touch.description, secretState.description, enrol.description,
    addSecret.description, secretExists.description,
  ]

  static let record = Statement<UUID, CollectorRecord>(
    "collector_record",
    """
    SELECT id, server_id, hostname, config_version, revoked_at IS NOT NULL AS is_revoked
    FROM pganalytics.collectors WHERE id = $1
    """)

  static let records = Statement<CollectorRecord>(
    "collector_records",
    """
    SELECT id, server_id, hostname, config_version, revoked_at IS NOT NULL AS is_revoked
    FROM pganalytics.collectors
    """)

  /// Servers that pushed since the last call.
  static let touch = Statement<[Int32], NoRow>(
    "collectors_touch",
    """
    WITH seen AS (
      UPDATE pganalytics.servers SET last_seen_at = now() WHERE id = ANY($1) RETURNING id)
    UPDATE pganalytics.collectors SET last_seen_at = now(), status = 'active'
    FROM seen WHERE collectors.server_id = seen.id
    """)

  static let secretState = Statement<[UInt8], SecretState>(
    "secret_state",
    """
    SELECT revoked_at IS NOT NULL AS is_revoked, coalesce(expires_at <= now(), false) AS is_expired,
      coalesce(uses >= max_uses, false) AS is_exhausted
    FROM pganalytics.registration_secrets WHERE secret_hash = $1
    """)

  /// Uses the secret once and enrols a collector with its server and its certificate, all or nothing; no row if the
  /// secret does not allow it (any more).
  /// Parameters: secret hash, collector, name, hostname, address, version, serial, fingerprint, not before, not after.
  static let enrol = Statement<
    [UInt8], UUID, String, String, String?, String?, String, String, Timestamp, Timestamp, CollectorRecord
  >(
    "collector_enrol",
    """
    WITH secret AS (
      UPDATE pganalytics.registration_secrets SET uses = uses + 1, last_used_at = now()
      WHERE secret_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
        AND (max_uses IS NULL OR uses < max_uses)
      RETURNING id),
    server AS (
      INSERT INTO pganalytics.servers (name, hostname) SELECT $3, $4 FROM secret RETURNING id),
    collector AS (
      INSERT INTO pganalytics.collectors (id, server_id, name, hostname, address, version)
      SELECT $2, server.id, $3, $4, $5, $6 FROM server
      RETURNING id, server_id, hostname, config_version),
    certificate AS (
      INSERT INTO pganalytics.collector_certificates (serial, collector_id, fingerprint, not_before, not_after)
      SELECT $7, collector.id, $8, $9, $10 FROM collector)
    SELECT id, server_id, hostname, config_version, false AS is_revoked FROM collector
    """)

  /// Parameters: id, name, hash, expiry, most uses.
  static let addSecret = Statement<UUID, String, [UInt8], Timestamp?, Int32?, NoRow>(
    "secret_add",
    """
    INSERT INTO pganalytics.registration_secrets (id, name, secret_hash, expires_at, max_uses)
    VALUES ($1, $2, $3, $4, $5)
    """)

  static let secretExists = Statement<[UInt8], SingleValue<Bool>>(
    "secret_exists",
    "SELECT EXISTS (SELECT 1 FROM pganalytics.registration_secrets WHERE secret_hash = $1 AND revoked_at IS NULL)")
}
