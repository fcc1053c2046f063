// Checks of a server's load, from the counters of its statements: write-ahead log, temporary files, the cache.

extension Checks {
  static let load = [walStorm, temporaryFiles, cacheHitCollapse]

  /// Compares with the hour before and with the same time of the day before, so that a load that comes each night, or
  /// that rises in the morning, is no storm.
  private static let walStorm = Check(
    "wal_storm", "Storm of write-ahead log", .warning, every: .seconds(300),
    reads: ["pg_query_stats", "pg_replication_wal"],
    thresholds: [
      .init(
        "megabytes_per_hour", 20_000, "megabytes per hour", in: 1...1e9,
        "A server that writes less than this opens no finding."),
      .init("megabytes_per_hour_end", 10_000, "megabytes per hour", in: 0...1e9, "Below this rate the finding ends."),
      .init(
        "times", 5, in: 1...1000,
        "The rate is this many times that of the hour before and of the same time of the day before."),
    ],
    ends: """
      The finding ends when the rate is below `megabytes_per_hour_end`, or below half of `times` times the smaller one of \
      the two usual rates.
      """,
    advice: """
      Look which statements write, and whether checkpoints come too often (max_wal_size): each first change of a page \
      after a checkpoint writes the whole page. A storm fills slots and disks and makes standbys lag.
      """,
    look: "queries?server={id}",
    sql: """
      WITH \(CheckSource.statements(
        "step",
        [
          .init("day", .first, ago: "1480 minutes", until: "1445 minutes"),
          .init("day_end", .last, ago: "1440 minutes", until: "1400 minutes"),
          .init("hour", .first, ago: "76 minutes", until: "61 minutes"),
          .init("first", .first, ago: "16 minutes", until: "5 minutes"), .init("last", .last, ago: "15 minutes"),
        ],
        columns: [("bytes", "coalesce(r.wal_bytes_numeric, r.wal_bytes)::float8")],
        steps: [
          .init("now", of: "bytes", from: "first", to: "last"), .init("before", of: "bytes", from: "hour", to: "first"),
          .init("yesterday", of: "bytes", from: "day", to: "day_end"),
        ])),
      total AS (
        SELECT server_id, sum(now) * \(perHour) / nullif(max(first_seconds), 0) AS rate,
          sum(before) * \(perHour) / nullif(max(hour_seconds) - max(first_seconds), 0) AS hour,
          sum(yesterday) * \(perHour) / nullif(max(day_seconds) - max(day_end_seconds), 0) AS day
        FROM step GROUP BY server_id),
      source AS (
        SELECT server_id, rate, greatest(hour, day) AS most, least(hour, day) AS least, 'pg_query_stats' AS source
        FROM total WHERE rate IS NOT NULL
        UNION ALL
        SELECT s.id, n.rate, greatest(h.rate, d.rate), least(h.rate, d.rate), 'pg_replication_wal'
        FROM unnest($1::int4[]) AS s(id)
        CROSS JOIN LATERAL (\(reportedGrowth(ago: "15 minutes", until: "0"))) n
        CROSS JOIN LATERAL (\(reportedGrowth(ago: "76 minutes", until: "16 minutes"))) h
        CROSS JOIN LATERAL (\(reportedGrowth(ago: "1480 minutes", until: "1400 minutes"))) d
        WHERE n.rate IS NOT NULL),
      rate AS (
        SELECT DISTINCT ON (server_id) * FROM source
        ORDER BY server_id, rate >= $3[1] AND rate >= $3[3] * most DESC NULLS LAST, rate DESC)
      SELECT server_id, '' AS subject, rate AS value, $3[1] AS threshold, rate >= $3[1] AND rate >= $3[3] * most AS opens,
        rate >= least($3[1], $3[2]) AND rate >= $3[3] / 2 * least AS holds,
        format('the server writes %s MB of write-ahead log an hour; usual are %s MB', round(rate::numeric),
          round(most::numeric)) AS message,
        jsonb_build_object('source', source, 'usual_megabytes_per_hour', most) AS details
      FROM rate
      UNION ALL
      \(CheckSource.markers("rate"))
      """)

  /// Turns bytes a second into megabytes an hour.
  private static let perHour = "3600 / 1048576"

  /// The mean growth that the collector reports of server `s.id`. Zero is what it reports if it cannot read it.
  private static func reportedGrowth(ago: String, until: String) -> String {
    """
    SELECT avg(r.growth_rate_mb_per_hour) AS rate FROM metrics.pg_replication_wal r
    WHERE r.server_id = s.id AND r.time > $2 - interval '\(ago)' AND r.time <= $2 - interval '\(until)'
      AND r.growth_rate_mb_per_hour > 0
    """
  }

