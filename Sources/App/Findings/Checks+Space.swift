// Checks of what runs out: file systems and transaction ids.

extension Checks {
  static let space = [diskFull, diskFullSoon, xidAge]

  /// File systems with data, from the latest list. Images that are mounted read-only are always full.
  private static let fileSystems = """
    file AS MATERIALIZED (\(CheckSource.objects("disk_usage", "r.percent_used, r.total_gb, r.used_gb, r.free_gb"))),
    list AS MATERIALIZED (SELECT server_id, max(time) AS time FROM file GROUP BY server_id),
    disk AS MATERIALIZED (
      SELECT f.*, o.key[1] AS device, o.key[2] AS mount,
        CASE WHEN coalesce(o.key[2], '') = '' THEN o.key[1] ELSE o.name END AS name
      FROM list l JOIN file f ON \(CheckSource.belongs("f", to: "l"))
      LEFT JOIN pganalytics.objects o ON o.server_id = f.server_id AND o.object_id = f.object_id
      WHERE f.percent_used IS NOT NULL AND NOT (f.percent_used = 0 AND coalesce(f.total_gb, 0) = 0)
        AND coalesce(o.key[1], '') NOT LIKE '/dev/loop%' AND coalesce(o.key[2], '') NOT LIKE '/snap/%')
    """

