// The statements of the evaluation: they read the servers that are due, and write findings. The changes of a batch are one
// JSON document, so that one statement changes any number of findings.

import Protocol

/// An open finding, as the evaluation needs it.
struct OpenFinding: SQLRow {
  let checkName: String
  let key: FindingKey

  init(from row: inout RowReader) throws(DatabaseError) {
    checkName = try row.read("check_name")
    key = FindingKey(serverID: try row.read("server_id"), subject: try row.read("subject"))
  }
}

/// A server that pushed since its last evaluation.
struct DueServer: SQLRow {
  let id: Int32
  /// When it pushed last.
  let pushedAt: Timestamp
  /// When it was evaluated last; nil: never.
  let evaluatedAt: Timestamp?
  /// The checks that had no data then.
  let withoutData: [String]

  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    pushedAt = try row.read("last_seen_at")
    evaluatedAt = try row.read("evaluated_at")
    withoutData = try row.read("no_data")
  }
}

/// What people changed of a check, and when it was evaluated last.
struct CheckSetting: SQLRow {
  let name: String
  let isOn: Bool
  let thresholds: JSONText
  let evaluatedAt: Timestamp?

  init(from row: inout RowReader) throws(DatabaseError) {
    name = try row.read("check_name")
    isOn = try row.read("is_on")
    thresholds = try row.read("thresholds")
    evaluatedAt = try row.read("evaluated_at")
  }
}

/// The number of open findings of a severity.
struct SeverityCount: SQLRow, Hashable {
  let severity: Check.Severity
  let count: Int64

  init(from row: inout RowReader) throws(DatabaseError) {
    severity = try row.word("severity")
    count = try row.read("count")
  }
}

enum FindingStatements {
  static let all = [
    now.description, settings.description, due.description, everyServer.description, openOf.description,
    change.description, endOff.description, endRemoved.description, states.description, evaluated.description,
    ran.description, counts.description, lag.description, prune.description, pruneSilences.description,
    limits.description, resume.description,
  ]

  static let now = Statement<SingleValue<Timestamp>>("finding_now", "SELECT now()")

  /// Sets the limits of a transaction that runs a check. Parameters: time limit of a statement, such as `10s`.
  ///
  /// The plan of a check is made once a session, because planning costs more than most checks do. A check names each
  /// server by a parameter and takes its rows by an index. The plan must also suit a partition that was empty when the
  /// plan was made, so it reads no table as a whole.
  static let limits = Statement<String, SingleValue<String>>(
    "finding_limits",
    """
    SELECT set_config('statement_timeout', $1, true) || set_config('plan_cache_mode', 'force_generic_plan', true)
      || set_config('enable_seqscan', 'off', true) || set_config('max_parallel_workers_per_gather', '0', true)
    """)

  /// What people set, and the last evaluation of each check that has been evaluated or set.
  static let settings = Statement<CheckSetting>(
    "finding_check_settings",
    """
    SELECT coalesce(s.check_name, r.check_name) AS check_name, coalesce(s.is_on, true) AS is_on,
      coalesce(s.thresholds, '{}') AS thresholds, r.evaluated_at
    FROM pganalytics.check_settings s FULL JOIN pganalytics.check_runs r ON r.check_name = s.check_name
    """)

  private static let isRemoved =
    "EXISTS (SELECT FROM pganalytics.server_removals x WHERE x.server_id = s.id AND x.finished_at IS NULL)"

  /// The servers that pushed since their last evaluation, those that have waited longest first. Parameters: the largest
  /// number.
  static let due = Statement<Int64, DueServer>(
    "finding_due",
    """
    SELECT s.id, coalesce(s.last_seen_at, s.created_at) AS last_seen_at, e.evaluated_at, coalesce(e.no_data, '{}') AS no_data
    FROM pganalytics.servers s LEFT JOIN pganalytics.server_states e ON e.server_id = s.id
    WHERE s.last_seen_at IS NOT NULL AND s.last_seen_at IS DISTINCT FROM e.pushed_at AND NOT \(isRemoved)
    ORDER BY s.last_seen_at, s.id LIMIT $1
    """)

  static let everyServer = Statement<SingleValue<Int32>>(
    "finding_servers", "SELECT s.id FROM pganalytics.servers s WHERE NOT \(isRemoved) ORDER BY s.id")

