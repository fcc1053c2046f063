// Lists of tables and indexes. The collector reports the tables of a database together with the database's own row, at
// the same time, so that row says whether the list was there: a database that cannot be reached has a row of zeros.

extension CheckSource {
  /// The latest row of each server's databases, as the expression `name`: `server_id`, `database_id`, `time` and
  /// `is_there`, which is false for a database that the collector could not reach.
  /// - Parameter ago: an interval before `$2`, for an earlier row.
  static func databases(_ name: String, ago: String = "interval '0'") -> String {
    """
    \(name) AS MATERIALIZED (
      SELECT DISTINCT ON (r.server_id, r.database_id) r.server_id, r.database_id, r.time, coalesce(r.size_bytes, 0) <> 0
        OR coalesce(r.transactions_committed, 0) <> 0 OR coalesce(r.tuples_returned, 0) <> 0 AS is_there
      FROM metrics.pg_stats r
      WHERE r.server_id = ANY ($1) AND r.time > $2::timestamptz - \(ago) - \(span) AND r.time <= $2::timestamptz - \(ago)
      ORDER BY r.server_id, r.database_id, r.time DESC)
    """
  }

  /// The rows of a list at the time of `databases`, as the expression `name`: `server_id`, `database_id`, `object_id`, the
  /// object's `name` and `columns`. The limit makes the planner look for the one row of that time by the index.
  /// - Parameters:
  ///   - table: `pg_stats_tables` or `pg_stats_indexes`.
  ///   - columns: expressions on the table's row `r`.
  static func listed(
    _ name: String, of databases: String, _ table: String, _ columns: String, ago: String = "interval '0'"
  ) -> String {
    """
    \(name) AS MATERIALIZED (
      SELECT d.server_id, d.database_id, o.object_id, o.name, r.*
      FROM \(databases) d
      JOIN pganalytics.objects o ON o.server_id = d.server_id AND o.kind = '\(table)'
      CROSS JOIN LATERAL (
        SELECT \(columns) FROM metrics.\(table) r
        WHERE r.server_id = d.server_id AND r.object_id = o.object_id AND r.time = d.time
          AND r.time > $2::timestamptz - \(ago) - \(span) AND r.time <= $2::timestamptz - \(ago)
          AND r.database_id IS NOT DISTINCT FROM d.database_id
        LIMIT 1) r
      WHERE d.is_there)
    """
  }

  /// The servers whose lists `rows` lack no object, as the expression `name`: every database is there, and no list is at
  /// the collector's cap. An object that such a server does not list has vanished.
  static func complete(_ name: String, of databases: String, _ rows: String) -> String {
    """
    \(name) AS MATERIALIZED (
      SELECT server_id FROM \(databases) GROUP BY server_id HAVING bool_and(is_there)
      EXCEPT SELECT server_id FROM \(rows) GROUP BY server_id, database_id HAVING count(*) >= \(listCap))
    """
  }

  /// The time of each server's latest list of objects that one metric has for all databases, no older than two hours, as
  /// the expression `name`: `server_id` and `time`.
  static func newest(_ name: String, _ table: String) -> String {
    """
    \(name) AS MATERIALIZED (
      SELECT o.server_id, max(r.time) AS time
      FROM pganalytics.objects o
      CROSS JOIN LATERAL (
        SELECT r.time FROM metrics.\(table) r
        WHERE r.server_id = o.server_id AND r.object_id = o.object_id AND \(isRecent("r"))
        ORDER BY r.time DESC LIMIT 1) r
      WHERE o.server_id = ANY ($1) AND o.kind = '\(table)'
      GROUP BY o.server_id)
    """
  }

  /// Ends a subquery that takes its rows by an index. It keeps the planner from joining the table instead, which may read
  /// rows of other servers: the plan is made once, for any number of rows.
  static let fence = "OFFSET 0"

  /// The rows of an object `o` at the time of a list, as a lateral subquery without its name.
  /// - Parameters:
  ///   - columns: of the table's row `r`.
  ///   - bounds: a further condition on `r`, which bounds the time by `$2`.
  static func rows(_ table: String, _ columns: String, at time: String, _ bounds: String) -> String {
    """
    CROSS JOIN LATERAL (
      SELECT \(columns) FROM metrics.\(table) r
      WHERE r.server_id = o.server_id AND r.object_id = o.object_id AND r.time = \(time) AND \(bounds)
      \(fence))
    """
  }

  /// Whether a table has a row.
  /// - Parameter condition: on the table's row `r`.
  static func has(_ table: String, _ condition: String) -> String {
    "coalesce((SELECT true FROM metrics.\(table) r WHERE \(condition) LIMIT 1), false)"
  }

  /// The condition that a row is at most two hours old.
  static func isRecent(_ row: String) -> String {
    "\(row).time > $2::timestamptz - interval '2 hours' AND \(row).time <= $2::timestamptz"
  }

  /// The servers of `list` of which every database is there, as a table for `markers`. `databases` names the expression.
  static func reachable(_ list: String, _ databases: String) -> String {
    "(SELECT server_id FROM \(list) EXCEPT SELECT server_id FROM \(databases) WHERE NOT is_there) AS reachable"
  }

  /// Joins the name of the database of `r`, as `d.value`.
  static let databaseName =
    "LEFT JOIN pganalytics.texts d ON d.server_id = r.server_id AND d.text_id = r.database_id"

  /// The subject of the object `r.name`: the database, a dot and the name.
  static let objectSubject = "concat_ws('.', d.value, r.name)"

  /// The rows of `sql` that a finding can depend on. A server in `list` ends the findings of subjects without a row, so
  /// its rows that neither open nor hold are left out, and their messages are not written.
  static func decisive(_ sql: String, list: String) -> String {
    """
    SELECT * FROM (
      \(sql)) AS row
    WHERE row.opens OR row.holds OR row.server_id NOT IN (SELECT server_id FROM \(list))
    UNION ALL
    \(markers(list))
    """
  }
}
