// Checks of single statements. The subject is the id of the statement's text, which is the same on every server.

extension Checks {
  static let queries = [slowQuery, newTopQuery]

  /// Compares the mean time of the calls of some minutes with the mean time of the calls of the day before.
  private static let slowQuery = Check(
    "slow_query", "Statement slower than before", .warning, every: .seconds(300), reads: ["pg_query_stats"],
    thresholds: [
      .init("times", 3, in: 1.1...1000, "A call takes this many times as long as in the day before."),
      .init("times_end", 2, in: 1...1000, "Below this factor the finding ends."),
      .init("calls", 20, in: 1...1e9, "Fewer calls, of some minutes or of the day before, open no finding."),
      .init("milliseconds", 20, "milliseconds", in: 0...1e9, "Calls that take less time open no finding."),
    ],
    ends: """
      The finding ends when calls take less than `times_end` times as long as in the day before, or half of \
      `milliseconds`, or when the statement is not called. So it also ends when the slowness is half a day old.
      """,
    advice: """
      Compare the plans (EXPLAIN ANALYZE, auto_explain). Often a plan changed, because statistics are old or a table grew; \
      or the statement waits for locks or for the disk.
      """,
    look: "queries/{subject}?server={id}",
    sql: """
      WITH \(CheckSource.statements("last", .last, called, ago: "15 minutes")),
      \(CheckSource.statements("first", .first, called, ago: "16 minutes", until: "5 minutes")),
      \(CheckSource.statements("day", .first, called, ago: "24 hours", until: "2 hours")),
      \(CheckSource.steps("recent", from: "first", to: "last", of: ["calls", "ms"])),
      -- The calls of the day before; without a list of then, or after a reset, all calls that the counters have.
      past AS (
        SELECT server_id, hash, userid, dbid, toplevel, max(calls) AS calls, max(ms) AS ms
        FROM (
          SELECT f.server_id, f.hash, f.userid, f.dbid, f.toplevel,
            CASE WHEN f.calls > d.calls AND f.statements = d.statements THEN f.calls - d.calls ELSE f.calls END AS calls,
            CASE WHEN f.calls > d.calls AND f.statements = d.statements THEN f.ms - d.ms ELSE f.ms END AS ms
          FROM first f
          LEFT JOIN day d ON d.server_id = f.server_id AND d.database_id IS NOT DISTINCT FROM f.database_id
            AND d.hash = f.hash AND d.userid = f.userid AND d.dbid = f.dbid AND d.toplevel = f.toplevel) p
        GROUP BY server_id, hash, userid, dbid, toplevel),
      mean AS (
        SELECT r.server_id, r.text_id, sum(r.calls) AS calls, sum(r.ms) / nullif(sum(r.calls), 0) AS recent,
          sum(p.calls) AS past_calls, sum(p.ms) / nullif(sum(p.calls), 0) AS past
        FROM recent r JOIN past p USING (server_id, hash, userid, dbid, toplevel)
        GROUP BY r.server_id, r.text_id)
      SELECT m.server_id, m.text_id::text AS subject, m.recent AS value, m.past * $3[1] AS threshold,
        m.recent >= m.past * $3[1] AND m.calls >= $3[3] AND m.past_calls >= $3[3] AND m.recent >= $3[4] AS opens,
        true AS holds,
        format('a call takes %s ms, and took %s ms before: %s', round(m.recent::numeric, 1), round(m.past::numeric, 1),
          \(CheckSource.excerpt("t.value"))) AS message,
        jsonb_build_object('text_id', m.text_id::text, 'query', left(t.value, 1000), 'calls', m.calls,
          'mean_time_before', m.past) AS details
      FROM mean m LEFT JOIN pganalytics.texts t ON t.server_id = m.server_id AND t.text_id = m.text_id
      WHERE m.recent >= m.past * least($3[1], $3[2]) AND m.recent >= $3[4] / 2 AND m.calls > 0
      UNION ALL
      \(CheckSource.markers("(SELECT DISTINCT server_id FROM recent) AS known"))
      """)

  private static let called = [(name: "calls", sql: "r.calls::float8"), (name: "ms", sql: "r.total_time")]

  /// The day before begins 26 hours ago, so that a statement that comes once each day is not new.
  private static let newTopQuery = Check(
    "new_top_query", "New statement among the most expensive", .warning, every: .seconds(900),
    reads: ["pg_query_stats"],
    thresholds: [
      .init(
        "percent", 10, "percent", in: 0.1...100,
        "The statement takes this share of the time of all statements of the last hour."),
      .init("percent_before", 1, "percent", in: 0...100, "In the day before it took less than this share."),
      .init("seconds", 60, "seconds", in: 0...1e9, "A statement that takes less time in the hour opens no finding."),
    ],
    ends: """
      The finding ends when the statement takes less than half of `percent`, or less than half of `seconds`, or when it is \
      no longer new: it took half of `percent` in the day before.
      """,
    advice: "Look where the statement comes from: often a release. Look whether an index would make it cheaper.",
    look: "queries/{subject}?server={id}",
    sql: """
      WITH \(CheckSource.statements("last", .last, spent, ago: "15 minutes")),
      \(CheckSource.statements("hour", .first, spent, ago: "66 minutes", until: "45 minutes")),
      \(CheckSource.statements("day", .first, spent, ago: "26 hours", until: "24 hours")),
      \(CheckSource.steps("recent_step", from: "hour", to: "last", of: ["ms"])),
      -- A statement that a full list lacks may be old, so all its time counts as time of the day before.
      \(CheckSource.steps("past_step", from: "day", to: "hour", of: ["ms"], appearing: .atMost)),
      recent AS (
        SELECT server_id, text_id, sum(ms) AS ms,
          sum(ms) / nullif(sum(sum(ms)) OVER (PARTITION BY server_id), 0) * 100 AS share,
          rank() OVER (PARTITION BY server_id ORDER BY sum(ms) DESC) AS place
        FROM recent_step GROUP BY server_id, text_id),
      past AS (
        SELECT server_id, text_id, sum(ms) / nullif(sum(sum(ms)) OVER (PARTITION BY server_id), 0) * 100 AS share
        FROM past_step GROUP BY server_id, text_id),
      known AS (SELECT DISTINCT server_id FROM past)
      SELECT r.server_id, r.text_id::text AS subject, r.share AS value, $3[1] AS threshold,
        r.share >= $3[1] AND coalesce(p.share, 0) < $3[2] AND r.ms >= $3[3] * 1000 AS opens, true AS holds,
        format('a new statement takes %s %% of the time of all statements: %s', round(r.share::numeric),
          \(CheckSource.excerpt("t.value"))) AS message,
        jsonb_build_object('text_id', r.text_id::text, 'query', left(t.value, 1000), 'place', r.place,
          'percent_before', coalesce(p.share, 0), 'seconds', r.ms / 1000) AS details
      FROM recent r JOIN known USING (server_id)
      LEFT JOIN past p ON p.server_id = r.server_id AND p.text_id = r.text_id
      LEFT JOIN pganalytics.texts t ON t.server_id = r.server_id AND t.text_id = r.text_id
      WHERE r.share >= $3[1] / 2 AND coalesce(p.share, 0) < $3[1] / 2 AND r.ms >= $3[3] * 500
      UNION ALL
      \(CheckSource.markers("known"))
      """)

  private static let spent = [(name: "ms", sql: "r.total_time")]
}
