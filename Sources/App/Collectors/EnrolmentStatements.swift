// How a collector comes in: the secret is used, and everything about it is stored, in one statement or not at all.

import Protocol

/// Who enrolled, and where its rows go.
struct EnrolledCollector: SQLRow, Equatable {
  let id: UUID
  let serverID: Int32
  let hostname: String

  init(id: UUID, serverID: Int32, hostname: String) {
    self.id = id
    self.serverID = serverID
    self.hostname = hostname
  }

  static let columns = [
    SQLColumn("id", UUID.self), SQLColumn("server_id", Int32.self), SQLColumn("hostname", String.self),
  ]

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.next()
    serverID = try row.next()
    hostname = try row.next()
  }
}

enum EnrolmentStatements {
  static let all = [enrolled.description, permitted.description, enrol.description, enrolAgain.description]

  /// Parameters: secret hash, collector, name, hostname, address, version, serial, fingerprint, not before, not after,
  /// authority.
  typealias Enrol = Statement<
    [UInt8], UUID, String, String, String?, String?, String, String, Timestamp, Timestamp, String, EnrolledCollector
  >

  /// A collector that is not revoked.
  static let enrolled = Statement<UUID, EnrolledCollector>(
    "enrolled_collector",
    "SELECT id, server_id, hostname FROM pganalytics.collectors WHERE id = $1 AND revoked_at IS NULL")

  /// The collector that a registration from this hostname would be, if one is permitted.
  static let permitted = Statement<String, SingleValue<UUID>>(
    "enrolment_permitted",
    """
    SELECT id FROM pganalytics.collectors WHERE hostname = $1 AND enrolment_permitted_until > now()
    ORDER BY enrolment_permitted_until, id LIMIT 1
    """)

  /// Uses the secret with the hash $1 once, if it allows it (still).
  private static let secret = """
    UPDATE pganalytics.registration_secrets SET uses = uses + 1, last_used_at = now()
    WHERE secret_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
      AND (max_uses IS NULL OR uses < max_uses)
    """

  /// A new collector with its server and its certificate; no row if the secret does not allow it.
  static let enrol = Enrol(
    "enrolment_new",
    """
    WITH secret AS (\(secret) RETURNING id),
    server AS (
      INSERT INTO pganalytics.servers (name, hostname) SELECT $3, $4 FROM secret RETURNING id),
    collector AS (
      INSERT INTO pganalytics.collectors (id, server_id, name, hostname, address, version)
      SELECT $2, server.id, $3, $4, $5, $6 FROM server
      RETURNING id, server_id, hostname),
    certificate AS (
      INSERT INTO pganalytics.collector_certificates
        (serial, collector_id, fingerprint, not_before, not_after, authority)
      SELECT $7, collector.id, $8, $9, $10, $11 FROM collector)
    SELECT id, server_id, hostname FROM collector
    """)

  /// The same for a collector that may enrol again: it keeps id, server and history, is revoked no more, and its earlier
  /// certificates are. No row if the secret, or the permit, does not allow it (any more); the secret is then not used.
  static let enrolAgain = Enrol(
    "enrolment_again",
    """
    WITH permit AS (
      SELECT id FROM pganalytics.collectors
      WHERE id = $2 AND hostname = $4 AND enrolment_permitted_until > now() FOR UPDATE),
    secret AS (\(secret) AND EXISTS (SELECT 1 FROM permit) RETURNING id),
    collector AS (
      UPDATE pganalytics.collectors
      SET name = $3, address = $5, version = $6, revoked_at = NULL, enrolment_permitted_until = NULL
      WHERE id = (SELECT permit.id FROM permit, secret)
      RETURNING id, server_id, hostname),
    revoked AS (
      UPDATE pganalytics.collector_certificates SET revoked_at = now()
      WHERE collector_id = (SELECT id FROM collector) AND revoked_at IS NULL),
    certificate AS (
      INSERT INTO pganalytics.collector_certificates
        (serial, collector_id, fingerprint, not_before, not_after, authority)
      SELECT $7, collector.id, $8, $9, $10, $11 FROM collector)
    SELECT id, server_id, hostname FROM collector
    """)
}
