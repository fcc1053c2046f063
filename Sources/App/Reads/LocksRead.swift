// Which sessions of a server wait for which others: the tree at a time, and the blocked time of a range.
//
// The stock collector lists the locks of the whole server once for each database that it reads. The statements count a pair
// of sessions once. A pair says that a session waits, and that the other session holds the same lock or waits for it, too.
// So two sessions in the queue of one lock wait for each other in the list. Such a pair is no edge of the tree if the session
// also waits for one that does not wait for it.

import Protocol

enum LocksRead: Question {
  static let read = Read(
    "getServerLocks", "/api/v1/servers/{id:int}/locks", about: .server,
    summary: "The wait tree of a server at a time, and the blocked time in a range.",
    description: """
      `data` is the tree: each session that waits, below the session that it waits for, and the sessions that wait for
      nothing at the top. It shows the last lists at or before `at`; no rows: no session waited. `blocked_time` and `blockers`
      are about the range. The time that a session was blocked is the sum over the lists that have it of the time since the
      previous list, at most the waiting time that the list reports. Waits that begin and end between two lists are not seen.
      """,
    filters: [.moment], sections: [tree, blockedTime, blockers])

  private static let tables = ["pg_locks", "pg_lock_wait_chains", "pg_blocking_queries"]

  // MARK: The tree

  private static let tree = ReadSection(
    "data", "The wait tree, from the top to the bottom. Each session is in it once, however many databases list it.",
    .short, from: tables, ties: "place",
    columns: [
      .count(
        "place", means: "Place in the order of the tree, from 1: each session is followed by those that wait for it."),
      .count(
        "depth",
        means: """
          Distance from a session that waits for nothing, which has 0; null: the session waits in a circle, or for one.
          """),
      .count("pid", means: "Process id of the session."),
      .count(
        "parent_pid", means: "The session above it in the tree, of those that it waits for; null: it waits for none."),
      .count("root_pid", means: "The session at the top; null in a circle."),
      .flag(
        "in_circle",
        means: "Whether no session that waits for nothing is above it, so that the wait does not end by itself."),
      .count("blocked_by", means: "Sessions that it waits for."),
      .count("blocks", means: "Sessions that wait directly for it."),
      .count("sessions_behind", means: "Sessions below it in the tree, at any depth; null in a circle."),
      .real(
        "wait_seconds", "seconds", means: "How long the waiting statement has run; null: the session does not wait."),
      .real("statement_seconds", "seconds", means: "How long its statement has run."),
      .text("username", means: "User of the session."),
      .text("application_name", means: "Name that the client gave itself."),
      .text("client_address", means: "Address of the client, where the collector reports it."),
      .text("database", means: "Database of the session, where the collector reports it."),
      .text("state", means: "What the session does, where the collector reports it."),
      .text("query", means: "Its statement, or its last one."),
      .text("lock_type", means: "Kind of the lock that it waits for."),
      .text("lock_mode", means: "Mode of the lock that it waits for."),
      .count("relation", means: "Object id of the table or index that it waits for; null for other kinds."),
      .time("listed_at", means: "When the collector took the list."),
    ]
  ) { scope in
    """
    WITH RECURSIVE \(edges(scope)), nodes AS (
      SELECT w.pid FROM waits w UNION SELECT w.blocker FROM waits w
    ), reached AS (
      SELECT n.pid, 0::int8 AS depth FROM nodes n WHERE NOT EXISTS (SELECT FROM waits w WHERE w.pid = n.pid)
      UNION
      SELECT w.pid, r.depth + 1 FROM reached r JOIN waits w ON w.blocker = r.pid
      WHERE r.depth < (SELECT count(*) FROM nodes)
    ), placed AS MATERIALIZED (
      SELECT r.pid, min(r.depth) AS depth FROM reached r GROUP BY 1
    ), parents AS MATERIALIZED (
      SELECT p.pid, p.depth, min(q.pid) AS parent
      FROM placed p LEFT JOIN waits w ON w.pid = p.pid LEFT JOIN placed q ON q.pid = w.blocker AND q.depth = p.depth - 1
      GROUP BY 1, 2
    ), tree AS (
      SELECT p.pid, p.depth, p.parent, p.pid AS root, ARRAY[p.pid] AS path FROM parents p WHERE p.depth = 0
      UNION ALL
      SELECT p.pid, p.depth, p.parent, t.root, t.path || p.pid FROM tree t JOIN parents p ON p.parent = t.pid
    ), behind AS (
      SELECT u.pid, count(*) - 1 AS sessions FROM tree t, unnest(t.path) AS u(pid) GROUP BY 1
    ), shown AS (
      SELECT t.pid, t.depth, t.parent, t.root, t.path, b.sessions FROM tree t JOIN behind b USING (pid)
      UNION ALL
      SELECT n.pid, NULL, (SELECT min(w.blocker) FROM waits w WHERE w.pid = n.pid), NULL, NULL, NULL
      FROM nodes n WHERE NOT EXISTS (SELECT FROM placed p WHERE p.pid = n.pid)
    ), \(facts(scope))
    SELECT row_number() OVER (ORDER BY s.path IS NULL, s.path, s.pid) AS place, s.depth, s.pid, s.parent AS parent_pid,
      s.root AS root_pid, s.path IS NULL AS in_circle,
      (SELECT count(*) FROM waits w WHERE w.pid = s.pid) AS blocked_by,
      (SELECT count(*) FROM waits w WHERE w.blocker = s.pid) AS blocks, s.sessions AS sessions_behind,
      (SELECT max(w.seconds) FROM waits w WHERE w.pid = s.pid) AS wait_seconds,
      coalesce(q.duration_seconds, k.lock_age_seconds) AS statement_seconds, e.username, e.application_name,
      q.client_address, q.database, coalesce(q.state, k.state) AS state, \(scope.text("e.query_id", of: "e")) AS query,
      CASE WHEN NOT k.granted THEN k.locktype END AS lock_type, CASE WHEN NOT k.granted THEN k.mode END AS lock_mode,
      CASE WHEN NOT k.granted THEN k.relation END AS relation, e.time AS listed_at, e.time AS data_from,
      e.time AS data_until
    FROM shown s JOIN sessions e USING (pid) LEFT JOIN statements q USING (pid) LEFT JOIN locks k USING (pid)
    """
  }

