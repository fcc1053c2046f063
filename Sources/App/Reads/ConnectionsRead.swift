// The connections of one server by state, and its long and idle transactions.
//
// The stock collector lists all sessions of the server once for each database that it reads, so one session is in several
// lists of one time. The statements count a session once: by state the largest of the lists' counts, a transaction by its
// process id.

import Protocol

enum ConnectionsRead: Question {
  static let read = Read(
    "getServerConnections", "/api/v1/servers/{id:int}/connections", about: .server,
    summary: "The connections of a server by state, and its long and idle transactions.",
    description: """
      `data` has the connections over time. `now` has those of the last list, `transactions_now` the long and idle
      transactions of the last list, and `transactions` those of the whole range. With `database`, only sessions of this
      database count.
      """,
    span: .seconds(3600), filters: [.database], sections: [states, now, transactionsNow, transactions])

  private static let state = ReadColumn.text(
    "state", means: "What the sessions do: active, idle, idle in transaction and others; null: the server does not say."
  )
  private static let database = ReadColumn.text("database", means: "The database that the sessions are connected to.")

  private static let states = ReadSection(
    "data", "Connections over time, by database and state.", .series, from: ["pg_connections_by_state"],
    ties: "database, state",
    columns: [
      .time("time", means: "Start of the bucket."), database, state,
      .real(
        "connections",
        means: """
          Mean number of connections over the lists of the bucket. A list without the state counts as zero. A session that \
          several lists of one time have, counts once.
          """),
      .count("most_connections", means: "Largest number of connections in one list."),
      .real("oldest_seconds", "seconds", means: "Largest age of a session in the state, as the collector reports it."),
    ]
  ) { scope in
    """
    WITH seen AS (
      SELECT t.server_id, t.time, t.database, t.state, max(t.count) AS count, max(t.max_age_seconds) AS age
      FROM \(scope.rows("pg_connections_by_state")) t GROUP BY 1, 2, 3, 4
    ), lists AS (
      SELECT \(scope.bucket(of: "l.time")) AS bucket, count(*) AS lists, min(l.time) AS first, max(l.time) AS last
      FROM (SELECT DISTINCT server_id, time FROM seen) l GROUP BY 1
    )
    SELECT l.bucket AS time, s.database, s.state, s.connections / l.lists AS connections, s.most_connections,
      s.oldest_seconds, l.first AS data_from, l.last AS data_until
    FROM (
      SELECT \(scope.bucket(of: "s.time")) AS bucket, s.database, s.state,
        pganalytics.double(sum(s.count)) AS connections, max(s.count) AS most_connections, max(s.age) AS oldest_seconds
      FROM seen s WHERE \(isWanted("s", scope)) GROUP BY 1, 2, 3
    ) s JOIN lists l USING (bucket)
    """
  }

  private static let now = ReadSection(
    "now", "The connections in the last list before the end of the range.", .short, from: tables,
    ties: "connections DESC, database, state",
    columns: [
      database, state, .count("connections", means: "Connections in the state; each session counts once."),
      .real("oldest_seconds", "seconds", means: "Largest age of a session in the state, as the collector reports it."),
      .time("listed_at", means: "When the collector took the list."),
    ]
  ) { scope in
    """
    SELECT t.database, t.state, max(t.count) AS connections, max(t.max_age_seconds) AS oldest_seconds,
      max(t.time) AS listed_at, min(t.time) AS data_from, max(t.time) AS data_until
    FROM \(scope.newest("pg_connections_by_state", of: tables)) t WHERE \(isWanted("t", scope)) GROUP BY 1, 2
    """
  }

  /// The columns that both lists of transactions have.
  private static let session: [ReadColumn] = [
    .text(
      "kind", means: "`long`: a transaction that has run for long. `idle`: a transaction that waits for its client.",
      of: ["long", "idle"]),
    .count("pid", means: "Process id of the session. A session that several lists have, is shown once."),
    .text("username", means: "User of the session."), database,
    .text("application_name", means: "Name that the client gave itself."),
    .text("client_address", means: "Address of the client; null for a local socket."),
    .text("state", means: "What the session does."),
    .text("query", means: "Its statement; null for an idle transaction."),
    .time("query_start", means: "When the statement began; of an idle transaction its last one."),
    .time("state_change", means: "Since when the transaction idles; null for a long one."),
  ]

