// The statements of an enrolment. All of them run in one transaction, under the lock of their host.

import Protocol

/// A collector that has enrolled, and the server that gets its rows.
struct EnrolledCollector: SQLRow, Equatable {
  let id: UUID
  let serverID: Int32
  let hostname: String
}

extension EnrolledCollector {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    serverID = try row.read("server_id")
    hostname = try row.read("hostname")
  }
}

/// The existing collector of a host.
struct EnrolledHost: SQLRow {
  let id: UUID
  /// The identity was never used, and the request comes from the same address or with the same key as the enrolment.
  let isUnanswered: Bool
  let goodCertificates: Int64

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    isUnanswered = try row.read("is_unanswered")
    goodCertificates = try row.read("good_certificates")
  }
}

enum EnrolmentStatements {
  static let all = [
    enrolled.description, lockHost.description, host.description, permitted.description, useSecret.description,
    enrol.description, succeed.description, enrolAgain.description, used.description, endPredecessors.description,
    adoptSecret.description,
  ]

  /// A collector that is not revoked.
  static let enrolled = Statement<UUID, EnrolledCollector>(
    "enrolled_collector",
    "SELECT \(EnrolledCollector.list()) FROM pganalytics.collectors WHERE id = $1 AND revoked_at IS NULL")

  /// Locks the host until the end of the transaction, so that no other enrolment decides about it. Parameters: name,
  /// host name.
  static let lockHost = Statement<String, String, SingleValue<String>>(
    "enrolment_lock_host", "SELECT pg_advisory_xact_lock(28775, hashtext(format('%L %L', $1::text, $2::text)))::text")

  /// The newest collector of a host that is not revoked. Its row is locked until the end of the transaction, so that
  /// nobody revokes it. Parameters: name, host name, secret, address, key or NULL, for how many seconds after an
  /// enrolment its answer may count as lost.
  static let host = Statement<String, String, UUID, String, String?, Double, EnrolledHost>(
    "enrolment_host",
    """
    SELECT c.id,
      coalesce(
        c.used_at IS NULL AND c.enrolled_with = $3 AND c.enrolled_at > now() - make_interval(secs => $6)
          AND (c.enrolled_from = $4 OR c.enrolled_key = $5), false) AS is_unanswered,
      (SELECT count(*) FROM pganalytics.collector_certificates k
        WHERE k.collector_id = c.id AND k.revoked_at IS NULL AND k.not_after > now()) AS good_certificates
    FROM pganalytics.collectors c
    WHERE c.name = $1 AND c.hostname = $2 AND c.revoked_at IS NULL
    ORDER BY c.server_id DESC, c.generation DESC LIMIT 1 FOR UPDATE
    """)

  /// The collector with a permit that a registration of this host gets. A collector with the same name comes first. A
  /// collector with another name qualifies only if no collector has the name. Parameters: name, host name, the life of
  /// a permit in seconds. (A permit that ends later than that is ignored: the clock was set back since.)
  static let permitted = Statement<String, String, Double, SingleValue<UUID>>(
    "enrolment_permitted",
    """
    SELECT c.id FROM pganalytics.collectors c
    WHERE c.hostname = $2 AND c.enrolment_permitted_until > now()
      AND c.enrolment_permitted_until <= now() + make_interval(secs => $3)
      AND (c.name = $1 OR NOT EXISTS (SELECT 1 FROM pganalytics.collectors o
        WHERE o.name = $1 AND o.hostname = $2 AND o.revoked_at IS NULL))
    ORDER BY c.name = $1 DESC, c.enrolment_permitted_until, c.id LIMIT 1 FOR UPDATE
    """)

  /// Counts one use of a secret. No row if the secret may not be used (any more).
  static let useSecret = Statement<UUID, SingleValue<UUID>>(
    "enrolment_use_secret",
    """
    UPDATE pganalytics.registration_secrets SET uses = uses + 1, last_used_at = now()
    WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
      AND (max_uses IS NULL OR uses < max_uses)
    RETURNING id
    """)

  /// Parameters: collector, name, host name, address, version, secret, address of the request, key.
  typealias Enrol = Statement<UUID, String, String, String?, String?, UUID, String, String?, EnrolledCollector>

  /// Adds a new collector with a new server.
  static let enrol = Enrol(
    "enrolment_new",
    """
    WITH server AS (INSERT INTO pganalytics.servers (name, hostname) VALUES ($2, $3) RETURNING id)
    INSERT INTO pganalytics.collectors
      (id, server_id, name, hostname, address, version, enrolled_at, enrolled_with, enrolled_from, enrolled_key)
    SELECT $1, server.id, $2, $3, $4, $5, now(), $6, $7, $8 FROM server
    RETURNING \(EnrolledCollector.list())
    """)

  /// Adds a new collector for the server of the collector $9, in a higher generation than all others of the server.
  static let succeed = Statement<
    UUID, String, String, String?, String?, UUID, String, String?, UUID, EnrolledCollector
  >(
    "enrolment_successor",
    """
    INSERT INTO pganalytics.collectors
      (id, server_id, name, hostname, address, version, enrolled_at, enrolled_with, enrolled_from, enrolled_key, generation)
    SELECT $1, o.server_id, $2, $3, $4, $5, now(), $6, $7, $8,
      (SELECT max(a.generation) + 1 FROM pganalytics.collectors a WHERE a.server_id = o.server_id)
    FROM pganalytics.collectors o WHERE o.id = $9
    RETURNING \(EnrolledCollector.list())
    """)

  /// Enrols a permitted collector again. It keeps id, server and history, is no longer revoked, and its permit is used
  /// up.
  static let enrolAgain = Enrol(
    "enrolment_again",
    """
    UPDATE pganalytics.collectors c
    SET name = $2, hostname = $3, address = $4, version = $5, revoked_at = NULL, enrolment_permitted_until = NULL,
      used_at = NULL, enrolled_at = now(), enrolled_with = $6, enrolled_from = $7, enrolled_key = $8,
      generation = (SELECT max(a.generation) + 1 FROM pganalytics.collectors a WHERE a.server_id = c.server_id)
    WHERE id = $1 RETURNING \(EnrolledCollector.list())
    """)

  /// Records that the identity was used.
  static let used = Statement<UUID, NoRow>(
    "enrolment_used", "UPDATE pganalytics.collectors SET used_at = now() WHERE id = $1 AND used_at IS NULL")

  /// Revokes the collectors that this one replaces. - Returns: their ids.
  static let endPredecessors = Statement<UUID, SingleValue<UUID>>(
    "enrolment_end_predecessors",
    """
    UPDATE pganalytics.collectors o SET revoked_at = now(), enrolment_permitted_until = NULL
    FROM pganalytics.collectors c
    WHERE c.id = $1 AND c.revoked_at IS NULL AND o.server_id = c.server_id AND o.id <> c.id
      AND o.generation < c.generation AND o.revoked_at IS NULL
    RETURNING o.id
    """)

  /// Sets `replace` for a secret that does not say what happens if an enrolled host registers again. Parameters: its
  /// hash.
  static let adoptSecret = Statement<[UInt8], NoRow>(
    "enrolment_adopt_secret",
    """
    UPDATE pganalytics.registration_secrets SET reenrolment = 'replace'
    WHERE secret_hash = $1 AND reenrolment IS NULL
    """)
}
