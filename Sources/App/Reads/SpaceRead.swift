// Space: how a server, its databases, tables and file systems grow, and when a file system is full.

import Protocol

enum SpaceRead: Question {
  static let read = Read(
    "getServerSpace", "/api/v1/servers/{id:int}/space", about: .server,
    summary: "Growth of one server, its databases, tables and file systems, and when a file system is full.",
    description: """
      `data` has the growth of the server (the sum of its databases), of each database and of each table, from the first value \
      to the last value in the range. An object that appears in the range counts from its first value. The collector sends at \
      most 100 tables of a database.

      `file_systems` has a forecast. The range is divided into pieces: 48 of a range up to \(ReadScope.shortHours) hours, else \
      pieces of an hour (up to 3 days), 6 hours (up to 14 days), a day (up to 90 days) or a week. The last value of each piece \
      is a point. The slope is the median of the slopes between all pairs of points (Theil-Sen), so single outliers do not \
      change it. If the \
      values fall once by more than 5 % and by five times the usual step, the fall was a cleanup, and does not count as \
      shrinking. `full_at` is the time at which the free space is used up at this slope. The true time lies between \
      `full_earliest` and `full_latest` with about 80 % probability, if the growth goes on as before. There is no forecast with \
      fewer than four points, if the slope cannot be told from zero with that probability, or for a time more than 100 years \
      away.

      A range longer than \(ReadScope.shortHours) hours is read by the last value of each hour.
      """,
    span: .seconds(7 * 86_400), filters: [.database],
    parameters: [
      ReadParameter("kind", .choice(of: ["server", "database", "table"]), "Of this kind only; applies to `data`.")
    ],
    sections: [objects, fileSystems])

  private static let objects = ReadSection(
    "data", "The server, its databases and tables.", .list(by: "-growth_bytes"), from: ["pg_stats", "pg_stats_tables"],
    ties: "r.kind, r.database, r.schema, r.name",
    columns: [
      .text("kind", means: "What has the size.", of: ["server", "database", "table"]).sorted,
      .text("database", means: "The database, or the table's database; null for the server.").sorted,
      .text("schema", means: "The table's schema; else null."),
      .text("name", means: "Name of the database or table; null for the server.").sorted,
      .total("size_bytes", "bytes", means: "Size at the end of the data.").sorted,
      .total("growth_bytes", "bytes", means: "Growth from the first value to the last one.").sorted,
      .real("growth_bytes_per_day", "bytes a day", means: "Growth divided by its time.").sorted,
      .real("growth_percent", "percent", means: "Growth as a share of the first value.").sorted,
      .count("samples", means: "Values that the growth was computed from; with 1 it is null."),
    ]
  ) { scope in
    func growth(_ table: String, by ids: String) -> String {
      """
      SELECT server_id, database_id, \(ids) AS object_id, min(time) AS first_time, max(time) AS last_time,
        count(*) AS samples, (array_agg(size_bytes ORDER BY time))[1]::numeric AS first_size,
        (array_agg(size_bytes ORDER BY time DESC))[1]::numeric AS size, max(source) AS source
      FROM \(scope.points(table, ["size_bytes"])) t WHERE size_bytes IS NOT NULL AND \(scope.isOfDatabase())
      GROUP BY 1, 2, 3
      """
    }
    return """
      WITH databases AS (\(growth("pg_stats", by: "NULL::int8"))),
      grown AS (
        SELECT 'server' AS kind, server_id, NULL::int8 AS database_id, NULL::int8 AS object_id, min(first_time) AS first_time,
          max(last_time) AS last_time, max(samples) AS samples, sum(first_size) AS first_size, sum(size) AS size,
          max(source) AS source
        FROM databases WHERE \(scope[.database])::int8 IS NULL GROUP BY server_id
        UNION ALL
        SELECT 'database', d.* FROM databases d
        UNION ALL
        SELECT 'table', t.* FROM (\(growth("pg_stats_tables", by: "object_id"))) t
      )
      SELECT g.kind, \(scope.text("g.database_id", of: "g")) AS database,
        \(scope.objectPart("schema", of: "pg_stats_tables", "g")) AS schema,
        CASE g.kind WHEN 'database' THEN \(scope.text("g.database_id", of: "g"))
          WHEN 'table' THEN \(scope.objectPart("name", of: "pg_stats_tables", "g")) END AS name,
        g.size AS size_bytes,
        CASE WHEN g.samples > 1 THEN g.size - g.first_size END AS growth_bytes,
        (g.size - g.first_size)::float8 / nullif(extract(epoch FROM g.last_time - g.first_time)::float8 / 86400, 0)
          AS growth_bytes_per_day,
        CASE WHEN g.samples > 1 THEN (100 * (g.size - g.first_size) / nullif(g.first_size, 0))::float8 END AS growth_percent,
        g.samples, g.first_time AS data_from, g.last_time AS data_until, g.source
      FROM grown g WHERE \(scope["kind"]) IS NULL OR g.kind = \(scope["kind"])
      """
  }

