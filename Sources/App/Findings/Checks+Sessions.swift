// Checks of sessions: transactions that run long or idle, and sessions that wait for others.

extension Checks {
  static let sessions = [longTransaction]

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
}