  /// The open findings of servers. Parameters: servers; checks.
  static let openOf = Statement<[Int32], [String], OpenFinding>(
    "findings_open_of",
    """
    SELECT check_name, server_id, subject FROM pganalytics.findings
    WHERE server_id = ANY($1) AND check_name = ANY($2) AND ended_at IS NULL
    """)

  /// Opens, keeps and ends findings, and enters the events of openings and endings. Parameters: the time that the
  /// evaluation looked at; an array of changes, see `FindingChanges`.
  static let change = Statement<Timestamp, JSONText, SingleValue<Int64>>(
    "finding_change",
    """
    WITH change AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset($2) AS c (kind text, check_name text, server_id int4, subject text, severity text,
        message text, value float8, threshold float8, details jsonb, reason text)),
    opened AS (
      INSERT INTO pganalytics.findings
        (check_name, server_id, subject, severity, message, value, threshold, details, opened_at, last_seen_at)
      SELECT check_name, server_id, subject, severity, message, value, threshold, coalesce(details, '{}'), $1, $1
      FROM change WHERE kind = 'open'
      ON CONFLICT (server_id, check_name, subject) WHERE ended_at IS NULL DO NOTHING
      RETURNING id),
    kept AS (
      UPDATE pganalytics.findings f
      SET last_seen_at = $1, message = c.message, value = c.value, threshold = c.threshold,
        details = coalesce(c.details, '{}'), severity = c.severity
      FROM change c
      WHERE c.kind = 'keep' AND f.server_id = c.server_id AND f.check_name = c.check_name AND f.subject = c.subject
        AND f.ended_at IS NULL),
    ended AS (
      UPDATE pganalytics.findings f SET ended_at = $1, end_reason = c.reason
      FROM change c
      WHERE c.kind = 'end' AND f.server_id = c.server_id AND f.check_name = c.check_name AND f.subject = c.subject
        AND f.ended_at IS NULL
      RETURNING f.id),
    event AS (
      INSERT INTO pganalytics.finding_events (finding_id, kind)
      SELECT id, 'opened' FROM opened UNION ALL SELECT id, 'ended' FROM ended
      RETURNING 1)
    SELECT count(*) FROM event
    """)

  /// Ends the open findings of other checks than these. Parameters: time; the checks that are on.
  /// - Returns: the servers of the ended findings.
  static let endOff = Statement<Timestamp, [String], SingleValue<Int32>>(
    "findings_end_off", ending("f.check_name <> ALL ($2)", "check_off"))

  /// Ends the open findings of servers that are removed, or are being removed. Parameters: time.
  static let endRemoved = Statement<Timestamp, SingleValue<Int32>>(
    "findings_end_removed",
    ending(
      """
      NOT EXISTS (SELECT FROM pganalytics.servers s WHERE s.id = f.server_id AND NOT \(isRemoved))
      """, "server_removed"))

  private static func ending(_ condition: String, _ reason: String) -> String {
    """
    WITH ended AS (
      UPDATE pganalytics.findings f SET ended_at = $1, end_reason = '\(reason)'
      WHERE f.ended_at IS NULL AND \(condition)
      RETURNING f.id, f.server_id),
    event AS (INSERT INTO pganalytics.finding_events (finding_id, kind) SELECT id, 'ended' FROM ended)
    SELECT server_id FROM ended
    """
  }

  /// Derives the states of servers from their open findings. Parameters: servers.
  static let states = Statement<[Int32], NoRow>(
    "server_states_derive",
    """
    INSERT INTO pganalytics.server_states AS e (server_id, state)
    SELECT s.id, CASE
        WHEN bool_or(f.check_name = 'silent_collector') THEN 'silent'
        WHEN bool_or(f.severity = 'critical') THEN 'critical'
        WHEN bool_or(f.severity = 'warning') THEN 'warning' ELSE 'ok' END
    FROM pganalytics.servers s LEFT JOIN pganalytics.findings f ON f.server_id = s.id AND f.ended_at IS NULL
    WHERE s.id = ANY($1)
    GROUP BY s.id
    ON CONFLICT (server_id) DO UPDATE SET state = excluded.state WHERE e.state <> excluded.state
    """)

