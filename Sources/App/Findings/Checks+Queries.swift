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
    look: "queries?server={id}",
    sql: """
      WITH \(CheckSource.statements(
        "step",
        [
          .init("day", .first, ago: "24 hours", until: "2 hours"),
          .init("first", .first, ago: "16 minutes", until: "5 minutes"), .init("last", .last, ago: "15 minutes"),
        ],
        columns: [("calls", "r.calls::float8"), ("ms", "r.total_time")],
        steps: [
          .init("calls", of: "calls", from: "first", to: "last"), .init("ms", of: "ms", from: "first", to: "last"),
          // A statement that yesterday's list lacks, or a server without such a list, has the mean of all calls.
          .init("past_calls", of: "calls", from: "day", to: "first", appearing: .atMost),
          .init("past_ms", of: "ms", from: "day", to: "first", appearing: .atMost),
        ])),
      mean AS (
        SELECT server_id, text_id, sum(calls) AS calls, sum(ms) / nullif(sum(calls), 0) AS recent,
          sum(past_calls) AS past_calls, sum(past_ms) / nullif(sum(past_calls), 0) AS past
        FROM step WHERE calls > 0 AND past_calls > 0 GROUP BY server_id, text_id)
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
      \(CheckSource.markers("(SELECT DISTINCT server_id FROM step WHERE calls IS NOT NULL) AS known"))
      """)

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
    look: "queries?server={id}",
    sql: """
      WITH \(CheckSource.statements(
        "step",
        [
          .init("day", .first, ago: "26 hours", until: "24 hours"),
          .init("hour", .first, ago: "66 minutes", until: "45 minutes"), .init("last", .last, ago: "15 minutes"),
        ],
        columns: [("ms", "r.total_time")],
        steps: [
          .init("ms", of: "ms", from: "hour", to: "last"),
          // A statement that a full list lacks may be old, so all its time counts as time of the day before.
          .init("past", of: "ms", from: "day", to: "hour", appearing: .atMost),
        ])),
      statement AS (
        SELECT server_id, text_id, sum(ms) AS ms, sum(past) AS past FROM step GROUP BY server_id, text_id),
      r AS (
        SELECT server_id, text_id, ms, ms * 100 / nullif(sum(ms) OVER server, 0) AS share,
          coalesce(past * 100 / nullif(sum(past) OVER server, 0), 0) AS share_before,
          rank() OVER (PARTITION BY server_id ORDER BY ms DESC NULLS LAST) AS place,
          -- After a reset of the counters there is no day before to compare with.
          sum(past) OVER server >= 3 * sum(ms) OVER server AS is_known
        FROM statement WINDOW server AS (PARTITION BY server_id))
      SELECT r.server_id, r.text_id::text AS subject, r.share AS value, $3[1] AS threshold,
        r.share >= $3[1] AND r.share_before < $3[2] AND r.ms >= $3[3] * 1000 AS opens, true AS holds,
        format('a new statement takes %s %% of the time of all statements: %s', round(r.share::numeric),
          \(CheckSource.excerpt("t.value"))) AS message,
        jsonb_build_object('text_id', r.text_id::text, 'query', left(t.value, 1000), 'place', r.place,
          'percent_before', r.share_before, 'seconds', r.ms / 1000) AS details
      FROM r LEFT JOIN pganalytics.texts t ON t.server_id = r.server_id AND t.text_id = r.text_id
      WHERE r.is_known AND r.share >= $3[1] / 2 AND r.share_before < $3[1] / 2 AND r.ms >= $3[3] * 500
      UNION ALL
      \(CheckSource.markers("(SELECT DISTINCT server_id FROM r WHERE is_known) AS known"))
      """)
}
