// What a page about one server shows: its figures over time, and the facts that are known of it.

import Protocol

enum OverviewRead: Question {
  static let read = Read(
    "getServerOverview", "/api/v1/servers/{id:int}/overview", about: .server,
    summary: "The figures of a server over time, and what is known of it.",
    description: """
      `data` has one row for each bucket in which the collector reported any of the figures; a figure without a report is
      null. `server` has what is known of the server and its collector, `findings` what checks find at present. `databases`, `extensions` and `file_systems` have
      the last lists before the end of the range.
      """,
    sections: [
      ReadSection(
        "data", "The figures over time.", .series, from: OverviewFigures.tables, ties: "connections",
        columns: OverviewFigures.columns, sql: OverviewFigures.sql),
      server, findings, databases, extensions, fileSystems,
    ])

  private static let server = ReadSection(
    "server", "What is known of the server and of the collector that reports on it: one row.", .short, from: [],
    ties: "name",
    columns: [
      .text("name", means: "Name of the server."), .text("hostname", means: "Host name of the server."),
      .time("created_at", means: "When the server was enrolled first."),
      .time("last_seen_at", means: "When its last push was stored."),
      .json("labels", means: "Labels of the server: an object of texts."),
      .text("collector_id", means: "The collector that enrolled last."),
      .text("collector_name", means: "Name of the collector."), .text("version", means: "Version of the collector."),
      .text("address", means: "Address from which the collector enrolled or pushed last."),
      .time("enrolled_at", means: "When the collector enrolled last."),
      .time("revoked_at", means: "When the collector was revoked; null: it is not."),
      .time("certificate_expires_at", means: "End of the collector's newest certificate that is not revoked."),
      .count("config_version", means: "Version of the collector's configuration."),
      .count("pulled_config_version", means: "Version of the configuration that the collector took last."),
      .total("rejects", means: "Metrics and rows of the collector that were rejected."),
      .time("last_reject_at", means: "When something was rejected last."),
    ]
  ) { scope in
    """
    SELECT s.name, s.hostname, s.created_at, s.last_seen_at, \(LabelStatements.column(of: "s.id")),
      c.id::text AS collector_id, c.name AS collector_name, c.version, c.address, c.enrolled_at, c.revoked_at,
      (SELECT max(e.not_after) FROM pganalytics.collector_certificates e
        WHERE e.collector_id = c.id AND e.revoked_at IS NULL) AS certificate_expires_at,
      c.config_version::int8 AS config_version, c.pulled_config_version::int8 AS pulled_config_version,
      r.rejects, r.last_reject_at, NULL::timestamptz AS data_from, NULL::timestamptz AS data_until
    FROM pganalytics.servers s
    LEFT JOIN LATERAL (
      SELECT o.* FROM pganalytics.collectors o WHERE o.server_id = s.id
      ORDER BY o.revoked_at IS NOT NULL, o.generation DESC LIMIT 1
    ) c ON true
    LEFT JOIN LATERAL (
      SELECT coalesce(sum(j.total), 0) AS rejects, max(j.last_at) AS last_reject_at
      FROM pganalytics.collector_rejects j WHERE j.collector_id = c.id
    ) r ON true
    WHERE s.id = ANY (\(scope[.servers]))
    """
  }

  private static let findings = ReadSection(
    "findings", "The open findings of the server, the worst and then the oldest first.", .short, from: [],
    ties: "severity, opened_at, id",
    columns: [
      .identifier("id", means: "Id of the finding."), .text("check", means: "Name of the check."),
      .text("subject", means: "What of the server it is about; empty: the server itself."),
      .text("severity", means: "How bad it is.", of: ["critical", "warning"]),
      .text("message", means: "The finding in one sentence."),
      .real("value", means: "The value that the check compared."),
      .real("threshold", means: "The threshold that the value passed."),
      .time("opened_at", means: "When it opened."), .time("last_seen_at", means: "When the check found it last."),
      .time("acknowledged_at", means: "When a person acknowledged it; null: nobody has."),
      .text("acknowledged_by", means: "Name of that person."),
    ]
  ) { scope in
    """
    SELECT f.id, f.check_name AS "check", f.subject, f.severity, f.message, f.value, f.threshold, f.opened_at,
      f.last_seen_at, f.acknowledged_at, f.acknowledged_name AS acknowledged_by, NULL::timestamptz AS data_from,
      NULL::timestamptz AS data_until
    FROM pganalytics.findings f WHERE f.server_id = ANY (\(scope[.servers])) AND f.ended_at IS NULL
    """
  }

