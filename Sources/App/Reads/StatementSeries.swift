// The series of statements in the range, each counted once and with its text: SQL that the reads of statements share.

import Protocol

/// The common tables of a read of statements.
///
/// The stock collector reads one list of the whole cluster and sends it under the name of each database, some
/// milliseconds apart. So a statement that two databases of one server have is compared with itself:
///
/// - Equal: at an end where both have a sample at nearly the same time, `calls`, `rows` and `total_time` are equal. The
///   statement is counted once.
/// - Alike: the values differ by no more than what ran between the two readings, and `calls` and `total_time` differ in
///   the same direction. Such a statement is counted once if most statements of the server are equal or alike.
/// - Else the two are different counters.
///
/// The series with the most samples is the one that counts. Its database is unknown.
struct StatementSeries {
  static let table = "pg_query_stats"
  /// The counters and gauges that the reads show.
  static let columns = [
    "calls", "rows", "total_time", "max_time", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied",
    "shared_blks_written", "temp_blks_read", "temp_blks_written", "wal_bytes",
  ]
  /// The columns that tell whether two series are one counter.
  static let compared = ["calls", "rows", "total_time"]
  /// The largest number of seconds between two readings of one list.
  private static let nearSeconds = 5

  let scope: ReadScope
  private static let statement = ["hash", "userid", "dbid", "toplevel"]
  /// The ids of a series on its server.
  static let keys = ["database_id"] + statement

  /// The tables `counted`, with one row for each counter, and `named`, the same with `text_id`. To be put after WITH.
  /// - Parameter servers: a relation with the ids of the servers as `id`; nil: the selected servers.
  func tables(_ columns: [String], of servers: String? = nil) -> String {
    let one = scope.ofServer("v.id")
    let statement = Self.statement.map { "s.\($0)" }.joined(separator: ", ")
    let differences = one.differences(Self.table, columns, ends: Self.compared, where: scope.isOfDatabase("t"))
    return """
      series AS MATERIALIZED (
        SELECT s.*, row_number() OVER () AS number
        FROM \(servers ?? "unnest(\(scope[.servers])) v(id)") CROSS JOIN LATERAL (
          SELECT s.*, sum(s.samples) OVER (PARTITION BY s.database_id) AS list_samples,
            count(*) OVER (PARTITION BY \(statement)) > 1 AS is_shared
          FROM \(differences) s
        ) s
      ), \(comparison), \(names)
      """
  }

  // MARK: Statements that are sent under several databases

  /// Only statements that several databases of a server have are compared; they are few if a collector sends each
  /// database's own list.
  private var comparison: String {
    let key = (["server_id"] + Self.statement).map { "s.\($0)" }.joined(separator: ", ")
    let first = ["first_time", "last_time", "calls"].map {
      "first_value(s.\($0)) OVER same AS \(quotedIdentifier("main." + $0))"
    }
    let ends = Self.compared.flatMap { name in
      ["first", "last"].map { end in
        "first_value(s.\(quotedIdentifier("\(name).\(end)"))) OVER same AS \(quotedIdentifier("main.\(name).\(end)"))"
      }
    }
    return """
      paired AS MATERIALIZED (
        SELECT s.*, row_number() OVER same AS place, \((first + ends).joined(separator: ", "))
        FROM series s WHERE s.is_shared WINDOW same AS (PARTITION BY \(key)
          ORDER BY s.samples DESC, s.list_samples DESC, s.database_id)
      ), likeness AS MATERIALIZED (
        SELECT s.*, s.place > 1 AND \(isEqual) AS is_equal, s.place > 1 AND \(isAlike) AS is_alike,
          s.place > 1 AND \(isPossible) AS is_possible
        FROM paired s
      ), voted AS (
        SELECT s.*, 2 * count(*) FILTER (WHERE s.is_equal OR s.is_alike) OVER server
            > count(*) FILTER (WHERE s.place > 1) OVER server
          AND (bool_or(s.is_equal) OVER server OR count(*) FILTER (WHERE s.is_alike) OVER server >= 5) AS is_one_list
        FROM likeness s WINDOW server AS (PARTITION BY s.server_id)
      ), judged AS (
        SELECT s.*, s.is_equal OR s.is_one_list AND (s.is_alike OR s.is_possible) AS is_repeat FROM voted s
      ), marked AS MATERIALIZED (
        SELECT s.number, s.is_repeat, bool_or(s.is_repeat) OVER (PARTITION BY \(key)) AND s.place = 1 AS is_anywhere
        FROM judged s
      ), counted AS MATERIALIZED (
        SELECT s.*, coalesce(m.is_anywhere, false) AS is_anywhere
        FROM series s LEFT JOIN marked m ON m.number = s.number WHERE m.is_repeat IS NOT TRUE
      )
      """
  }

