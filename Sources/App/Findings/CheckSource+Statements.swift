// Lists of statements, and what their counters grew by between two lists.
//
// The collector repeats one list of the whole server under the name of each database, some milliseconds apart, and
// sends no database of a statement. So a step is computed for each name, and of equal statements the largest step
// counts once.

extension CheckSource {
  /// Which list of a span is meant.
  enum Place {
    /// The first list in the span.
    case first
    /// The last list in the span.
    case last
  }

  /// One list of each server and database name, as the expression `name`: the columns that identify a statement,
  /// `statements`, `text_id`, `time` and `columns`. An empty list leaves no row, so a server that the collector could
  /// not reach has none.
  /// - Parameters:
  ///   - columns: expressions on the row `r`, by name.
  ///   - ago: the list is later than this interval before `$2`.
  ///   - until: the list is not later than this interval before `$2`.
  static func statements(
    _ name: String, _ place: Place, _ columns: [(name: String, sql: String)], ago: String, until: String = "0"
  ) -> String {
    let (order, belongs, pick) =
      switch place {
      case .first: ("ASC", "r.time >= e.time AND r.time < e.time + interval '5 seconds'", "min")
      case .last: ("DESC", "r.time > e.time - interval '5 seconds' AND r.time <= e.time", "max")
      }
    let list = columns.map { "\($0.sql) AS \($0.name)" }.joined(separator: ", ")
    return """
      \(name)_row AS MATERIALIZED (
        SELECT r.server_id, r.database_id, r.time, r.hash, coalesce(r.userid, 0) AS userid, coalesce(r.dbid, 0) AS dbid,
          coalesce(r.toplevel, true) AS toplevel, coalesce(r.statements, 1) AS statements, r.text_id, \(list)
        FROM (
          SELECT s.id AS server_id, r.time
          FROM unnest($1) AS s(id)
          CROSS JOIN LATERAL (
            SELECT r.time FROM metrics.pg_query_stats r
            WHERE r.server_id = s.id AND r.time > $2 - interval '\(ago)' AND r.time <= $2 - interval '\(until)'
            ORDER BY r.time \(order) LIMIT 1) r) e
        JOIN metrics.pg_query_stats r ON r.server_id = e.server_id AND \(belongs)
          AND r.time > $2 - interval '\(ago)' - interval '5 seconds'
          AND r.time < $2 - interval '\(until)' + interval '5 seconds' AND r.time <= $2),
      \(name) AS MATERIALIZED (
        SELECT r.* FROM \(name)_row r
        JOIN (SELECT server_id, database_id, \(pick)(time) AS time FROM \(name)_row GROUP BY server_id, database_id) l
          ON l.server_id = r.server_id AND l.database_id IS NOT DISTINCT FROM r.database_id AND l.time = r.time)
      """
  }

  /// The step of a statement that the first list lacks.
  enum Appearing {
    /// Its value if the first list was complete; else the statement is left out.
    case fromZero
    /// Its value in any case, which is an upper bound.
    case atMost
  }

  /// What a statement's counters grew by between two lists, as the expression `name`: one row for each statement of a
  /// server with the columns that identify it, `text_id`, `seconds` and the steps of `columns`.
  ///
  /// A counter that fell was reset, and its new value is the step. Rows that were added up of different numbers of
  /// statements have no known step.
  static func steps(
    _ name: String, from first: String, to last: String, of columns: [String], appearing: Appearing = .fromZero
  ) -> String {
    let (isUnknown, condition) =
      switch appearing {
      case .fromZero:
        (
          "a.hash IS NULL",
          "WHERE CASE WHEN a.hash IS NULL THEN l.rows < \(listCap) ELSE a.statements = b.statements END"
        )
      case .atMost: ("a.hash IS NULL OR a.statements <> b.statements", "")
      }
    let steps = columns.map {
      "CASE WHEN \(isUnknown) OR b.\($0) < a.\($0) THEN b.\($0) ELSE b.\($0) - a.\($0) END AS \($0)"
    }
    let most = columns.map { "max(\($0)) AS \($0)" }
    return """
      \(name) AS MATERIALIZED (
        SELECT server_id, hash, userid, dbid, toplevel, min(text_id) AS text_id, max(seconds) AS seconds,
          \(most.joined(separator: ", "))
        FROM (
          SELECT b.server_id, b.hash, b.userid, b.dbid, b.toplevel, b.text_id,
            extract(epoch FROM b.time - l.time)::float8 AS seconds,
            \(steps.joined(separator: ",\n      "))
          FROM \(last) b
          JOIN (
            SELECT server_id, database_id, min(time) AS time, count(*) AS rows FROM \(first)
            GROUP BY server_id, database_id) l
            ON l.server_id = b.server_id AND l.database_id IS NOT DISTINCT FROM b.database_id AND l.time < b.time
          LEFT JOIN \(first) a ON a.server_id = b.server_id AND a.database_id IS NOT DISTINCT FROM b.database_id
            AND a.hash = b.hash AND a.userid = b.userid AND a.dbid = b.dbid AND a.toplevel = b.toplevel
          \(condition)) step
        GROUP BY server_id, hash, userid, dbid, toplevel)
      """
  }

  /// The longest list that the collector sends. A list of this length may lack objects.
  static let listCap = 100
}
