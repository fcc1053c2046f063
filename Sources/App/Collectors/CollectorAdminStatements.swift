import Protocol

/// A collector as people see it.
struct CollectorRow: SQLRow {
  enum Status: String, CaseIterable, Sendable { case registered, active, offline, revoked }

  let id: UUID
  let serverID: Int32
  let name: String
  /// The labels of its server.
  let labels: LabelSet
  let hostname: String
  let address: String?
  let version: String?
  /// The status when the row was read.
  let status: Status
  let registeredAt: Timestamp
  let lastSeenAt: Timestamp?
  let revokedAt: Timestamp?
  /// The latest version of the collector's configuration; 0 if there is none.
  let configVersion: Int32
  /// The version that the collector fetched last.
  let effectiveConfigVersion: Int32?
  /// The latest end of its certificates that are not revoked.
  let certificateExpiresAt: Timestamp?
  /// Until when the collector may enrol again; nil if it may not.
  let enrolmentPermittedUntil: Timestamp?
}

extension CollectorRow {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    serverID = try row.read("server_id")
    name = try row.read("name")
    labels = try row.read("labels")
    hostname = try row.read("hostname")
    address = try row.read("address")
    version = try row.read("version")
    status = try row.word("status")
    registeredAt = try row.read("registered_at")
    lastSeenAt = try row.read("last_seen_at")
    revokedAt = try row.read("revoked_at")
    configVersion = try row.read("config_version")
    effectiveConfigVersion = try row.read("pulled_config_version")
    certificateExpiresAt = try row.read("certificate_expires_at")
    enrolmentPermittedUntil = try row.read("permitted_until")
  }
}

enum CollectorAdminStatements {
  static let all =
    CollectorList.listing.statements + [
      one.description, lock.description, revoke.description, permit.description, exists.description, fleet.description,
      servers,
    ]

  /// Every collector with its status. $1: seconds of silence after which a collector is offline.
  static let collectors = """
    SELECT c.id, c.server_id, c.name, \(LabelStatements.column(of: "c.server_id")), c.hostname, c.address, c.version,
      CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.last_seen_at IS NULL THEN 'registered'
        WHEN c.last_seen_at BETWEEN now() - make_interval(secs => $1) AND now() + make_interval(secs => $1)
        THEN 'active' ELSE 'offline' END AS status,
      c.registered_at, c.last_seen_at, c.revoked_at, c.config_version, c.pulled_config_version,
      (SELECT max(k.not_after) FROM pganalytics.collector_certificates k
        WHERE k.collector_id = c.id AND k.revoked_at IS NULL) AS certificate_expires_at,
      CASE WHEN c.enrolment_permitted_until > now() THEN c.enrolment_permitted_until END AS permitted_until
    FROM pganalytics.collectors c
    """

  /// The ids of the servers of the collectors that the filters of the list select. Parameters: those of its count.
  static let servers = CollectorList.listing.selection(
    "collectors_servers", "DISTINCT server_id", as: SingleValue<Int32>.self, order: "server_id")

  /// Parameters: seconds of silence, id.
  static let one = Statement<Double, UUID, CollectorRow>("collector_one", collectors + " WHERE c.id = $2")

  /// The same collector, with the row locked until the end of the transaction, so that nobody else changes the
  /// collector or what belongs to it.
  static let lock = Statement<Double, UUID, CollectorRow>(
    "collector_lock", collectors + " WHERE c.id = $2 FOR UPDATE OF c")

  /// Revokes a collector. A collector that was revoked before keeps the time of that revocation.
  static let revoke = Statement<UUID, NoRow>(
    "collector_revoke",
    """
    UPDATE pganalytics.collectors
    SET revoked_at = coalesce(revoked_at, now()), enrolment_permitted_until = NULL WHERE id = $1
    """)

  /// The number of collectors by status. Parameters: seconds of silence after which a collector is offline.
  static let fleet = Statement<Double, FleetStatus>(
    "collectors_fleet",
    """
    SELECT count(*) FILTER (WHERE status = 'registered') AS registered,
      count(*) FILTER (WHERE status = 'active') AS active, count(*) FILTER (WHERE status = 'offline') AS offline,
      count(*) FILTER (WHERE status = 'revoked') AS revoked,
      (SELECT count(DISTINCT r.collector_id) FROM pganalytics.collector_rejects r
        WHERE r.last_at > now() - interval '1 hour') AS rejecting
    FROM (\(collectors)) c
    """)

  static let exists = Statement<UUID, SingleValue<Bool>>(
    "collector_exists", "SELECT EXISTS (SELECT 1 FROM pganalytics.collectors WHERE id = $1)")

  /// Permits an enrolment. Parameters: id, seconds. No row if there is no such collector or its revocation is final.
  static let permit = Statement<UUID, Double, SingleValue<Timestamp>>(
    "collector_permit_enrolment",
    """
    UPDATE pganalytics.collectors SET enrolment_permitted_until = now() + make_interval(secs => $2)
    WHERE id = $1 AND NOT is_final RETURNING now() + make_interval(secs => $2)
    """)
}