  private static let temporaryFiles = Check(
    "temp_files", "Much work in temporary files", .warning, every: .seconds(120), reads: ["pg_query_stats"],
    thresholds: [
      .init(
        "blocks_per_minute", 131_072, "blocks per minute", in: 1...1e12,
        "Statements that read and write this many blocks of temporary files open a finding; the default is 1 GiB."),
      .init("blocks_per_minute_end", 65_536, "blocks per minute", in: 0...1e12, "Below this rate the finding ends."),
    ],
    ends: "The finding ends when statements read and write less than `blocks_per_minute_end`.",
    advice: """
      Look at the statement that takes most of them: an index may save its sort, or more work_mem for its role may keep \
      sorts and hashes in memory.
      """,
    look: "queries?server={id}",
    sql: """
      WITH \(CheckSource.statements(
        "step", recentLists, columns: [("blocks", "(coalesce(r.temp_blks_read, 0) + coalesce(r.temp_blks_written, 0))::float8")],
        steps: [.init("blocks", of: "blocks", from: "first", to: "last")])),
      rate AS (
        SELECT server_id, sum(blocks) * 60 / nullif(max(first_seconds), 0) AS rate,
          (array_agg(text_id ORDER BY blocks DESC NULLS LAST))[1] AS text_id, max(blocks) / nullif(sum(blocks), 0) * 100 AS share
        FROM step GROUP BY server_id HAVING sum(blocks) IS NOT NULL)
      SELECT r.server_id, '' AS subject, r.rate AS value, $3[1] AS threshold, r.rate >= $3[1] AS opens,
        r.rate >= least($3[1], $3[2]) AS holds,
        format('statements read and write %s blocks of temporary files a minute, %s %% of them in: %s',
          round(r.rate::numeric), round(r.share::numeric), \(CheckSource.excerpt("t.value"))) AS message,
        jsonb_build_object('text_id', r.text_id::text, 'query', left(t.value, 1000), 'share', r.share) AS details
      FROM rate r
      LEFT JOIN pganalytics.texts t ON t.server_id = r.server_id AND t.text_id = r.text_id
        AND r.rate >= least($3[1], $3[2])
      UNION ALL
      \(CheckSource.markers("rate"))
      """)

  /// The lists of some minutes ago and of now.
  private static let recentLists: [CheckSource.StatementList] = [
    .init("first", .first, ago: "16 minutes", until: "5 minutes"), .init("last", .last, ago: "15 minutes"),
  ]

  /// A cache is empty after a restart, so the ratio is that of at least five minutes, and few reads do not count.
  private static let cacheHitCollapse = Check(
    "cache_hit_collapse", "Collapse of the cache hit ratio", .warning, every: .seconds(300), reads: ["pg_query_stats"],
    thresholds: [
      .init("percent", 80, "percent", in: 0...100, "Below this ratio a finding opens."),
      .init("percent_end", 90, "percent", in: 0...100, "The finding ends above this ratio."),
      .init(
        "points", 15, "percent", in: 0...100, "The ratio is this much lower than that of the day before."),
      .init(
        "blocks_per_minute", 10_000, "blocks per minute", in: 0...1e12,
        "A server that reads fewer blocks opens no finding."),
    ],
    ends: """
      The finding ends when the ratio is above `percent_end`, or when it is lower than that of the day before by less than \
      a third of `points`, or when the server reads less than a quarter of `blocks_per_minute`.
      """,
    advice: """
      Look which statements read most blocks: a new plan, a report, or a table that outgrew the memory. After a restart \
      the cache fills again by itself.
      """,
    look: "queries?server={id}",
    sql: """
      WITH \(CheckSource.statements(
        "step", [.init("day", .first, ago: "24 hours", until: "2 hours")] + recentLists,
        columns: [("hit", "r.shared_blks_hit::float8"), ("read", "r.shared_blks_read::float8")],
        steps: [
          .init("hit", of: "hit", from: "first", to: "last"), .init("read", of: "read", from: "first", to: "last"),
          .init("past_hit", of: "hit", from: "day", to: "first"), .init("past_read", of: "read", from: "day", to: "first"),
        ])),
      r AS (
        SELECT server_id, sum(read) * 60 / nullif(max(first_seconds), 0) AS reads,
          sum(hit) * 100 / nullif(sum(hit) + sum(read), 0) AS hit,
          sum(past_hit) * 100 / nullif(sum(past_hit) + sum(past_read), 0) AS usual
        FROM step GROUP BY server_id HAVING sum(read) IS NOT NULL)
      SELECT r.server_id, '' AS subject, r.hit AS value, $3[1] AS threshold,
        r.hit < $3[1] AND r.hit < r.usual - $3[3] AND r.reads >= $3[4] AS opens,
        r.hit < greatest($3[1], $3[2]) AND r.hit < r.usual - $3[3] / 3 AND r.reads >= $3[4] / 4 AS holds,
        format('%s %% of the blocks are found in the cache, usual are %s %%; %s blocks a minute are read',
          round(r.hit::numeric, 1), round(r.usual::numeric, 1), round(r.reads::numeric)) AS message,
        jsonb_build_object('usual_percent', r.usual, 'blocks_read_per_minute', r.reads) AS details
      FROM r
      UNION ALL
      \(CheckSource.markers("r"))
      """)
}