  /// Records that servers are evaluated. Parameters: time; servers; when each pushed last; for each server, by its id,
  /// the checks that had no data, unless there are none.
  static let evaluated = Statement<Timestamp, [Int32], [Timestamp], JSONText, NoRow>(
    "server_states_evaluated",
    """
    INSERT INTO pganalytics.server_states AS e (server_id, evaluated_at, pushed_at, no_data)
    SELECT p.id, $1, p.at, ARRAY(SELECT jsonb_array_elements_text($4::jsonb -> p.id::text))
    FROM unnest($2::int4[], $3::timestamptz[]) AS p(id, at) JOIN pganalytics.servers s ON s.id = p.id
    ON CONFLICT (server_id) DO UPDATE
    SET evaluated_at = excluded.evaluated_at, pushed_at = excluded.pushed_at, no_data = excluded.no_data
    """)

  /// Records evaluations of checks. Parameters: time; an array of objects with `check_name`, `seconds` and `failure`.
  static let ran = Statement<Timestamp, JSONText, NoRow>(
    "check_runs_add",
    """
    INSERT INTO pganalytics.check_runs AS r (check_name, evaluated_at, seconds, failed_at, failure)
    SELECT check_name, CASE WHEN failure IS NULL THEN $1::timestamptz END, seconds,
      CASE WHEN failure IS NOT NULL THEN $1 END, failure
    FROM jsonb_to_recordset($2) AS c (check_name text, seconds float8, failure text)
    ON CONFLICT (check_name) DO UPDATE SET evaluated_at = coalesce(excluded.evaluated_at, r.evaluated_at),
      seconds = coalesce(excluded.seconds, r.seconds), failed_at = coalesce(excluded.failed_at, r.failed_at),
      failure = excluded.failure
    """)

  /// Notes that evaluating a check goes on after a pause of more than these seconds. Nothing was received meanwhile.
  /// Parameters: check, seconds.
  static let resume = Statement<String, Double, NoRow>(
    "check_run_resume",
    """
    INSERT INTO pganalytics.check_runs AS r (check_name, resumed_at) VALUES ($1, now())
    ON CONFLICT (check_name) DO UPDATE SET resumed_at = now()
    WHERE coalesce(r.evaluated_at, '-infinity') < now() - make_interval(secs => $2)
      AND coalesce(r.resumed_at, '-infinity') < now() - make_interval(secs => $2)
    """)

  /// The numbers of open findings.
  static let counts = Statement<SeverityCount>(
    "findings_counts",
    "SELECT severity, count(*) AS count FROM pganalytics.findings WHERE ended_at IS NULL GROUP BY severity")

  /// For how many seconds the push that has waited longest for its evaluation has waited.
  static let lag = Statement<SingleValue<Double>>(
    "finding_lag",
    """
    SELECT coalesce(extract(epoch FROM now() - min(s.last_seen_at)), 0)::float8
    FROM pganalytics.servers s LEFT JOIN pganalytics.server_states e ON e.server_id = s.id
    WHERE s.last_seen_at IS NOT NULL AND s.last_seen_at IS DISTINCT FROM e.pushed_at AND NOT \(isRemoved)
    """)

  /// The largest number of findings that one execution of `prune` deletes.
  static let pruneStep: Int64 = 10_000

  /// Deletes findings that ended before their retention, with their events. A removed server's findings go a day after
  /// their end; until then their endings can be delivered. Parameters: seconds.
  static let prune = Statement<Double, SingleValue<Int64>>(
    "findings_prune",
    """
    WITH gone AS (
      DELETE FROM pganalytics.findings WHERE id = ANY (ARRAY(
        SELECT id FROM pganalytics.findings
        WHERE ended_at < now() - make_interval(secs => $1)
          OR ended_at < now() - interval '1 day' AND end_reason = 'server_removed'
        ORDER BY ended_at LIMIT \(pruneStep)))
      RETURNING id),
    event AS (DELETE FROM pganalytics.finding_events e USING gone g WHERE e.finding_id = g.id)
    SELECT count(*) FROM gone
    """)

  /// Deletes silences that ended before their retention. Parameters: seconds.
  static let pruneSilences = Statement<Double, NoRow>(
    "silences_prune",
    "DELETE FROM pganalytics.silences WHERE coalesce(ended_at, until) < now() - make_interval(secs => $1)")
}
