// Checks of sessions that wait for locks of others. Each list of locks has at least those of the collector itself, so a
// server without rows of pg_locks has no data. The collector repeats the locks of the whole server under every database,
// so a session is counted once by its process id.

extension Checks {
  static let locks = [blockedSessions, blockingChain]

  private static let blockedSessions = Check(
    "blocked_sessions", "Blocked sessions", .warning, reads: ["pg_locks", "pg_lock_wait_chains"],
    thresholds: [
      .init("seconds", 30, "seconds", in: 1...31_536_000, "A session that waits this long for a lock counts."),
      .init("sessions", 1, "sessions", in: 1...100_000, "So many of them open a finding."),
      .init("seconds_end", 15, "seconds", in: 0...31_536_000, "The finding ends when no session has waited this long."),
    ],
    ends: "The finding ends when no session has waited for `seconds_end`.",
    advice: "Look at the wait tree for the session at its root, and end its transaction: commit it, or cancel it.",
    look: "servers/{id}/locks",
    sql: """
      WITH list AS MATERIALIZED (\(CheckSource.latest("pg_locks"))),
      waiting AS MATERIALIZED (
        SELECT DISTINCT ON (r.server_id, r.blocked_pid) r.*
        FROM list l JOIN metrics.pg_lock_wait_chains r ON \(CheckSource.belongs("r", to: "l"))
        WHERE r.wait_time_seconds >= least($3[1], $3[3])
        ORDER BY r.server_id, r.blocked_pid, r.wait_time_seconds DESC, r.blocking_pid),
      longest AS (
        SELECT DISTINCT ON (server_id) *,
          count(*) FILTER (WHERE wait_time_seconds >= $3[1]) OVER (PARTITION BY server_id) AS sessions
        FROM waiting ORDER BY server_id, wait_time_seconds DESC, blocked_pid)
      SELECT w.server_id, '' AS subject, w.wait_time_seconds AS value, $3[1] AS threshold, w.sessions >= $3[2] AS opens,
        true AS holds,
        format('%s waits for a lock, the longest %s: %s waits for %s',
          CASE w.sessions WHEN 0 THEN 'a session' WHEN 1 THEN 'a session' ELSE w.sessions || ' sessions' END,
          \(CheckSource.duration("w.wait_time_seconds")), w.blocked_pid, w.blocking_pid) AS message,
        jsonb_build_object('sessions', w.sessions, 'blocked_pid', w.blocked_pid, 'blocked_user', w.blocked_user,
          'blocking_pid', w.blocking_pid, 'blocking_user', w.blocking_user, 'blocked_query', left(b.value, 1000),
          'blocking_query', left(g.value, 1000)) AS details
      FROM longest w
      LEFT JOIN pganalytics.texts b ON b.server_id = w.server_id AND b.text_id = w.blocked_query_id
      LEFT JOIN pganalytics.texts g ON g.server_id = w.server_id AND g.text_id = w.blocking_query_id
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  /// The collector's wait chains also pair sessions that wait side by side for one lock. So the chain is made from the
  /// locks: a session waits for another one that holds the same thing in a mode that conflicts. A session waits for one
  /// lock at a time; sessions that wait for each other in a circle reach the largest length.
  private static let blockingChain = Check(
    "blocking_chain", "Chain of blocked sessions", .critical, reads: ["pg_locks", "pg_lock_wait_chains"],
    thresholds: [
      .init(
        "length", 3, "sessions", in: 2...20,
        "A chain of so many sessions, each of which waits for the next, opens a finding. A circle has the length 20.")
    ],
    ends: "The finding ends when no chain is that long.",
    advice: """
      Sessions that wait for sessions that wait often end as a deadlock, or stop an application. End the transaction at \
      the root of the wait tree.
      """,
    look: "servers/{id}/locks",
    sql: """
      WITH RECURSIVE list AS MATERIALIZED (\(CheckSource.latest("pg_locks"))),
      pair AS MATERIALIZED (
        SELECT l.server_id, l.time FROM list l
        WHERE (SELECT count(DISTINCT r.blocked_pid) FROM metrics.pg_lock_wait_chains r
          WHERE \(CheckSource.belongs("r", to: "l"))) > 1),
      lock AS MATERIALIZED (
        SELECT DISTINCT r.server_id, r.pid, r.granted, r.mode,
          concat_ws('/', r.locktype, coalesce(r.database::text, '-'), coalesce(r.relation::text, '-'),
            coalesce(r.page::text, '-'), coalesce(r.tuple::text, '-'), coalesce(r.virtualxid, '-'),
            coalesce(r.transactionid::text, '-'), coalesce(r.classid::text, '-'), coalesce(r.objid::text, '-'),
            coalesce(r.objsubid::text, '-')) AS thing
        FROM pair l JOIN metrics.pg_locks r ON \(CheckSource.belongs("r", to: "l"))),
      mode (name, conflicts) AS (VALUES
        ('AccessShareLock', '{AccessExclusiveLock}'::text[]),
        ('RowShareLock', '{ExclusiveLock,AccessExclusiveLock}'),
        ('RowExclusiveLock', '{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
        ('ShareUpdateExclusiveLock',
          '{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
        ('ShareLock',
          '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
        ('ShareRowExclusiveLock',
          '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
        ('ExclusiveLock',
          '{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
        ('AccessExclusiveLock',
          '{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}')),
      edge AS MATERIALIZED (
        SELECT DISTINCT w.server_id, w.pid AS waiter, h.pid AS holder
        FROM lock w JOIN mode m ON m.name = w.mode
        JOIN lock h ON h.server_id = w.server_id AND h.thing = w.thing AND h.granted AND h.pid <> w.pid
          AND h.mode = ANY(m.conflicts)
        WHERE NOT w.granted),
      chain (server_id, pid, length) AS (
        SELECT DISTINCT server_id, holder, 1 FROM edge
        UNION
        SELECT e.server_id, e.waiter, c.length + 1
        FROM chain c JOIN edge e ON e.server_id = c.server_id AND e.holder = c.pid WHERE c.length < 20),
      longest AS (SELECT server_id, max(length) AS length FROM chain GROUP BY server_id)
      SELECT c.server_id, '' AS subject, c.length::float8 AS value, $3[1] AS threshold, true AS opens, true AS holds,
        CASE WHEN c.length >= 20 THEN 'sessions wait for each other in a circle'
          ELSE format('a chain of %s sessions, each of which waits for the next', c.length) END AS message,
        jsonb_build_object('waits', (SELECT jsonb_agg(jsonb_build_object('waiter', e.waiter, 'holder', e.holder))
          FROM (SELECT * FROM edge e WHERE e.server_id = c.server_id ORDER BY e.holder, e.waiter LIMIT 20) e)) AS details
      FROM longest c WHERE c.length >= $3[1]
      UNION ALL
      \(CheckSource.markers("list"))
      """)
}