  private static let diskFull = Check(
    "disk_full", "Disk full", .critical, reads: ["disk_usage"],
    thresholds: [
      .init("percent", 95, "percent", in: 0...100, "A file system that is this full opens a finding."),
      .init("percent_end", 93, "percent", in: 0...100, "Below this share the finding ends."),
    ],
    absence: .gone,
    ends: "The finding of a file system ends when less than `percent_end` of it is in use, or when it is unmounted.",
    advice: """
      Free space or enlarge the file system before PostgreSQL stops: look for replication slots that keep write-ahead log, \
      for logs, and for the largest tables.
      """,
    look: "servers/{id}/space",
    sql: """
      WITH \(fileSystems)
      SELECT server_id, coalesce(name, device) AS subject, percent_used AS value, $3[1] AS threshold,
        percent_used >= $3[1] AS opens, percent_used >= least($3[1], $3[2]) AS holds,
        format('%s is %s %% full: %s of %s GB are free', coalesce(nullif(mount, ''), device),
          round(percent_used::numeric, 1), free_gb, total_gb) AS message,
        jsonb_build_object('device', device, 'mount', mount, 'free_gb', free_gb, 'total_gb', total_gb) AS details
      FROM disk WHERE coalesce(name, device) IS NOT NULL
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  /// The growth is the median of the slopes between all pairs of samples (Theil and Sen), which a few outliers, such as
  /// a burst of write-ahead log, do not change. Two days of samples at intervals of two hours even daily waves out.
  private static let diskFullSoon = Check(
    "disk_full_soon", "Disk full soon", .warning, every: .seconds(600), reads: ["disk_usage"],
    thresholds: [
      .init(
        "hours", 72, "hours", in: 1...8760,
        "A file system that is full within this time, if it grows on as in the last two days, opens a finding."),
      .init("hours_end", 96, "hours", in: 1...8760, "Above this time the finding ends."),
      .init("percent_minimum", 50, "percent", in: 0...100, "A file system that is less full opens no finding."),
    ],
    ends: "The finding of a file system ends when it would be full only after `hours_end`, or no longer grows.",
    advice: "Find out what grows, and enlarge the file system or remove data before the date.",
    look: "servers/{id}/space",
    sql: """
      WITH \(fileSystems),
      sample AS MATERIALIZED (
        SELECT d.server_id, d.object_id, r.percent_used AS y, extract(epoch FROM r.time - $2)::float8 / 3600 AS x
        FROM disk d CROSS JOIN generate_series(0, 24) AS step
        CROSS JOIN LATERAL (
          SELECT r.time, r.percent_used FROM metrics.disk_usage r
          WHERE r.server_id = d.server_id AND r.object_id = d.object_id
            AND r.time <= $2 - step * interval '2 hours' AND r.time > $2 - (step + 1) * interval '2 hours'
            AND r.time > $2 - interval '50 hours' AND r.time <= $2
          ORDER BY r.time DESC LIMIT 1) r
        WHERE d.percent_used >= $3[3] AND r.percent_used > 0),
      growth AS (
        SELECT a.server_id, a.object_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY (b.y - a.y) / (b.x - a.x)) AS slope,
          max(b.y) - min(a.y) AS span, count(DISTINCT a.x) + 1 AS samples
        FROM sample a JOIN sample b ON b.server_id = a.server_id AND b.object_id = a.object_id AND b.x > a.x
        GROUP BY a.server_id, a.object_id),
      forecast AS (
        SELECT d.*, g.slope, g.samples, (100 - d.percent_used) / g.slope AS hours
        FROM disk d JOIN growth g USING (server_id, object_id)
        WHERE g.samples >= 12 AND g.slope > 0 AND g.span >= 1)
      SELECT server_id, coalesce(name, device) AS subject, hours AS value, $3[1] AS threshold, hours <= $3[1] AS opens,
        hours <= greatest($3[1], $3[2]) AS holds,
        format('%s is full in %s (%s): it is %s %% full and grows by %s %% a day', coalesce(nullif(mount, ''), device),
          \(CheckSource.duration("hours * 3600")),
          to_char(($2 + make_interval(hours => least(hours, 87600)::int4)) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00 "UTC"'),
          round(percent_used::numeric, 1), round((slope * 24)::numeric, 2)) AS message,
        jsonb_build_object('device', device, 'mount', mount, 'percent_used', percent_used,
          'percent_per_day', round((slope * 24)::numeric, 4), 'samples', samples) AS details
      FROM forecast WHERE coalesce(name, device) IS NOT NULL AND hours <= greatest($3[1], $3[2])
      UNION ALL
      \(CheckSource.markers("list"))
      """)

  private static let xidAge = Check(
    "xid_age", "Transaction id wraparound", .critical, reads: ["pg_replication_wraparound"],
    thresholds: [
      .init(
        "age", 1_000_000_000, "transactions", in: 1_000_000...2_147_483_648,
        "A database whose oldest transaction id is this old opens a finding."),
      .init("age_end", 900_000_000, "transactions", in: 0...2_147_483_648, "Below this age the finding ends."),
    ],
    absence: .gone,
    ends: "The finding of a database ends when the age is below `age_end`, or when the database is gone.",
    advice: """
      Find what holds vacuum up: long transactions, prepared transactions, replication slots, autovacuum that is off. Then \
      run VACUUM FREEZE on the oldest tables. At 2^31 the database stops taking writes.
      """,
    look: "servers/{id}/vacuum",
    sql: """
      WITH source AS MATERIALIZED (
        \(CheckSource.objects("pg_replication_wraparound", "r.relfrozenxid, r.current_xid, r.xid_until_wraparound"))),
      age AS (
        SELECT *, CASE WHEN relfrozenxid > 0 AND current_xid >= relfrozenxid THEN current_xid - relfrozenxid
          WHEN xid_until_wraparound > 0 THEN 2147483648 - xid_until_wraparound END::float8 AS age FROM source),
      list AS MATERIALIZED (SELECT server_id, max(time) AS time FROM age WHERE age IS NOT NULL GROUP BY server_id)
      SELECT a.server_id, coalesce(o.name, a.object_id::text) AS subject, a.age AS value, $3[1] AS threshold,
        a.age >= $3[1] AS opens, a.age >= least($3[1], $3[2]) AS holds,
        format('the oldest transaction id of database %s is %s million transactions old', o.name,
          round((a.age / 1000000)::numeric, 1)) AS message,
        jsonb_build_object('database', o.name, 'left', greatest(2147483648 - a.age, 0)) AS details
      FROM list l JOIN age a ON \(CheckSource.belongs("a", to: "l")) AND a.age IS NOT NULL
      LEFT JOIN pganalytics.objects o ON o.server_id = a.server_id AND o.object_id = a.object_id
      UNION ALL
      \(CheckSource.markers("list"))
      """)
}