  private static func isNear(_ end: String) -> String {
    "abs(date_part('epoch', s.\(end)_time - s.\(quotedIdentifier("main.\(end)_time")))) <= \(nearSeconds)"
  }

  private static func value(_ name: String, _ end: String) -> (own: String, main: String) {
    ("s.\(quotedIdentifier("\(name).\(end)"))", "s.\(quotedIdentifier("main.\(name).\(end)"))")
  }

  private var isEqual: String {
    let ends = ["first", "last"].map { end in
      let equal = Self.compared.map { name in
        let (own, main) = Self.value(name, end)
        return "\(own) IS NOT DISTINCT FROM \(main)"
      }
      return "(NOT \(Self.isNear(end)) OR \(equal.joined(separator: " AND ")))"
    }
    return "(\(Self.isNear("first")) OR \(Self.isNear("last"))) AND \(ends.joined(separator: " AND "))"
  }

  /// Whether `calls` and `total_time` differ in the same direction, or not at all.
  private static func isOrdered(_ end: String) -> String {
    let (calls, mainCalls) = value("calls", end)
    let (time, mainTime) = value("total_time", end)
    return """
      (\(calls) = \(mainCalls) AND \(time) = \(mainTime) OR \(calls) > \(mainCalls) AND \(time) >= \(mainTime) \
      OR \(calls) < \(mainCalls) AND \(time) <= \(mainTime))
      """
  }

  private var isAlike: String {
    let seconds = "greatest(date_part('epoch', s.\"main.last_time\" - s.\"main.first_time\"), 1)"
    let rate = "coalesce(\(finiteDouble("s.\"main.calls\"")), 0) / \(seconds)"
    let ends = ["first", "last"].map { end in
      let (calls, mainCalls) = Self.value("calls", end)
      let gap = "abs(date_part('epoch', s.\(end)_time - s.\(quotedIdentifier("main.\(end)_time"))))"
      let distance = "abs(\(calls)::float8 - \(mainCalls)::float8)"
      return """
        (NOT \(Self.isNear(end)) OR coalesce(\(Self.isOrdered(end)) AND \(distance) <= 2 + 3 * \(rate) * (1 + \(gap)), false))
        """
    }
    return "(\(Self.isNear("first")) OR \(Self.isNear("last"))) AND \(ends.joined(separator: " AND "))"
  }

  /// Whether both may be one counter that was read at different times: neither begins above the end of the other.
  private var isPossible: String {
    let calls = ["first", "last"].map { Self.value("calls", $0) }
    return """
      s.first_time < s."main.last_time" AND s.last_time > s."main.first_time" AND coalesce(\(Self.isOrdered("first")) \
      AND \(Self.isOrdered("last")) AND greatest(\(calls[0].own), \(calls[0].main)) \
      <= least(\(calls[1].own), \(calls[1].main)), false)
      """
  }

  // MARK: Texts

  /// Roll-ups have no texts. The row of a series' last sample has it: one look-up for each list.
  private var names: String {
    let same = Self.keys.map { key in
      key == "toplevel"
        ? "n.toplevel IS NOT DISTINCT FROM c.toplevel" : "coalesce(n.\(key), 0) = coalesce(c.\(key), 0)"
    }
    let columns = Self.keys.map { "t.\($0)" }.joined(separator: ", ")
    return """
      lists AS MATERIALIZED (SELECT DISTINCT server_id, last_time FROM counted
      ), names AS MATERIALIZED (
        SELECT l.server_id, l.last_time, \(columns), max(t.text_id) AS text_id
        FROM lists l CROSS JOIN LATERAL \(scope.list(Self.table, of: "l.server_id", at: "l.last_time")) t
        GROUP BY l.server_id, l.last_time, \(columns)
      ), named AS MATERIALIZED (
        SELECT c.*, n.text_id FROM counted c
        LEFT JOIN names n ON n.server_id = c.server_id AND n.last_time = c.last_time AND \(same.joined(separator: " AND "))
      )
      """
  }

  // MARK: Sums over series

  /// The sum of the increases of a column over rows `alias` of `named`, as SQL.
  static func total(_ column: String, _ alias: String) -> String {
    let name = "\(alias).\(quotedIdentifier(column))"
    guard table.metricTable.rolled(column).kind == .float8 else { return "sum(\(name))" }
    return FiniteSum(of: name, isLacking: "\(alias).\(quotedIdentifier(column + ".lacks"))").aggregate
  }

  /// The quotient of two float8 of any size. A quotient that is too small for a float8 is 0.
  static func quotient(_ dividend: String, _ divisor: String) -> String {
    """
    CASE WHEN abs(\(dividend)) < 1e-150::float8 OR abs(\(divisor)) > 1e100::float8 AND abs(\(dividend)) < 1 THEN 0 * nullif(\(divisor), 0) \
    ELSE \(finiteQuotient(dividend, "nullif(\(divisor), 0)")) END
    """
  }
}
