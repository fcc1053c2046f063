// Which servers of the fleet need attention, and why. The evaluation of checks keeps one row of figures for each server, so the
// read takes no metric rows: it is as fast for ten thousand servers as one scan of a small table.

import Protocol

enum FleetRead: Question {
  static let read = Read(
    "getFleet", "/api/v1/fleet", about: .fleet, command: "fleet", summary: "The servers of the fleet with their state.",
    description: """
      `data` has the selected servers with their state, their open findings and the figures of the last evaluation.
      `counts` says how many servers have which state; the parameter `state` does not change it.
      """,
    span: nil, filters: [.servers, .words],
    parameters: [
      ReadParameter(
        "state", .choice(of: states), "Only servers in this state.")
    ],
    sections: [servers, counts])

  static let states = ["critical", "silent", "warning", "ok"]

  private static let state = ReadColumn.text(
    "state",
    means: """
      `silent`: the server has pushed nothing for long. `critical`, `warning`: it has open findings of this severity. \
      `ok`: it has none. Null: it has not been evaluated yet.
      """,
    of: states)

  private static let urgency = ReadColumn.count(
    "urgency", means: "The state as a number: 4 critical, 3 silent, 2 warning, 1 not evaluated, 0 ok.")

  private static let servers = ReadSection(
    "data", "The servers, those that need attention first.", .list(by: "-urgency"), from: [], ties: "name, server_id",
    columns: [
      ReadColumn.count("server_id", means: "Id of the server.").sorted,
      ReadColumn.text("name", means: "Name of the server.").sorted,
      ReadColumn.text("hostname", means: "Host name of the server.").sorted, state.sorted, urgency.sorted,
      .json(
        "why",
        means: """
          The open findings, the worst and then the oldest first, at most ten: objects with `id`, `check`, `subject`, \
          `severity`, `message`, `opened_at` and `acknowledged`.
          """),
      ReadColumn.count("findings", means: "Open findings.").sorted,
      ReadColumn.count("critical_findings", means: "Open findings of the severity `critical`.").sorted,
      ReadColumn.time("last_seen_at", means: "When its last push was stored.").sorted,
      .json("labels", means: "Labels of the server: an object of texts."),
      .text("collector_id", means: "The collector that enrolled last."),
      .text("collector_version", means: "Version of the collector.").sorted,
      ReadColumn.count("connections", means: "Sessions of the last list.").sorted,
      ReadColumn.real("transactions_per_second", "per second", means: "Commits and rollbacks.").sorted,
      ReadColumn.real("cache_hit", "percent", means: "Blocks found in the buffer cache, of those asked for.").sorted,
      ReadColumn.real("replication_lag_seconds", "seconds", means: "Largest replay lag of a standby.").sorted,
      ReadColumn.real(
        "oldest_transaction_seconds", "seconds", means: "Longest time of a long or idle transaction."
      ).sorted,
      ReadColumn.real("disk_used_percent", "percent", means: "Space in use of the fullest file system.").sorted,
      ReadColumn.count("xid_age", means: "Age of the oldest transaction id that is not frozen, in transactions.")
        .sorted,
      ReadColumn.time("data_at", means: "Time of the newest row that the figures are made of.").sorted,
      ReadColumn.time("evaluated_at", means: "The time that the last evaluation looked at.").sorted,
    ]
  ) { scope in
    """
    SELECT s.id::int8 AS server_id, s.name, s.hostname, s.state, s.urgency, coalesce(f.why, '[]') AS why,
      coalesce(f.findings, 0) AS findings, coalesce(f.critical_findings, 0) AS critical_findings, s.last_seen_at,
      coalesce(l.labels, '{}') AS labels, c.id::text AS collector_id, c.version AS collector_version, s.connections,
      s.transactions_per_second, s.cache_hit, s.replication_lag_seconds, s.oldest_transaction_seconds,
      s.disk_used_percent, s.xid_age, s.data_at, s.evaluated_at, NULL::timestamptz AS data_from,
      NULL::timestamptz AS data_until
    FROM \(selected(scope)) s
    LEFT JOIN (
      SELECT w.server_id, count(*) AS findings, count(*) FILTER (WHERE w.severity = 'critical') AS critical_findings,
        jsonb_agg(jsonb_build_object('id', w.id, 'check', w.check_name, 'subject', w.subject, 'severity', w.severity,
          'message', w.message, 'opened_at', w.opened_at, 'acknowledged', w.acknowledged_at IS NOT NULL) ORDER BY w.place)
          FILTER (WHERE w.place <= \(mostFindings)) AS why
      FROM (
        SELECT o.*, row_number() OVER (
          PARTITION BY o.server_id ORDER BY o.severity = 'critical' DESC, o.opened_at, o.id) AS place
        FROM pganalytics.findings o WHERE o.ended_at IS NULL AND o.server_id = ANY (\(scope[.servers]))
      ) w GROUP BY 1
    ) f ON f.server_id = s.id
    LEFT JOIN (
      SELECT l.server_id, jsonb_object_agg(l.name, l.value) AS labels FROM pganalytics.labels l
      WHERE l.server_id = ANY (\(scope[.servers])) GROUP BY 1
    ) l ON l.server_id = s.id
    LEFT JOIN (
      SELECT DISTINCT ON (o.server_id) o.server_id, o.id, o.version FROM pganalytics.collectors o
      WHERE o.server_id = ANY (\(scope[.servers])) ORDER BY o.server_id, o.revoked_at IS NOT NULL, o.generation DESC
    ) c ON c.server_id = s.id
    WHERE \(scope["state"])::text IS NULL OR s.state = \(scope["state"])
    """
  }

  /// The most findings that a row shows.
  private static let mostFindings = 10

  private static let counts = ReadSection(
    "counts", "The number of servers in each state, the most urgent first.", .short, from: [], ties: "urgency DESC",
    columns: [state, urgency, .count("servers", means: "Servers in the state.")]
  ) { scope in
    """
    SELECT s.state, s.urgency, count(*) AS servers, NULL::timestamptz AS data_from, NULL::timestamptz AS data_until
    FROM \(selected(scope)) s GROUP BY 1, 2
    """
  }

  /// The selected servers with their state and figures.
  private static func selected(_ scope: ReadScope) -> String {
    """
    (SELECT s.id, s.name, s.hostname, s.last_seen_at, e.*,
      CASE e.state WHEN 'critical' THEN 4 WHEN 'silent' THEN 3 WHEN 'warning' THEN 2 WHEN 'ok' THEN 0 ELSE 1 END::int8
        AS urgency
    FROM pganalytics.servers s LEFT JOIN pganalytics.server_states e ON e.server_id = s.id
    WHERE s.id = ANY (\(scope[.servers])) AND (\(scope[.words])::text IS NULL
      OR strpos(lower(s.name), lower(\(scope[.words]))) > 0 OR strpos(lower(s.hostname), lower(\(scope[.words]))) > 0))
    """
  }
}