  private static let fileSystems = ReadSection(
    "file_systems", "The file systems of the host, the fullest first.", .short, from: ["disk_usage"],
    ties: "r.percent_used DESC NULLS LAST, r.device, r.mount",
    columns: [
      .text("device", means: "The device."),
      .text("mount", means: "The mount point; empty if the collector does not send it."),
      .count("total_gb", "gigabytes", means: "Size."),
      .count("used_gb", "gigabytes", means: "Space in use."),
      .count("free_gb", "gigabytes", means: "Space that is free."),
      .real("percent_used", "percent", means: "Space in use as a share of the size."),
      .real("growth_gb_per_day", "gigabytes a day", means: "Slope of the space in use; negative: it shrinks."),
      .real("growth_gb_per_day_low", "gigabytes a day", means: "Lower end of the slope's 80 % interval."),
      .real("growth_gb_per_day_high", "gigabytes a day", means: "Upper end of the slope's 80 % interval."),
      .time("full_at", means: "When the file system is full at that growth; null: there is no forecast."),
      .time("full_earliest", means: "Beginning of the forecast's 80 % interval."),
      .time("full_latest", means: "End of the forecast's 80 % interval."),
      .count("points", means: "Points that the slope was computed from."),
    ],
    sql: forecast)

  /// The bounds of the slope's interval are slopes too: of the sorted slopes, those that lie 1.2816 standard deviations of
  /// Kendall's statistic away from the middle (Sen's interval at 80 %).
  private static func forecast(_ scope: ReadScope) -> String {
    let range = "\(scope[.end]) - \(scope[.start])"
    let width = """
      CASE WHEN \(range) <= interval '\(ReadScope.shortHours) hours' THEN greatest((\(range)) / 48, interval '1 second')
        WHEN \(range) <= interval '3 days' THEN interval '1 hour'
        WHEN \(range) <= interval '14 days' THEN interval '6 hours'
        WHEN \(range) <= interval '90 days' THEN interval '1 day' ELSE interval '7 days' END
      """
    func date(_ slope: String) -> String {
      // Later dates may be out of PostgreSQL's range.
      """
      CASE WHEN f.low > 0 AND f.room < 36525 * \(slope)
        THEN f.last_time + make_interval(secs => greatest(f.room, 0) / \(slope) * 86400) END
      """
    }
    return """
      WITH points AS (
        SELECT DISTINCT ON (t.server_id, t.object_id, piece) t.server_id, t.object_id, t.time, t.source, t.total_gb, t.used_gb,
          t.free_gb, t.percent_used, date_bin(\(width), t.time, timestamptz '2000-01-01 00:00:00+00') AS piece,
          extract(epoch FROM t.time - \(scope[.start]))::float8 / 86400 AS x,
          -- The share has more digits than the rounded number, and counts if the two agree.
          CASE WHEN t.percent_used BETWEEN 0 AND 100 AND abs(t.total_gb::float8 * t.percent_used / 100 - t.used_gb) <= 1
            THEN t.total_gb::float8 * t.percent_used / 100 ELSE t.used_gb END AS y
        FROM \(scope.points("disk_usage", ["total_gb", "used_gb", "free_gb", "percent_used"])) t
        WHERE t.used_gb IS NOT NULL
        ORDER BY t.server_id, t.object_id, piece, t.time DESC
      ),
      steps AS (
        SELECT p.*, p.y - lag(p.y) OVER (PARTITION BY p.server_id, p.object_id ORDER BY p.x) AS step FROM points p
      ),
      usual AS (
        SELECT server_id, object_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY step) AS step,
          percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(step)) AS size
        FROM steps GROUP BY 1, 2
      ),
      falls AS (
        SELECT s.server_id, s.object_id, max(s.x) AS x, max(s.step - u.step) AS depth
        FROM steps s JOIN usual u USING (server_id, object_id)
        WHERE s.step < -greatest(0.05 * (s.y - s.step), 5 * u.size) GROUP BY 1, 2 HAVING count(*) = 1
      ),
      levels AS (
        SELECT p.server_id, p.object_id, p.x, p.y + CASE WHEN p.x < f.x THEN f.depth ELSE 0 END AS y
        FROM points p LEFT JOIN falls f USING (server_id, object_id)
      ),
      slopes AS (
        SELECT a.server_id, a.object_id, count(*)::int4 AS pairs,
          array_agg((b.y - a.y) / (b.x - a.x) ORDER BY (b.y - a.y) / (b.x - a.x)) AS sorted,
          percentile_cont(0.5) WITHIN GROUP (ORDER BY (b.y - a.y) / (b.x - a.x)) AS slope
        FROM levels a JOIN levels b USING (server_id, object_id) WHERE b.x > a.x GROUP BY 1, 2
      ),
      ends AS (
        SELECT server_id, object_id, count(*) AS points, min(time) AS first_time, max(time) AS last_time, max(x) AS x,
          max(source) AS source,
          (array_agg(y ORDER BY x DESC))[1] AS y, (array_agg(total_gb ORDER BY x DESC))[1] AS total_gb,
          (array_agg(used_gb ORDER BY x DESC))[1] AS used_gb, (array_agg(free_gb ORDER BY x DESC))[1] AS free_gb,
          (array_agg(percent_used ORDER BY x DESC))[1] AS percent_used
        FROM points GROUP BY 1, 2
      ),
      bounds AS (
        SELECT s.*, e.points, 1.2816 * sqrt(e.points::float8 * (e.points - 1) * (2 * e.points + 5) / 18) AS spread
        FROM slopes s JOIN ends e USING (server_id, object_id) WHERE e.points >= 4
      ),
      forecasts AS (
        SELECT e.*, b.slope, b.sorted[greatest(1, floor((b.pairs - b.spread) / 2)::int4)] AS low,
          b.sorted[least(b.pairs, ceil((b.pairs + b.spread) / 2)::int4 + 1)] AS high,
          -- The free space, as if the last value lay on the line.
          e.free_gb + e.y - (b.slope * e.x + (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY l.y - b.slope * l.x)
            FROM levels l WHERE l.server_id = e.server_id AND l.object_id = e.object_id)) AS room
        FROM ends e LEFT JOIN bounds b USING (server_id, object_id)
      )
      SELECT \(scope.objectPart("device", of: "disk_usage", "f")) AS device,
        \(scope.objectPart("mount", of: "disk_usage", "f")) AS mount,
        f.total_gb, f.used_gb, f.free_gb, f.percent_used, f.slope AS growth_gb_per_day, f.low AS growth_gb_per_day_low,
        f.high AS growth_gb_per_day_high, \(date("f.slope")) AS full_at, \(date("f.high")) AS full_earliest,
        \(date("f.low")) AS full_latest, f.points, f.first_time AS data_from, f.last_time AS data_until,
        f.source
      FROM forecasts f
      """
  }
}
