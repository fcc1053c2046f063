// Checks of the log. The stock collector sends the last hundred lines in each round and gives all of them one time in 2024.
// A line is stored once, with the time of the round that brought it first, and that time counts.
//
// The first round of a collector, or the first one after a long silence, brings lines of any age. They do not count.

extension Checks {
  static let log = [errorBurst, deadlocks]

  /// The servers whose collector works and has sent lines of the log within a day, as the expression `list`. A quiet log
  /// leaves no row, so that there are no new lines says that there are no errors.
  private static let list = """
    list AS MATERIALIZED (
      SELECT s.id AS server_id FROM unnest($1::int4[]) AS s(id)
      WHERE (\(CheckSource.has("sysstat", isRecent)) OR \(CheckSource.has("pg_stats", isRecent)))
        AND \(CheckSource.has("pg_log", "r.server_id = s.id AND r.time > $2 - interval '1 day' AND r.time <= $2")))
    """

  private static let isRecent = "r.server_id = s.id AND r.time > $2 - \(CheckSource.span) AND r.time <= $2"

  private static let isError = "r.level IN ('ERROR', 'FATAL', 'PANIC')"

  /// The errors since `ago`, as the expression `row`.
  private static func errors(since ago: String) -> String {
    """
    row AS MATERIALIZED (
      SELECT r.server_id, r.time, r.message_id FROM metrics.pg_log r
      WHERE r.server_id = ANY ($1) AND r.time > $2 - \(ago) AND r.time <= $2 AND \(isError))
    """
  }

  /// The condition that the lines of a list count: the collector had looked within the hour before. It brought another
  /// line, or figures of the host or of a database, which it reports even if the log is empty.
  private static func counts(_ list: String, since ago: String) -> String {
    let sources = [
      ("pg_log", "interval '0'"), ("sysstat", "interval '30 seconds'"), ("pg_stats", "interval '30 seconds'"),
    ]
    let conditions = sources.map { table, pause in
      CheckSource.has(
        table,
        """
        r.server_id = \(list).server_id AND r.time < \(list).time - \(pause) AND r.time > \(list).time - interval '1 hour'
        AND r.time > $2 - \(ago) - interval '1 hour' AND r.time <= $2
        """)
    }
    return "(\(conditions.joined(separator: "\n  OR ")))"
  }

  private static let errorBurst = Check(
    "error_burst", "Burst of errors in the log", .warning, reads: ["pg_log", "pg_stats", "sysstat"],
    thresholds: [
      .init("errors", 50, in: 1...1e9, "So many errors within 10 minutes open a finding."),
      .init("errors_end", 20, in: 0...1e9, "With fewer errors within 10 minutes the finding ends."),
      .init("times", 5, in: 0...1000, "The errors are this many times the usual number of the day before."),
    ],
    ends: "The finding ends when the log has fewer than `errors_end` errors within 10 minutes.",
    advice: "Read the lines: often one client, or one statement after a release, makes all of them.",
    look: "servers/{id}/log",
    sql: """
      WITH \(list),
      \(errors(since: "interval '10 minutes'")),
      counted AS MATERIALIZED (
        SELECT l.server_id, l.time FROM (SELECT DISTINCT server_id, time FROM row) l
        WHERE \(counts("l", since: "interval '10 minutes'"))),
      burst AS (
        SELECT server_id, count(*) AS errors, (array_agg(message_id ORDER BY time DESC))[1] AS message_id
        FROM row WHERE (server_id, time) IN (SELECT server_id, time FROM counted) GROUP BY server_id),
      r AS MATERIALIZED (
        SELECT s.server_id, coalesce(b.errors, 0) AS errors, b.message_id,
          CASE WHEN b.errors >= least($3[1], $3[2]) THEN (
            SELECT count(*) / 144.0 FROM metrics.pg_log r
            WHERE r.server_id = s.server_id AND r.time > $2 - interval '1450 minutes'
              AND r.time <= $2 - interval '10 minutes' AND \(isError)) END AS usual
        FROM list s LEFT JOIN burst b USING (server_id))
      SELECT r.server_id, '' AS subject, r.errors AS value, $3[1] AS threshold,
        r.errors >= $3[1] AND r.errors >= $3[3] * r.usual AS opens, r.errors >= greatest(least($3[1], $3[2]), 1) AS holds,
        format('the log has %s errors within 10 minutes, usual are %s; the last one: %s', r.errors, round(r.usual, 1),
          \(CheckSource.excerpt("t.value"))) AS message,
        jsonb_build_object('usual', r.usual, 'last', left(t.value, 1000)) AS details
      FROM r LEFT JOIN pganalytics.texts t ON t.server_id = r.server_id AND t.text_id = r.message_id
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  private static let deadlocks = Check(
    "deadlocks", "Deadlocks in the log", .warning, reads: ["pg_log", "pg_stats", "sysstat"],
    thresholds: [
      .init("deadlocks", 1, in: 1...1e6, "So many deadlocks open a finding."),
      .init("minutes", 60, "minutes", in: 1...1440, "The time in which deadlocks are counted."),
    ],
    ends: "The finding ends when the log has no deadlock within `minutes`.",
    advice: """
      Read the log: PostgreSQL names the statements that waited for each other. Transactions that take their locks in the \
      same order have no deadlocks. A log in another language than English is not understood.
      """,
    look: "servers/{id}/log?q=deadlock",
    sql: """
      WITH \(list),
      \(errors(since: "$3[2] * interval '1 minute'")),
      said AS MATERIALIZED (
        SELECT t.server_id, t.text_id FROM (SELECT DISTINCT server_id, message_id FROM row) m
        JOIN pganalytics.texts t ON t.server_id = m.server_id AND t.text_id = m.message_id
        WHERE t.value LIKE '%deadlock detected%'),
      hit AS MATERIALIZED (
        SELECT server_id, time FROM row WHERE (server_id, message_id) IN (SELECT server_id, text_id FROM said)),
      deadlock AS (
        SELECT h.server_id, count(*) AS deadlocks, max(h.time) AS time FROM hit h
        WHERE \(counts("h", since: "$3[2] * interval '1 minute'"))
        GROUP BY h.server_id)
      SELECT s.server_id, '' AS subject, coalesce(d.deadlocks, 0) AS value, $3[1] AS threshold,
        d.deadlocks >= $3[1] AS opens, d.deadlocks > 0 AS holds,
        format('%s deadlocks within %s minutes, the last one at %s', d.deadlocks, $3[2],
          to_char(d.time, 'YYYY-MM-DD HH24:MI "UTC"')) AS message,
        jsonb_build_object('last', d.time) AS details
      FROM list s LEFT JOIN deadlock d USING (server_id)
      UNION ALL
      \(CheckSource.markers("list"))
      """)
}
