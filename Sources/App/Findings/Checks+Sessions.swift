// Checks of sessions: transactions that run long or idle, and sessions that wait for others.

extension Checks {
  static let sessions = [longTransaction, idleInTransaction, connectionsNearLimit]

  /// The collector sees the sessions of all databases from each database, so a session is counted once by its process
  /// id. The senders of replication and the workers of autovacuum run long by their nature.
  private static let longTransaction = Check(
    "long_transaction", "Long transaction", .warning,
    reads: ["pg_connections_by_state", "pg_long_running_transactions"],
    thresholds: [
      .init("seconds", 1800, "seconds", in: 1...31_536_000, "A statement that runs this long opens a finding."),
      .init("seconds_end", 1500, "seconds", in: 0...31_536_000, "Below this time the finding ends."),
    ],
    ends: "The finding of a database ends when no statement in it has run for `seconds_end`.",
    advice: """
      Look at the statement and its client. A long transaction keeps dead rows and locks. Cancel it with \
      pg_cancel_backend(pid) if its work can be repeated.
      """,
    look: "servers/{id}/connections",
    sql: """
      WITH list AS MATERIALIZED (\(CheckSource.latest("pg_connections_by_state"))),
      session AS (
        SELECT DISTINCT ON (r.server_id, r.pid) r.server_id, r.pid, coalesce(r.database, '') AS database, r.username, r.application_name,
          r.state, r.duration_seconds AS seconds, t.value AS query
        FROM list l
        JOIN metrics.pg_long_running_transactions r ON \(CheckSource.belongs("r", to: "l"))
        LEFT JOIN pganalytics.texts t ON t.server_id = r.server_id AND t.text_id = r.query_id
        WHERE coalesce(t.value, '') !~ '^(START_REPLICATION|autovacuum: )'
        ORDER BY r.server_id, r.pid, r.time DESC),
      longest AS (
        SELECT DISTINCT ON (server_id, database) *, count(*) FILTER (WHERE seconds >= $3[1])
          OVER (PARTITION BY server_id, database) AS sessions
        FROM session ORDER BY server_id, database, seconds DESC, pid)
      SELECT server_id, database AS subject, seconds AS value, $3[1] AS threshold, seconds >= $3[1] AS opens,
        seconds >= least($3[1], $3[2]) AS holds,
        format('a statement of %s in database %s has run for %s: %s', coalesce(nullif(username, ''), 'an unknown user'), database,
          \(CheckSource.duration("seconds")), \(CheckSource.excerpt("query"))) AS message,
        jsonb_build_object('pid', pid, 'username', username, 'application_name', application_name, 'state', state,
          'query', left(query, 1000), 'sessions', sessions) AS details
      FROM longest
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  private static let idleInTransaction = Check(
    "idle_in_transaction", "Idle in transaction", .warning,
    reads: ["pg_connections_by_state", "pg_idle_transactions"],
    thresholds: [
      .init("seconds", 600, "seconds", in: 1...31_536_000, "A transaction that idles this long opens a finding."),
      .init("seconds_end", 300, "seconds", in: 0...31_536_000, "Below this time the finding ends."),
    ],
    ends: "The finding of a database ends when no transaction in it has idled for `seconds_end`.",
    advice: """
      Look at the client: it began a transaction and sends nothing. Mend the application, or set \
      idle_in_transaction_session_timeout. pg_terminate_backend(pid) ends the session.
      """,
    look: "servers/{id}/connections",
    sql: """
      WITH list AS MATERIALIZED (\(CheckSource.latest("pg_connections_by_state"))),
      session AS (
        SELECT DISTINCT ON (r.server_id, r.pid) r.server_id, r.pid, coalesce(r.database, '') AS database, r.username,
          r.application_name, r.state, r.idle_time_seconds AS seconds
        FROM list l JOIN metrics.pg_idle_transactions r ON \(CheckSource.belongs("r", to: "l"))
        ORDER BY r.server_id, r.pid, r.time DESC),
      longest AS (
        SELECT DISTINCT ON (server_id, database) *, count(*) FILTER (WHERE seconds >= $3[1])
          OVER (PARTITION BY server_id, database) AS sessions
        FROM session ORDER BY server_id, database, seconds DESC, pid)
      SELECT server_id, database AS subject, seconds AS value, $3[1] AS threshold, seconds >= $3[1] AS opens,
        seconds >= least($3[1], $3[2]) AS holds,
        format('a transaction of %s in database %s has idled for %s', coalesce(nullif(username, ''), 'an unknown user'),
          database, \(CheckSource.duration("seconds"))) AS message,
        jsonb_build_object('pid', pid, 'username', username, 'application_name', application_name, 'state', state,
          'sessions', sessions) AS details
      FROM longest
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  /// The stock collector does not report max_connections. The limit is known if a collector sends it as a further key of
  /// its connection statistics, or if a person sets `connections`.
  private static let connectionsNearLimit = Check(
    "connections_near_limit", "Connections near their limit", .critical,
    reads: ["pg_connections_by_state", "pg_connections"],
    thresholds: [
      .init(
        "connections", 0, "connections", in: 0...1_000_000, "So many connections open a finding; 0: no such limit."),
      .init(
        "percent", 90, "percent", in: 1...100,
        "This share of max_connections opens a finding, if the collector reports max_connections."),
      .init(
        "percent_end", 90, "percent", in: 1...100, "The finding ends below this share of the number that opens one."),
    ],
    ends: "The finding ends below `percent_end` of the number of connections that opens one.",
    advice: """
      Look for the client that holds the connections, often idle ones. A pooler keeps their number low; raising \
      max_connections needs a restart.
      """,
    look: "servers/{id}/connections",
    sql: """
      WITH list AS MATERIALIZED (\(CheckSource.latest("pg_connections_by_state"))),
      total AS (
        SELECT server_id, max(count) AS count FROM (
          SELECT r.server_id, r.database_id, sum(r.count)::float8 AS count
          FROM list l JOIN metrics.pg_connections_by_state r ON \(CheckSource.belongs("r", to: "l"))
          GROUP BY r.server_id, r.database_id) r
        GROUP BY server_id),
      limits AS (
        SELECT t.*, least(nullif($3[1], 0), $3[2] / 100 * (
          SELECT max((r.extra ->> 'max_connections')::float8) FROM list l
          JOIN metrics.pg_connections r ON \(CheckSource.belongs("r", to: "l"))
          WHERE l.server_id = t.server_id AND r.extra ->> 'max_connections' ~ '^[0-9]{1,9}$')) AS most
        FROM total t)
      SELECT server_id, '' AS subject, count AS value, most AS threshold, count >= most AS opens,
        count >= most * $3[3] / 100 AS holds, format('%s connections: a finding opens at %s', count, ceil(most)) AS message,
        NULL AS details
      FROM limits WHERE most IS NOT NULL
      UNION ALL
      \(CheckSource.markers("list"))
      """)
}