  private static let transactionsNow = ReadSection(
    "transactions_now", "The long and idle transactions in the last list before the end of the range.", .short,
    from: tables, ties: "seconds DESC NULLS LAST, kind, pid, query_start, state_change",
    columns: session + [
      .real("seconds", "seconds", means: "How long the statement had run, or the transaction had idled."),
      .time("listed_at", means: "When the collector took the list."),
    ]
  ) { scope in
    """
    SELECT DISTINCT ON (\(sessionKey)) t.kind, t.pid, t.username, t.database, t.application_name, t.client_address,
      t.state, \(scope.text("t.query_id", of: "t")) AS query, t.query_start, t.state_change, t.seconds,
      t.time AS listed_at, t.time AS data_from, t.time AS data_until
    FROM (
    \(sessions(scope.newest("pg_long_running_transactions", of: tables), scope.newest("pg_idle_transactions", of: tables)))
    ) t
    WHERE \(isWanted("t", scope)) ORDER BY \(sessionKey), t.time DESC, t.seconds DESC
    """
  }

  private static let transactions = ReadSection(
    "transactions", "The long and idle transactions of the range, each once, the longest first.", .short,
    from: ["pg_long_running_transactions", "pg_idle_transactions"],
    ties: "longest_seconds DESC NULLS LAST, kind, pid, query_start, state_change",
    columns: session + [
      .real("longest_seconds", "seconds", means: "The longest time that it had run or idled in a list."),
      .time("first_seen", means: "Time of the first list of the range that has it."),
      .time("last_seen", means: "Time of the last list of the range that has it."),
      .count("samples", means: "Times of lists that have it. 1: nothing is known of its course."),
    ]
  ) { scope in
    """
    SELECT g.kind, g.pid, g.username, g.database, g.application_name, g.client_address, g.state,
      \(scope.text("g.query_id", of: "g")) AS query, g.query_start, g.state_change, g.longest_seconds, g.first_seen,
      g.last_seen, g.samples, g.first_seen AS data_from, g.last_seen AS data_until
    FROM (
      SELECT DISTINCT ON (\(sessionKey)) t.*, max(t.seconds) OVER session AS longest_seconds,
        min(t.time) OVER session AS first_seen, t.time AS last_seen, count(*) OVER session AS samples
      FROM (
        SELECT DISTINCT ON (\(sessionKey), t.time) t.*
        FROM (\(sessions(scope.rows("pg_long_running_transactions"), scope.rows("pg_idle_transactions")))) t
        WHERE \(isWanted("t", scope)) ORDER BY \(sessionKey), t.time, t.seconds DESC
      ) t
      WINDOW session AS (PARTITION BY \(sessionKey)) ORDER BY \(sessionKey), t.time DESC
    ) g
    """
  }

  private static let tables = [
    "pg_connections", "pg_connections_by_state", "pg_long_running_transactions", "pg_idle_transactions",
  ]

  private static func isWanted(_ alias: String, _ scope: ReadScope) -> String {
    "(\(scope[.databaseName])::text IS NULL OR \(alias).database = \(scope[.databaseName]))"
  }

  /// What tells one transaction from another.
  private static let sessionKey = "t.server_id, t.kind, t.pid, t.query_start, t.state_change"

  /// Long and idle transactions in one form.
  private static func sessions(_ long: String, _ idle: String) -> String {
    """
    SELECT t.server_id, t.time, 'long' AS kind, t.pid, t.username, t.database, t.application_name, t.client_address,
      t.state, t.query_id, t.query_start, NULL::timestamptz AS state_change, t.duration_seconds AS seconds
    FROM \(long) t
    UNION ALL
    SELECT t.server_id, t.time, 'idle', t.pid, t.username, t.database, t.application_name, t.client_address,
      t.state, NULL, t.query_start, t.state_change, t.idle_time_seconds
    FROM \(idle) t
    """
  }
}
