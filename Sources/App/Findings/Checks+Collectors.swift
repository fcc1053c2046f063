// Checks of the collectors themselves. They read no metrics of the monitored server, so they are due by the clock.

extension Checks {
  /// The name of the check of silent collectors.
  static let silence = "silent_collector"

  static let collectors = [silentCollector, certificateExpiry, rejects]

  /// While all servers of the program are down, no collector can push. After such a pause each collector has the whole
  /// time of the threshold to push again.
  ///
  /// A server counts while it has a collector that is not revoked. The time of the last push is kept only for the
  /// present; an evaluation of an earlier time takes the newest stored row of tables that every round fills.
  private static let silentCollector = Check(
    silence, "Silent collector", .critical, on: .clock,
    reads: ["pganalytics.servers", "pganalytics.collectors", "sysstat", "pg_stats", "pg_connections_by_state"],
    thresholds: [
      .init(
        "seconds", 300, "seconds", in: 10...31_536_000,
        "A server opens a finding when its collector has not pushed for this long.")
    ],
    ends: "The finding ends with the next push, or when all collectors of the server are revoked.",
    advice: """
      Look whether the host and its collector run, and whether the collector reaches the server: its own log says why a \
      push failed.
      """,
    look: "servers/{id}",
    sql: """
      WITH server AS MATERIALIZED (
        SELECT s.id AS server_id,
          CASE WHEN s.last_seen_at <= $2 THEN s.last_seen_at ELSE (
            SELECT max(r.time) FROM (
              (SELECT r.time FROM metrics.sysstat r
                WHERE r.server_id = s.id AND r.time > $2 - interval '1 day' AND r.time <= $2 ORDER BY r.time DESC LIMIT 1)
              UNION ALL
              (SELECT r.time FROM metrics.pg_stats r
                WHERE r.server_id = s.id AND r.time > $2 - interval '1 day' AND r.time <= $2 ORDER BY r.time DESC LIMIT 1)
              UNION ALL
              (SELECT r.time FROM metrics.pg_connections_by_state r
                WHERE r.server_id = s.id AND r.time > $2 - interval '1 day' AND r.time <= $2 ORDER BY r.time DESC LIMIT 1)
            ) r) END AS seen_at,
          EXISTS (SELECT FROM pganalytics.collectors c WHERE c.server_id = s.id AND c.revoked_at IS NULL) AS has_collector
        FROM pganalytics.servers s WHERE s.id = ANY($1) AND s.last_seen_at IS NOT NULL),
      list AS MATERIALIZED (
        SELECT *, extract(epoch FROM $2 - seen_at)::float8 AS seconds,
          extract(epoch FROM $2 - greatest(seen_at, (SELECT r.resumed_at FROM pganalytics.check_runs r
            WHERE r.check_name = 'silent_collector' AND r.resumed_at <= $2)))::float8 AS waited
        FROM server WHERE seen_at IS NOT NULL)
      SELECT server_id, '' AS subject, seconds AS value, $3[1] AS threshold, true AS opens, true AS holds,
        format('no push for %s', \(CheckSource.duration("seconds"))) AS message,
        jsonb_build_object('last_seen_at', seen_at) AS details
      FROM list WHERE has_collector AND waited >= $3[1]
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  /// A certificate that lives only a short time is renewed late in days, so the threshold is at most a fifth of its
  /// life.
  private static let certificateExpiry = Check(
    "certificate_expiry", "Certificate near its end", .critical, on: .clock, every: .seconds(60),
    reads: ["pganalytics.collectors", "pganalytics.collector_certificates"],
    thresholds: [
      .init(
        "days", 5, "days", in: 0...3650,
        "A collector whose latest certificate ends within this time, or within a fifth of its life, opens a finding.")
    ],
    ends: "The finding ends when the collector has a later certificate, or is revoked.",
    advice: """
      Look into the collector's log for the renewal that failed. After the end of its certificate the collector has to \
      enrol again.
      """,
    look: "servers/{id}",
    sql: """
      WITH list AS MATERIALIZED (
        SELECT DISTINCT ON (c.server_id) c.server_id, c.name, k.serial, k.not_after,
          extract(epoch FROM k.not_after - $2)::float8 / 86400 AS days,
          least($3[1], extract(epoch FROM k.not_after - k.not_before)::float8 / 86400 / 5) AS threshold
        FROM pganalytics.collectors c
        JOIN pganalytics.collector_certificates k ON k.collector_id = c.id
        WHERE c.server_id = ANY($1) AND (c.revoked_at IS NULL OR c.revoked_at > $2)
          AND k.issued_at <= $2 AND (k.revoked_at IS NULL OR k.revoked_at > $2)
        ORDER BY c.server_id, k.not_after DESC, k.serial)
      SELECT server_id, '' AS subject, days AS value, threshold, true AS opens, true AS holds,
        format('the certificate of collector %s %s %s', name,
          CASE WHEN days < 0 THEN 'has ended' ELSE 'ends' END,
          to_char(not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')) AS message,
        jsonb_build_object('serial', serial, 'not_after', not_after) AS details
      FROM list WHERE days < threshold
      UNION ALL
      SELECT s.id AS server_id, NULL, NULL, NULL, false, false, NULL, NULL FROM unnest($1::int4[]) AS s(id)
      """)

  private static let rejects = Check(
    "rejects", "Rejected metrics", .warning, on: .clock,
    reads: ["pganalytics.collectors", "pganalytics.collector_rejects"],
    thresholds: [
      .init(
        "seconds", 3600, "seconds", in: 60...31_536_000,
        "A metric or row that was rejected within this time opens a finding.")
    ],
    ends: "The finding ends when nothing of the server's pushes was rejected for `seconds`.",
    advice: """
      Look at the rejects of the collector: each has a code and a place in the push. A newer collector may send what this \
      server does not know.
      """,
    look: "collectors",
    sql: """
      SELECT c.server_id, '' AS subject, count(*)::float8 AS value, 1 AS threshold, true AS opens, true AS holds,
        format('%s of type %s rejected: %s', (array_agg(r.code ORDER BY r.last_at DESC))[1],
          (array_agg(r.metric_type ORDER BY r.last_at DESC))[1],
          left((array_agg(r.last_message ORDER BY r.last_at DESC))[1], 200)) AS message,
        jsonb_build_object('collector_id', (array_agg(c.id ORDER BY r.last_at DESC))[1], 'last_at', max(r.last_at),
          'kinds', (jsonb_agg(jsonb_build_object('code', r.code, 'metric_type', r.metric_type, 'total', r.total)
            ORDER BY r.last_at DESC))) AS details
      FROM pganalytics.collectors c JOIN pganalytics.collector_rejects r ON r.collector_id = c.id
      WHERE c.server_id = ANY($1) AND r.last_at > $2 - make_interval(secs => $3[1]) AND r.last_at <= $2
      GROUP BY c.server_id
      UNION ALL
      SELECT s.id AS server_id, NULL, NULL, NULL, false, false, NULL, NULL FROM unnest($1::int4[]) AS s(id)
      """)
}
