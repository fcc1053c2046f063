// How far rolling up is: what waits, since when, and what was set aside. For /metrics and `pganalytics db status`.

import Protocol

/// How far rolling up to buckets of one width is.
struct RollupState: SQLRow, Hashable {
  let stepSeconds: Int32
  /// The number of servers with rows, or finer roll-ups, that are due, plus the number of units.
  let pending: Int64
  /// The number of units that failed and are tried again.
  let failed: Int64
  /// When the work that has waited longest became due; nil if none waits.
  let oldest: Timestamp?
  /// When the oldest of the failed units was recorded; nil if there is none.
  let oldestFailed: Timestamp?

  var step: RollupStep? { RollupStep.allCases.first { $0.seconds == Int64(stepSeconds) } }
}

extension RollupState {
  init(from row: inout RowReader) throws(DatabaseError) {
    stepSeconds = try row.read("step_seconds")
    pending = try row.read("pending")
    failed = try row.read("failed")
    oldest = try row.read("oldest")
    oldestFailed = try row.read("oldest_failed")
  }
}

/// Units of a table that failed for one reason.
struct RollupFailure: SQLRow, Hashable {
  let stepSeconds: Int32
  let table: String
  let units: Int64
  let servers: Int64
  let start: Timestamp
  let nextTry: Timestamp
  /// The error message of the latest of these units, with its SQLSTATE.
  let message: String

  init(from row: inout RowReader) throws(DatabaseError) {
    stepSeconds = try row.read("step_seconds")
    table = try row.read("table_name")
    units = try row.read("units")
    servers = try row.read("servers")
    start = try row.read("start_time")
    nextTry = try row.read("next_try")
    message = try row.read("message", String?.self) ?? ""
  }
}

enum RollupStateStatements {
  /// $1: seconds from a bucket's end until it is rolled up.
  static let state = Statement<Double, RollupState>(
    "rollup_state",
    """
    WITH pending AS (
      SELECT step_seconds, server_id, greatest(noted_at,
        date_bin(make_interval(secs => step_seconds), first_time, timestamptz '2000-01-01 00:00:00+00')
        + make_interval(secs => step_seconds + $1::float8)) AS due_at
      FROM pganalytics.rollup_pending
    ), due AS (
      SELECT step_seconds, count(DISTINCT server_id) AS servers, min(due_at) AS oldest
      FROM pending WHERE due_at <= now() GROUP BY step_seconds
    ), units AS (
      SELECT step_seconds, count(*) AS units, count(*) FILTER (WHERE attempts > 0) AS failed,
        min(noted_at) AS oldest, min(noted_at) FILTER (WHERE attempts > 0) AS oldest_failed
      FROM pganalytics.rollup_units GROUP BY step_seconds
    )
    SELECT s.step_seconds, coalesce(d.servers, 0) + coalesce(u.units, 0) AS pending, coalesce(u.failed, 0) AS failed,
      least(d.oldest, u.oldest) AS oldest, u.oldest_failed
    FROM (VALUES (300), (3600)) AS s(step_seconds)
    LEFT JOIN due d USING (step_seconds) LEFT JOIN units u USING (step_seconds)
    ORDER BY s.step_seconds
    """)

  /// $1: the largest number of rows.
  static let failures = Statement<Int64, RollupFailure>(
    "rollup_failures",
    """
    SELECT step_seconds, table_name, count(*) AS units, count(DISTINCT server_id) AS servers,
      min(start_time) AS start_time, min(next_try) AS next_try, (array_agg(message ORDER BY id DESC))[1] AS message
    FROM pganalytics.rollup_units WHERE attempts > 0
    GROUP BY step_seconds, table_name, sqlstate ORDER BY 3 DESC, 1, 2 LIMIT $1
    """)

  static let all = [state.description, failures.description]
}