  /// The common table `waits`: the session `pid` waits for the session `blocker`. `listed` has the rows that say so.
  private static func edges(_ scope: ReadScope) -> String {
    """
    listed AS MATERIALIZED (
      SELECT t.* FROM \(scope.newest("pg_lock_wait_chains", of: tables)) t
      WHERE t.blocked_pid IS NOT NULL AND t.blocking_pid IS NOT NULL AND t.blocked_pid <> t.blocking_pid
    ), pairs AS (
      SELECT p.*, count(*) OVER (PARTITION BY least(p.pid, p.blocker), greatest(p.pid, p.blocker)) > 1 AS is_mutual
      FROM (
        SELECT l.blocked_pid AS pid, l.blocking_pid AS blocker, max(l.wait_time_seconds) AS seconds
        FROM listed l GROUP BY 1, 2
      ) p
    ), waits AS MATERIALIZED (
      SELECT p.pid, p.blocker, p.seconds
      FROM (SELECT p.*, bool_and(p.is_mutual) OVER (PARTITION BY p.pid) AS is_only_mutual FROM pairs p) p
      WHERE NOT p.is_mutual OR p.is_only_mutual
    )
    """
  }

  /// The common tables `sessions`, `statements` and `locks`: what the lists say about each session, by `pid`.
  private static func facts(_ scope: ReadScope) -> String {
    """
    sessions AS (
      SELECT DISTINCT ON (s.pid) s.* FROM (
        SELECT l.server_id, l.blocked_pid AS pid, l.blocked_user AS username, l.blocked_application AS application_name,
          l.blocked_query_id AS query_id, l.time FROM listed l
        UNION ALL
        SELECT l.server_id, l.blocking_pid, l.blocking_user, l.blocking_application, l.blocking_query_id, l.time
        FROM listed l
      ) s ORDER BY s.pid, s.time DESC, s.username, s.application_name, s.query_id
    ), statements AS (
      SELECT DISTINCT ON (t.pid) t.pid, t.state, t.duration_seconds, t.database, t.client_address
      FROM \(scope.newest("pg_blocking_queries", of: tables)) t
      ORDER BY t.pid, t.time DESC, t.duration_seconds DESC, t.state, t.database, t.client_address
    ), locks AS (
      SELECT DISTINCT ON (t.pid) t.pid, t.state, t.lock_age_seconds, t.granted, t.locktype, t.mode, t.relation
      FROM \(scope.newest("pg_locks", of: tables)) t JOIN nodes n ON n.pid = t.pid
      ORDER BY t.pid, t.granted, t.time DESC, t.locktype, t.mode, t.relation, t.lock_age_seconds DESC, t.state
    )
    """
  }

  // MARK: The range

  private static let blockedTime = ReadSection(
    "blocked_time", "How long sessions were blocked, over time. A bucket without a waiting session has no row.",
    .series,
    from: ["pg_locks", "pg_lock_wait_chains"], ties: "blocked_seconds",
    columns: [
      .time("time", means: "Start of the bucket."),
      .real("blocked_seconds", "seconds", means: "Time that sessions were blocked, summed over the sessions."),
      .count("most_waiting", means: "Largest number of sessions that waited at the time of a list."),
      .real("longest_wait_seconds", "seconds", means: "Longest time that a waiting statement had run."),
    ]
  ) { scope in
    """
    SELECT b.time, sum(b.seconds) AS blocked_seconds, max(b.sessions) AS most_waiting,
      max(b.waited) AS longest_wait_seconds, min(b.at) AS data_from, max(b.at) AS data_until
    FROM (
      SELECT \(scope.bucket(of: "w.time")) AS time, w.time AS at, sum(w.seconds) AS seconds, count(*) AS sessions,
        max(w.waited) AS waited
      FROM \(samples(scope)) w GROUP BY 1, 2
    ) b GROUP BY 1
    """
  }

