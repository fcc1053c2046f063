// Lists of statements, and what their counters grew by between lists.
//
// The collector repeats one list of the whole server under the name of each database, some milliseconds apart, and
// sends no database of a statement. So a step is computed for each name, and of equal statements the largest step
// counts once. An empty list leaves no row, so a server that the collector could not reach has none.
//
// Lists are put side by side by grouping and not by joins: the planner cannot know how many rows of two lists match,
// and its plans for joins of them take quadratic time.

extension CheckSource {
  /// The longest list that the collector sends. A list of this length may lack objects.
  static let listCap = 100

  /// One list of statements of each server, which is looked for in a span of time.
  struct StatementList {
    enum Place {
      /// The first list in the span.
      case first
      /// The last list in the span.
      case last
    }

    let name: String
    let place: Place
    /// The span begins after this interval before `$2`.
    let ago: String
    /// The span ends at this interval before `$2`.
    let until: String

    init(_ name: String, _ place: Place, ago: String, until: String = "0") {
      self.name = name
      self.place = place
      self.ago = ago
      self.until = until
    }
  }

  /// What a counter grew by between two lists.
  struct Step {
    /// The step of a statement that the first list lacks.
    enum Appearing {
      /// Its value if the first list was complete; else the step is unknown.
      case fromZero
      /// Its value in any case, also without a first list, which is an upper bound.
      case atMost
    }

    let name: String
    let column: String
    let first: String
    let last: String
    let appearing: Appearing

    init(_ name: String, of column: String, from first: String, to last: String, appearing: Appearing = .fromZero) {
      self.name = name
      self.column = column
      self.first = first
      self.last = last
      self.appearing = appearing
    }

    /// A counter that fell was reset, and its new value is the step. Rows that were added up of different numbers of
    /// statements have no known step.
    fileprivate var sql: String {
      let (a, b) = ("\(first)_\(column)", "\(last)_\(column)")
      let isKnown = "\(first)_listed < \(last)_time"
      let counted = "CASE WHEN \(b) < \(a) THEN \(b) ELSE \(b) - \(a) END"
      let isSame = "\(first)_statements = \(last)_statements"
      return switch appearing {
      case .fromZero:
        """
        CASE WHEN \(isKnown) THEN CASE WHEN \(first)_time IS NULL THEN CASE WHEN \(first)_rows < \(listCap) THEN \(b) END
          WHEN \(isSame) THEN \(counted) END END
        """
      case .atMost: "CASE WHEN \(isKnown) AND \(isSame) THEN \(counted) ELSE \(b) END"
      }
    }
  }

  /// The steps of each statement of each server, as the expression `name`: `server_id`, `text_id`, the steps, and for each
  /// list but the last one `<list>_seconds`, the time from this list to the last one.
  /// - Parameters:
  ///   - lists: in any order; the last one is the latest.
  ///   - columns: the counters, as expressions on the row `r`, by name.
  static func statements(
    _ name: String, _ lists: [StatementList], columns: [(name: String, sql: String)], steps: [Step]
  ) -> String {
    let rows = lists.map { self.rows(of: $0, columns) }
    let values = lists.flatMap { list in
      let pick = list.place == .first ? "min" : "max"
      return (["time", "statements"] + columns.map(\.name)).map {
        "\(pick)(\($0)) FILTER (WHERE list = '\(list.name)') AS \(list.name)_\($0)"
      }
    }
    let sizes = lists.flatMap { list in
      [
        "min(\(list.name)_time) OVER w AS \(list.name)_listed",
        "count(\(list.name)_time) OVER w AS \(list.name)_rows",
      ]
    }
    let last = lists.last?.name ?? ""
    let seconds = lists.dropLast().map {
      "extract(epoch FROM max(\(last)_listed - \($0.name)_listed))::float8 AS \($0.name)_seconds"
    }
    return """
      \(name)_value AS (
        SELECT server_id, database_id, hash, userid, dbid, toplevel, max(text_id) AS text_id,
          \(values.joined(separator: ",\n    "))
        FROM (
          \(rows.joined(separator: "\n    UNION ALL\n    "))) row
        GROUP BY server_id, database_id, hash, userid, dbid, toplevel),
      \(name)_list AS (
        SELECT *, \(sizes.joined(separator: ", "))
        FROM \(name)_value WINDOW w AS (PARTITION BY server_id, database_id)),
      \(name) AS MATERIALIZED (
        SELECT server_id, max(text_id) AS text_id, \(seconds.joined(separator: ", ")),
          \(steps.map { "max(\($0.sql)) AS \($0.name)" }.joined(separator: ",\n    "))
        FROM \(name)_list GROUP BY server_id, hash, userid, dbid, toplevel)
      """
  }

  private static func rows(of list: StatementList, _ columns: [(name: String, sql: String)]) -> String {
    let (order, belongs) =
      switch list.place {
      case .first: ("ASC", "r.time >= e.time AND r.time < e.time + interval '5 seconds'")
      case .last: ("DESC", "r.time > e.time - interval '5 seconds' AND r.time <= e.time")
      }
    let values = columns.map { "\($0.sql) AS \($0.name)" }.joined(separator: ", ")
    return """
      SELECT '\(list.name)' AS list, r.server_id, coalesce(r.database_id, 0) AS database_id, r.time, r.hash,
        coalesce(r.userid, 0) AS userid, coalesce(r.dbid, 0) AS dbid, coalesce(r.toplevel, true) AS toplevel,
        coalesce(r.statements, 1) AS statements, r.text_id, \(values)
      FROM (
        SELECT s.id AS server_id, r.time
        FROM unnest($1::int4[]) AS s(id)
        CROSS JOIN LATERAL (
          SELECT r.time FROM metrics.pg_query_stats r
          WHERE r.server_id = s.id AND r.time > $2::timestamptz - interval '\(list.ago)' AND r.time <= $2::timestamptz - interval '\(list.until)'
          ORDER BY r.time \(order) LIMIT 1) r) e
      CROSS JOIN LATERAL (
        SELECT * FROM metrics.pg_query_stats r
        WHERE r.server_id = e.server_id AND \(belongs) AND r.time > $2::timestamptz - interval '\(list.ago)' - interval '5 seconds'
          AND r.time < $2::timestamptz - interval '\(list.until)' + interval '5 seconds' AND r.time <= $2::timestamptz
        \(fence)) r
      """
  }
}
