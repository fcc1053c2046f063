// The statements of the lanes and the directory about collectors. Enrolment, renewal and administration have their own
// files.

import Protocol

enum CollectorStatements {
  static let all = [records.description, recordsOf.description, touch.description]

  /// A CollectorRecord from `pganalytics.collectors c`. Parameters: seconds of grace after the end of a certificate.
  private static let record = """
    SELECT c.id, c.server_id, c.hostname, c.config_version, c.revoked_at IS NOT NULL AS is_revoked,
      coalesce(k.certificates, '{}') AS certificates, coalesce(k.revoked, '{}') AS revoked_certificates,
      c.used_at IS NOT NULL AS is_used,
      c.generation > 0 AND EXISTS (SELECT 1 FROM pganalytics.collectors o
        WHERE o.server_id = c.server_id AND o.generation < c.generation AND o.revoked_at IS NULL) AS has_predecessors
    FROM pganalytics.collectors c LEFT JOIN LATERAL (
      SELECT array_agg(fingerprint) FILTER (WHERE revoked_at IS NULL) AS certificates,
        array_agg(fingerprint) FILTER (WHERE revoked_at IS NOT NULL) AS revoked
      FROM pganalytics.collector_certificates
      WHERE collector_id = c.id AND not_after > now() - make_interval(secs => $1)) k ON true
    """

  static let records = Statement<Double, CollectorRecord>("collector_records", record)

  /// Parameters: seconds of grace, ids.
  static let recordsOf = Statement<Double, [UUID], CollectorRecord>(
    "collector_records_of", record + " WHERE c.id = ANY($2)")

  /// Records that collectors have pushed. Parameters: their ids.
  static let touch = Statement<[UUID], NoRow>(
    "collectors_touch",
    """
    WITH seen AS (
      UPDATE pganalytics.collectors SET last_seen_at = now(), used_at = coalesce(used_at, now())
      WHERE id = ANY($1) RETURNING server_id)
    UPDATE pganalytics.servers SET last_seen_at = now() WHERE id IN (SELECT server_id FROM seen)
    """)
}
