// The log: its lines, searched by words, and how many lines of each severity there were over time.

import Protocol

enum LogRead: Question {
  /// A search looks at no more lines than this.
  private static let mostLines = 100_000

  static let read = Read(
    "getServerLog", "/api/v1/servers/{id:int}/log", about: .server,
    summary: "Lines of one server's PostgreSQL log, searched by words, and severities over time.",
    description: """
      The range selects lines by their arrival: the time at which the collector reported the line first. `time` is the time that \
      the collector names as that of the line (`time_from` is `logged`), except where that time is missing, is the same for all \
      lines of the database in several lists, or lies more than a day before or after the arrival. Then `time` is the arrival \
      (`time_from` is `arrival`). A line that was stored twice with the same logged time counts once.

      `q` searches messages as web searches do, with PostgreSQL's text search and without stemming: several words mean all of \
      them, `"a b"` is a phrase, `or` and `-` work. A text without any word is searched for as it is. Both sections have only \
      the lines that the filters select, of the newest \(mostLines) lines of the range.
      """,
    span: .seconds(86_400), filters: [.database, .words],
    parameters: [ReadParameter("level", .string(1...63), "Lines of this severity only, such as ERROR.")],
    sections: [lines, severities])

  private static let lines = ReadSection(
    "data", "The lines.", .list(by: "-time"), from: ["pg_log"],
    ties: "r.arrived_at DESC, r.level, r.message_id, r.database_id",
    columns: [
      .time("time", means: "The time of the line.").sorted,
      .text("time_from", means: "Where `time` comes from.", of: ["logged", "arrival"]),
      .time("logged_at", means: "The time that the collector names as that of the line."),
      .time("arrived_at", means: "When the collector reported the line first."),
      .text("database", means: "The database that the collector names.")
        .looked(up: { $0.text("r.database_id", of: "r") }),
      .text("level", means: "Severity.").sorted,
      .text("message", means: "The message.").looked(up: { $0.text("r.message_id", of: "r") }),
    ]
  ) { scope in
    """
    WITH \(selected(scope))
    SELECT l.line_time AS time, l.time_from, l.logged_at, l.time AS arrived_at, l.level, l.server_id, l.database_id,
      l.message_id, l.time AS data_from, l.time AS data_until
    FROM selected l
    """
  }

  private static let severities = ReadSection(
    "severities", "Lines of each severity by buckets of time.", .series, from: ["pg_log"], ties: "r.level",
    columns: [
      .time("time", means: "The start of the bucket."), .text("level", means: "Severity."),
      .count("lines", means: "The lines of the bucket with this severity."),
    ]
  ) { scope in
    """
    WITH \(selected(scope))
    SELECT \(scope.bucket(of: "l.line_time")) AS time, l.level, count(*) AS lines, min(l.time) AS data_from,
      max(l.time) AS data_until
    FROM selected l GROUP BY 1, 2
    """
  }

  /// The common table expressions of the selected lines.
  private static func selected(_ scope: ReadScope) -> String {
    let isUnusable = """
      t.logged_at IS NULL OR t.is_constant OR t.logged_at < t.time - interval '1 day' OR t.logged_at > t.time + interval '1 day'
      """
    // A search for one word of ASCII letters finds only texts that have these letters. That is cheaper to find out.
    return """
      words AS (
        SELECT \(scope[.words])::text AS text, websearch_to_tsquery('simple', \(scope[.words])) AS query,
          CASE WHEN \(scope[.words]) ~ '^[A-Za-z]+$' THEN lower(\(scope[.words])) END AS word
      ),
      newest AS (
        SELECT t.* FROM \(scope.rows("pg_log")) t WHERE \(scope.isOfDatabase()) ORDER BY t.time DESC LIMIT \(mostLines)
      ),
      timed AS (
        SELECT t.*, min(t.logged_at) OVER source = max(t.logged_at) OVER source
            AND min(t.time) OVER source < max(t.time) OVER source AS is_constant,
          min(t.time) OVER (PARTITION BY t.server_id, t.database_id, t.logged_at, t.level, t.message_id) AS first_time
        FROM newest t WINDOW source AS (PARTITION BY t.server_id, t.database_id)
      ),
      selected AS (
        SELECT t.server_id, t.database_id, t.time, t.logged_at, t.level, t.message_id,
          CASE WHEN \(isUnusable) THEN t.time ELSE t.logged_at END AS line_time,
          CASE WHEN \(isUnusable) THEN 'arrival' ELSE 'logged' END AS time_from
        FROM timed t
        CROSS JOIN words w
        WHERE (t.time = t.first_time OR t.is_constant OR t.logged_at IS NULL)
          AND (\(scope["level"]) IS NULL OR t.level = \(scope["level"]))
          AND (w.text IS NULL OR EXISTS (
            SELECT FROM pganalytics.texts x WHERE x.server_id = t.server_id AND x.text_id = t.message_id
              AND CASE WHEN numnode(w.query) = 0 THEN strpos(lower(x.value), lower(w.text)) > 0
                ELSE (w.word IS NULL OR strpos(lower(x.value), w.word) > 0) AND to_tsvector('simple', x.value) @@ w.query END))
      )
      """
  }
}
