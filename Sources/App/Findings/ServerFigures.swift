// The figures of the fleet overview, one row a server. The evaluation computes them after a push, so that the overview
// reads no metric table. A figure without data in the last minutes becomes NULL.

import Protocol

enum ServerFigures {
  static let all = [keep.description]

  /// Computes and stores the figures of servers. Parameters: servers; the time to look at.
  ///
  /// Each subquery with OFFSET 0 reads one server by its index. Without it, the planner may join the servers with a whole
  /// day of rows.
  ///
  /// Connections are those of the whole server as one database sees them. Rates are over the two latest samples of each
  /// database; samples in which every number is zero come from a database that the collector could not reach. The cache
  /// hit is that of the listed statements between the two latest lists.
  static let keep = Statement<[Int32], Timestamp, NoRow>(
    "server_figures_keep",
    """
    WITH session_list AS MATERIALIZED (\(CheckSource.latest("pg_connections_by_state"))),
    session AS MATERIALIZED (
      SELECT server_id, max(count) AS connections FROM (
        SELECT l.server_id, r.database_id, sum(r.count) AS count
        FROM session_list l
        CROSS JOIN LATERAL (SELECT r.database_id, r.count FROM metrics.pg_connections_by_state r
          WHERE \(CheckSource.belongs("r", to: "l")) OFFSET 0) r
        GROUP BY l.server_id, r.database_id) r
      GROUP BY server_id),
    oldest AS MATERIALIZED (
      SELECT l.server_id, greatest(
          (SELECT max(r.duration_seconds) FROM metrics.pg_long_running_transactions r
            WHERE \(CheckSource.belongs("r", to: "l"))),
          (SELECT max(r.idle_time_seconds) FROM metrics.pg_idle_transactions r
            WHERE \(CheckSource.belongs("r", to: "l"))), 0) AS seconds
      FROM session_list l),
    rate AS MATERIALIZED (
      SELECT server_id, sum(rate) AS rate, max(time) AS time FROM (
        SELECT DISTINCT ON (server_id, database_id) server_id, time, CASE
            WHEN count >= before AND time > before_time
            THEN (count - before)::float8 / extract(epoch FROM time - before_time)::float8 END AS rate
        FROM (
          SELECT s.id AS server_id, r.database_id, r.time, r.transactions_committed + r.transactions_rolledback AS count,
            lag(r.transactions_committed + r.transactions_rolledback) OVER series AS before,
            lag(r.time) OVER series AS before_time
          FROM unnest($1::int4[]) AS s(id)
          CROSS JOIN LATERAL (
            SELECT r.database_id, r.time, r.transactions_committed, r.transactions_rolledback
            FROM metrics.pg_stats r
            WHERE r.server_id = s.id AND r.time > $2::timestamptz - \(CheckSource.span) AND r.time <= $2::timestamptz
              AND (r.transactions_committed <> 0 OR r.size_bytes <> 0) OFFSET 0) r
          WINDOW series AS (PARTITION BY s.id, r.database_id ORDER BY r.time)) r
        ORDER BY server_id, database_id, time DESC) r
      GROUP BY server_id),
    statement_list AS MATERIALIZED (
      SELECT s.id AS server_id, n.database_id, n.time, o.time AS before
      FROM unnest($1::int4[]) AS s(id)
      CROSS JOIN LATERAL (
        SELECT r.time, r.database_id FROM metrics.pg_query_stats r
        WHERE r.server_id = s.id AND r.time > $2::timestamptz - \(CheckSource.span) AND r.time <= $2::timestamptz
        ORDER BY r.time DESC LIMIT 1) n
      CROSS JOIN LATERAL (
        SELECT r.time FROM metrics.pg_query_stats r
        WHERE r.server_id = s.id AND r.database_id = n.database_id AND r.time > $2::timestamptz - \(CheckSource.span)
          AND r.time <= $2::timestamptz AND r.time < n.time
        ORDER BY r.time DESC LIMIT 1) o),
    cache AS MATERIALIZED (
      SELECT l.server_id, 100 * sum(n.shared_blks_hit - o.shared_blks_hit)::float8
          / nullif(sum(n.shared_blks_hit - o.shared_blks_hit + n.shared_blks_read - o.shared_blks_read), 0)::float8 AS hit
      FROM statement_list l
      CROSS JOIN LATERAL (
        SELECT r.hash, r.statements, r.calls, r.shared_blks_hit, r.shared_blks_read FROM metrics.pg_query_stats r
        WHERE r.server_id = l.server_id AND r.database_id = l.database_id AND r.time = l.time
          AND r.time > $2::timestamptz - \(CheckSource.span) AND r.time <= $2::timestamptz OFFSET 0) n
      CROSS JOIN LATERAL (
        SELECT r.hash, r.statements, r.calls, r.shared_blks_hit, r.shared_blks_read FROM metrics.pg_query_stats r
        WHERE r.server_id = l.server_id AND r.database_id = l.database_id AND r.time = l.before
          AND r.time > $2::timestamptz - \(CheckSource.span) AND r.time <= $2::timestamptz OFFSET 0) o
      WHERE o.hash = n.hash AND o.statements IS NOT DISTINCT FROM n.statements AND n.calls >= o.calls AND n.shared_blks_hit >= o.shared_blks_hit AND n.shared_blks_read >= o.shared_blks_read
      GROUP BY l.server_id),
    standby_list AS MATERIALIZED (\(CheckSource.replication)),
    standby AS MATERIALIZED (\(CheckSource.objects("pg_replication_status", "r.replay_lag_ms"))),
    lag AS MATERIALIZED (
      SELECT l.server_id, max(coalesce(s.replay_lag_ms, 0))::float8 / 1000 AS seconds
      FROM standby_list l JOIN standby s ON \(CheckSource.belongs("s", to: "l"))
      GROUP BY l.server_id),
    disk AS MATERIALIZED (
      SELECT server_id, max(percent_used) AS percent, max(time) AS time
      FROM (\(CheckSource.objects("disk_usage", "r.percent_used"))) r GROUP BY server_id),
    xid AS MATERIALIZED (
      SELECT server_id, max(CASE WHEN relfrozenxid > 0 AND current_xid >= relfrozenxid THEN current_xid - relfrozenxid
          WHEN xid_until_wraparound > 0 THEN 2147483648 - xid_until_wraparound END) AS age
      FROM (\(CheckSource.objects(
        "pg_replication_wraparound", "r.relfrozenxid, r.current_xid, r.xid_until_wraparound"))) r
      GROUP BY server_id)
    UPDATE pganalytics.server_states e
    SET connections = session.connections, transactions_per_second = rate.rate, cache_hit = cache.hit,
      replication_lag_seconds = lag.seconds, oldest_transaction_seconds = oldest.seconds,
      disk_used_percent = disk.percent, xid_age = xid.age,
      data_at = greatest(session_list.time, rate.time, statement_list.time, disk.time)
    FROM unnest($1::int4[]) AS s(id)
    LEFT JOIN session_list ON session_list.server_id = s.id
    LEFT JOIN session ON session.server_id = s.id
    LEFT JOIN oldest ON oldest.server_id = s.id
    LEFT JOIN rate ON rate.server_id = s.id
    LEFT JOIN statement_list ON statement_list.server_id = s.id
    LEFT JOIN cache ON cache.server_id = s.id
    LEFT JOIN lag ON lag.server_id = s.id
    LEFT JOIN disk ON disk.server_id = s.id
    LEFT JOIN xid ON xid.server_id = s.id
    WHERE e.server_id = s.id
    """)
}