  private static let blockers = ReadSection(
    "blockers", "Which statements blocked which others in the range, the longest blocked time first.", .short,
    from: ["pg_locks", "pg_lock_wait_chains"],
    ties: "blocked_seconds DESC, blocking_query, blocked_query, blocking_user, blocking_application",
    columns: [
      .text("blocking_user", means: "User of the session that held the lock or was before in its queue."),
      .text("blocking_application", means: "Name that its client gave itself."),
      .text("blocking_query", means: "Its last statement."),
      .text("blocked_query", means: "The statement that waited."),
      .real(
        "blocked_seconds", "seconds",
        means: """
          Time that sessions were blocked. A session that waits for several others counts for each of them. Two sessions \
          that wait for each other do not count.
          """),
      .count("sessions", means: "Process ids that waited."),
      .count("samples", means: "Times of lists in which a session waited."),
      .real("longest_wait_seconds", "seconds", means: "Longest time that the waiting statement had run."),
      .time("first_seen", means: "Time of the first list with such a wait."),
      .time("last_seen", means: "Time of the last list with such a wait."),
    ]
  ) { scope in
    """
    SELECT g.blocking_user, g.blocking_application, \(scope.text("g.blocking_query_id", of: "g")) AS blocking_query,
      \(scope.text("g.blocked_query_id", of: "g")) AS blocked_query, g.blocked_seconds, g.sessions, g.samples,
      g.longest_wait_seconds, g.first_seen, g.last_seen, g.first_seen AS data_from, g.last_seen AS data_until
    FROM (
      SELECT c.server_id, c.blocking_user, c.blocking_application, c.blocking_query_id, c.blocked_query_id,
        sum(\(blocked("c.waited", "c.time"))) AS blocked_seconds, count(DISTINCT c.blocked_pid) AS sessions,
        count(DISTINCT c.time) AS samples, max(c.waited) AS longest_wait_seconds, min(c.time) AS first_seen,
        max(c.time) AS last_seen
      FROM (
        SELECT d.*, max(d.wait_time_seconds) OVER (PARTITION BY d.server_id, d.time, d.blocked_pid) AS waited,
          count(*) OVER (PARTITION BY d.server_id, d.time, least(d.blocked_pid, d.blocking_pid),
            greatest(d.blocked_pid, d.blocking_pid)) > 1 AS is_mutual
        FROM (
          SELECT DISTINCT ON (t.server_id, t.time, t.blocked_pid, t.blocking_pid) t.*
          FROM \(scope.rows("pg_lock_wait_chains")) t WHERE t.blocked_pid IS NOT NULL
          ORDER BY t.server_id, t.time, t.blocked_pid, t.blocking_pid, t.wait_time_seconds DESC NULLS LAST, t.database_id
        ) d
      ) c JOIN \(intervals(scope)) l USING (server_id, time)
      WHERE NOT c.is_mutual AND c.blocked_pid IS DISTINCT FROM c.blocking_pid GROUP BY 1, 2, 3, 4, 5
    ) g
    """
  }

  /// A row for each list and each session that waits in it: `server_id`, `time`, `pid`, the time `seconds` that the session
  /// was blocked since the previous list, and the whole time `waited`.
  private static func samples(_ scope: ReadScope) -> String {
    """
    (SELECT w.server_id, w.time, w.pid, w.waited, \(blocked("w.waited", "w.time")) AS seconds
    FROM (
      SELECT t.server_id, t.time, t.blocked_pid AS pid, max(t.wait_time_seconds) AS waited
      FROM \(scope.rows("pg_lock_wait_chains")) t WHERE t.blocked_pid IS NOT NULL GROUP BY 1, 2, 3
    ) w JOIN \(intervals(scope)) l USING (server_id, time))
    """
  }

  /// The time that a session was blocked since the previous list: at most the time that it has waited.
  private static func blocked(_ waited: String, _ time: String) -> String {
    "greatest(least(\(waited), date_part('epoch', \(time) - l.previous)), 0)"
  }

  /// The times of lists with a wait, each with the time of the list before it: `server_id`, `time`, `previous`. The list before
  /// the first one is taken to be at the start of the range.
  private static func intervals(_ scope: ReadScope) -> String {
    func before(_ table: String) -> String {
      "(SELECT max(t.time) FROM \(scope.rows(table)) t WHERE t.server_id = d.server_id AND t.time < d.time)"
    }
    return """
      (SELECT d.server_id, d.time,
        coalesce(greatest(\(before("pg_locks")), \(before("pg_lock_wait_chains"))), \(scope[.start])) AS previous
      FROM (SELECT DISTINCT t.server_id, t.time FROM \(scope.rows("pg_lock_wait_chains")) t) d)
      """
  }
}