  private static let databases = ReadSection(
    "databases", "The databases of the range, the largest first.", .short,
    from: ["pg_stats", "pg_replication_wraparound"], ties: "size_bytes DESC NULLS LAST, database",
    columns: [
      .text("database", means: "Name of the database."),
      .count("size_bytes", "bytes", means: "Its last size in the range."),
      .real("transactions_per_second", "per second", means: "Commits and rollbacks."),
      .real("rollback_percent", "percent", means: "Rollbacks as a share of commits and rollbacks."),
      .count("xid_age", means: "Age of its oldest transaction id that is not frozen, in transactions."),
      .time("last_seen", means: "Time of its last report in the range."),
    ]
  ) { scope in
    let columns = ["size_bytes", "transactions_committed", "transactions_rolledback"]
    let commits = CounterIncrease("transactions_committed", of: "pg_stats")
    let rollbacks = CounterIncrease("transactions_rolledback", of: "pg_stats")
    return """
      WITH ages AS (
        SELECT \(scope.objectPart("database", of: "pg_replication_wraparound", "t")) AS database,
          (array_agg(t.age ORDER BY t.time DESC))[1] AS age
        FROM (
          SELECT t.server_id, t.object_id, t.time, max(coalesce(t.oldest_table_age,
            2147483648 - t.xid_until_wraparound)) AS age
          FROM \(scope.latest("pg_replication_wraparound")) t GROUP BY 1, 2, 3
        ) t GROUP BY t.server_id, t.object_id
      )
      SELECT d.database, d.size_bytes, d.transactions_per_second, d.rollback_percent, a.age AS xid_age,
        d.data_until AS last_seen, d.data_from, d.data_until, d.source
      FROM (
        SELECT \(scope.text("g.database_id", of: "g")) AS database, g.*,
          finite.transactions_per_second, finite.rollback_percent
        FROM (
          SELECT t.server_id, t.database_id,
            (array_agg(t."size_bytes.last" ORDER BY t.time DESC, t."size_bytes.last" DESC)
              FILTER (WHERE t."size_bytes.last" IS NOT NULL))[1] AS size_bytes,
            coalesce(\(commits.sum), 0) AS commits, coalesce(\(rollbacks.sum), 0) AS rollbacks,
            \(commits.elapsed) AS seconds,
            min(t.first_time) AS data_from, max(t.last_time) AS data_until, max(t.source) AS source
          FROM \(scope.linked("pg_stats", columns)) t GROUP BY 1, 2
        ) g CROSS JOIN LATERAL (
          SELECT \(finiteQuotient(finiteDouble("(g.commits + g.rollbacks)"), "nullif(g.seconds, 0)"))
              AS transactions_per_second,
            \(finiteDouble("(100 * g.rollbacks / nullif(g.commits + g.rollbacks, 0))")) AS rollback_percent
        ) finite
      ) d LEFT JOIN ages a ON a.database = d.database
      """
  }

  private static let extensions = ReadSection(
    "extensions", "The installed extensions, by database.", .short, from: ["pg_extensions"],
    ties: "database, extension",
    columns: [
      .text("database", means: "The database that has the extension."), .text("extension", means: "Its name."),
      .text("version", means: "Its installed version."), .text("schema", means: "Schema of its objects."),
      .text("owner", means: "Role that owns it."), .time("listed_at", means: "When the collector took the list."),
    ]
  ) { scope in
    """
    SELECT DISTINCT \(scope.text("t.database_id", of: "t")) AS database,
      \(scope.objectPart("name", of: "pg_extensions", "t")) AS extension, t.version, t.schema, t.owner,
      t.time AS listed_at, t.time AS data_from, t.time AS data_until
    FROM \(scope.latest("pg_extensions")) t
    """
  }

  private static let fileSystems = ReadSection(
    "file_systems", "The file systems of the host, the fullest first.", .short, from: ["disk_usage"],
    ties: "percent_used DESC NULLS LAST, device, mount",
    columns: [
      .text("device", means: "Device of the file system."), .text("mount", means: "Where it is mounted."),
      .count("total_gb", "gigabytes", means: "Its size, rounded down."),
      .count("used_gb", "gigabytes", means: "Space in use, rounded down."),
      .count("free_gb", "gigabytes", means: "Space that is free, rounded down."),
      .real("percent_used", "percent", means: "Space in use as a share of the size."),
      .time("listed_at", means: "When the collector took the list."),
    ]
  ) { scope in
    """
    SELECT DISTINCT ON (t.server_id, t.object_id) \(scope.objectPart("device", of: "disk_usage", "t")) AS device,
      \(scope.objectPart("mount", of: "disk_usage", "t")) AS mount, t.total_gb, t.used_gb, t.free_gb, t.percent_used,
      t.time AS listed_at, t.time AS data_from, t.time AS data_until
    FROM \(scope.latest("disk_usage")) t ORDER BY t.server_id, t.object_id, t.percent_used DESC NULLS LAST
    """
  }
}
