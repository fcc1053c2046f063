// Statements about units of rolling up. A unit is one metric table of one server over a time span, for one step.

/// A unit, as a row of `pganalytics.rollup_units`.
struct RollupUnit: SQLRow, Hashable {
  let id: Int64
  let server: Int32
  var start: Timestamp
  /// The first time that is not included.
  var end: Timestamp
  /// The number of failed tries.
  let attempts: Int32
}

extension RollupUnit {
  init(from row: inout RowReader) throws(DatabaseError) {
    id = try row.read("id")
    server = try row.read("server_id")
    start = try row.read("start_time")
    end = try row.read("end_time")
    attempts = try row.read("attempts")
  }
}

enum RollupUnitStatements {
  /// Adds units that wait for their first try. A new unit that touches a failed one is merged into it, so that each
  /// round neither tries nor adds again what keeps failing. Parameters: step in seconds; tables; servers, starts and
  /// ends.
  static let note = Statement<Int32, [String], [Int32], [Timestamp], [Timestamp], NoRow>(
    "rollup_units_note",
    """
    WITH new AS (
      SELECT t.table_name, w.server_id, w.start_time, w.end_time
      FROM unnest($2::text[]) AS t(table_name)
      CROSS JOIN unnest($3::int4[], $4::timestamptz[], $5::timestamptz[]) AS w(server_id, start_time, end_time)
    ), joined AS (
      UPDATE pganalytics.rollup_units u
      SET start_time = least(u.start_time, n.start_time), end_time = greatest(u.end_time, n.end_time)
      FROM new n
      WHERE u.step_seconds = $1 AND u.table_name = n.table_name AND u.server_id = n.server_id AND u.attempts > 0
        AND u.start_time <= n.end_time AND u.end_time >= n.start_time
      RETURNING n.table_name, n.server_id, n.start_time, n.end_time
    )
    INSERT INTO pganalytics.rollup_units (step_seconds, table_name, server_id, start_time, end_time)
    SELECT $1, table_name, server_id, start_time, end_time FROM (SELECT * FROM new EXCEPT SELECT * FROM joined) AS rest
    """)

  /// The tables that have units. Parameters: step in seconds.
  static let tables = Statement<Int32, SingleValue<String>>(
    "rollup_units_tables", "SELECT DISTINCT table_name FROM pganalytics.rollup_units WHERE step_seconds = $1")

  /// The tables that have failed units. Parameters: step in seconds.
  static let failedTables = Statement<Int32, SingleValue<String>>(
    "rollup_units_failed_tables",
    "SELECT DISTINCT table_name FROM pganalytics.rollup_units WHERE step_seconds = $1 AND attempts > 0")

  /// The units to try now, first those that have not failed yet. Parameters: step in seconds; table; largest number of
  /// units.
  static let due = Statement<Int32, String, Int64, RollupUnit>(
    "rollup_units_due",
    """
    SELECT id, server_id, start_time, end_time, attempts FROM pganalytics.rollup_units
    WHERE step_seconds = $1 AND table_name = $2 AND next_try <= clock_timestamp()
    ORDER BY attempts > 0, start_time, server_id LIMIT $3
    """)

  /// Parameters: ids.
  static let remove = Statement<[Int64], NoRow>(
    "rollup_units_remove", "DELETE FROM pganalytics.rollup_units WHERE id = ANY ($1::int8[])")

  /// Cuts a unit in two. Parameters: id; the time at which to cut. - Returns: the id of the later part.
  static let split = Statement<Int64, Timestamp, SingleValue<Int64>>(
    "rollup_units_split",
    """
    WITH whole AS (
      SELECT * FROM pganalytics.rollup_units WHERE id = $1
    ), earlier AS (
      UPDATE pganalytics.rollup_units SET end_time = $2 WHERE id = $1
    )
    INSERT INTO pganalytics.rollup_units
      (step_seconds, table_name, server_id, start_time, end_time, noted_at, attempts, next_try, sqlstate, message)
    SELECT step_seconds, table_name, server_id, $2, end_time, noted_at, attempts, next_try, sqlstate, message FROM whole
    RETURNING id
    """)

  /// Sets units aside. Each failure doubles the pause before the next try. Parameters: ids; SQLSTATE; message; first
  /// and longest pause in seconds.
  static let setAside = Statement<[Int64], String, String, Double, Double, NoRow>(
    "rollup_units_set_aside",
    """
    UPDATE pganalytics.rollup_units
    SET attempts = attempts + 1, sqlstate = $2, message = $3,
      next_try = clock_timestamp() + make_interval(secs => least($4 * 2 ^ least(attempts, 30), $5))
    WHERE id = ANY ($1::int8[])
    """)

  /// Deletes units whose rows are older than the retention. Parameters: step in seconds; the oldest time that is kept.
  static let expire = Statement<Int32, Timestamp, NoRow>(
    "rollup_units_expire", "DELETE FROM pganalytics.rollup_units WHERE step_seconds = $1 AND end_time <= $2")

  static let all = [
    note.description, tables.description, failedTables.description, due.description, remove.description,
    split.description, setAside.description,
    expire.description,
  ]
}
