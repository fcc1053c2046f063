// Differences of counters: how much each counter of each series grew in the range.

import Protocol

/// The stretch of time that a source covers.
enum ReadSpan {
  /// The range of the request.
  case range
  /// The stretch of the same length that ends where the range begins.
  case before
}

extension MetricTable {
  /// The most entries of one list that the collector sends; nil if the rows of the table are not a list that is cut off.
  var listCap: Int? { ["pg_query_stats", "pg_stats_tables", "pg_stats_indexes"].contains(name) ? 100 : nil }

  /// The number of entries of the list that a row stands for, as SQL over `alias`.
  fileprivate func entries(_ alias: String) -> String {
    addedUpCount.map { "coalesce(\(alias).\(quotedIdentifier($0.name)), 1)" } ?? "1"
  }
}

extension ReadScope {
  /// `parts`, each together with what the piece before it in its series has: `"calls.before"` is the last value of that
  /// piece, and `time_before` its last time. `time_after` is NULL in the last piece of a series. `is_comparable` is false
  /// if the two pieces have different numbers of added-up rows.
  func linked(_ table: String, _ columns: [String], _ span: ReadSpan = .range) -> String {
    let added = table.metricTable.addedUpCount.map { [$0.name] } ?? []
    return linked(table, columns, pieces: parts(table, columns + added, span))
  }

  private func linked(_ table: String, _ columns: [String], pieces: String) -> String {
    let declared = table.metricTable
    let added = declared.addedUpCount.map { quotedIdentifier(RollupPart.first.name(of: $0)) }
    let last = declared.addedUpCount.map { quotedIdentifier(RollupPart.last.name(of: $0)) }
    let counters = columns.filter { declared.rolled($0).meaning == .counter }
    let before = counters.map {
      ", lag(t.\(quotedIdentifier($0 + ".last"))) OVER series AS \(quotedIdentifier($0 + ".before"))"
    }
    let isComparable =
      if let added, let last { "coalesce(t.\(added), 1) = coalesce(lag(t.\(last)) OVER series, 1)" } else { "true" }
    // Rows of one time need an order. Roll-ups of five minutes have the same: by the numbers, in the order of the table.
    let ties = counters.map { ", t.\(quotedIdentifier($0 + ".first"))" }.joined()
    // PostgreSQL takes a row apart from its first column to the one that it needs, once for each window function. The
    // values that these need are first in its rows if the functions are first in the list.
    return """
      (SELECT \(isComparable) AS is_comparable\(before.joined()), lag(t.last_time) OVER series AS time_before,
        lead(t.first_time) OVER series AS time_after, t.*
      FROM \(pieces) t
      WINDOW series AS (PARTITION BY \(Self.keys(declared).joined(separator: ", ")) ORDER BY t.time\(ties)))
      """
  }

  /// The increase of each counter of each series. A relation with `server_id`, the ids of the series, `first_time`,
  /// `last_time`, `source`, `samples`, `is_new`, and of each counter `"calls"` the increase and `"calls.first"`, the base
  /// line. Of a float8 there is also `"total_time.lacks"`: whether no double can hold the increase. Of each gauge there
  /// is `"max_time.max"`.
  ///
  /// The first value of a series is the base line. A series is new if the list before its first sample is in the range
  /// too and was complete; its counters then count from zero.
  ///
  /// - Parameters:
  ///   - columns: counters and gauges. The first one decides how many samples there are.
  ///   - ends: counters of which there is also the last value, as `"calls.last"`.
  ///   - condition: a further condition over the pieces `t`.
  func differences(
    _ table: String, _ columns: [String], ends: [String] = [], _ span: ReadSpan = .range, where condition: String? = nil
  ) -> String {
    let declared = table.metricTable
    let keys = Self.keys(declared).joined(separator: ", ")
    let chosen = columns.map(declared.rolled)
    var values: [String] = []
    for column in chosen {
      func value(_ part: RollupPart) -> String { "t.\(quotedIdentifier(part.name(of: column)))" }
      func named(_ expression: String, _ part: String) -> String {
        "\(expression) AS \(quotedIdentifier(column.name + part))"
      }
      if column.meaning == .counter {
        let increase = CounterIncrease(column)
        values.append(named(increase.sum, ".sum"))
        values.append(named("max(\(value(.first))) FILTER (WHERE t.time_before IS NULL)", ".first"))
        if ends.contains(column.name) {
          values.append(named("max(\(value(.last))) FILTER (WHERE t.time_after IS NULL)", ".last"))
        }
        if column.kind == .float8 { values.append(named(increase.isLacking, ".lacks")) }
      } else {
        values.append(named("max(\(value(.max)))", ".max"))
      }
    }
    let entries = declared.addedUpCount.map { "coalesce(max(t.\(quotedIdentifier($0.name + ".max"))), 1)" } ?? "1"
    let samples = "coalesce(sum(t.\(quotedIdentifier(columns[0] + ".count"))), 0)::int8"
    let series = """
      SELECT \(keys), min(t.first_time) AS first_time, max(t.last_time) AS last_time, max(t.source) AS source,
        \(samples) AS samples, \(entries) AS entries, \(values.joined(separator: ",\n  "))
      FROM \(declared.tellsBreaks ? linkedRuns(table, columns, span) : linked(table, columns, span)) t\(condition.map { "\nWHERE \($0)" } ?? "")
      GROUP BY \(keys)
      """
    let increases = chosen.filter { $0.meaning == .counter }.map { ", \(counted($0, isNew: "t.is_new"))" }.joined()
    return """
      (WITH series AS MATERIALIZED (
      \(series)
      ), \(listed(declared, span))
      SELECT t.*\(increases)
      FROM judged t)
      """
  }

  /// `linked` over `runs`, with the parts that `differences` needs.
  private func linkedRuns(_ table: String, _ columns: [String], _ span: ReadSpan) -> String {
    let declared = table.metricTable
    var values: [(column: MetricColumn, part: RollupPart)] = [(declared.rolled(columns[0]), .count)]
    for column in columns.map(declared.rolled) {
      let parts: [RollupPart] = column.meaning == .counter ? [.first, .last, .increase, .elapsed] : [.max]
      values += parts.map { (column, $0) }
    }
    if let added = declared.addedUpCount { values += [.first, .last, .max].map { (added, $0) } }
    return linked(table, columns, pieces: runs(table, values, span))
  }

  /// Which series are new. The list before the first sample is complete if all entries of the range together are fewer
  /// than the collector sends at most; else the list itself is counted.
  private func listed(_ table: MetricTable, _ span: ReadSpan) -> String {
    guard let cap = table.listCap else { return "judged AS (SELECT s.*, false AS is_new FROM series s)" }
    let (from, _) = ends(span)
    let key = "server_id\(table.hasDatabase ? ", t.database_id" : "")"
    func isSame(_ left: String, _ right: String) -> String {
      "\(left).server_id = \(right).server_id"
        + (table.hasDatabase ? " AND coalesce(\(left).database_id, 0) = coalesce(\(right).database_id, 0)" : "")
    }
    return """
      listed AS MATERIALIZED (
        SELECT t.*, t.first_time > min(t.first_time) OVER list AS is_later, sum(t.entries) OVER list < \(cap) AS is_short
        FROM series t WINDOW list AS (PARTITION BY t.\(key))
      ), doubtful AS MATERIALIZED (
        SELECT DISTINCT t.\(key), t.first_time FROM listed t WHERE t.is_later AND NOT t.is_short
      ), complete AS MATERIALIZED (
        SELECT d.* FROM doubtful d CROSS JOIN LATERAL (
          SELECT p.time FROM \(table.qualifiedName) p
          WHERE \(isSame("p", "d")) AND p.time >= \(from) AND p.time < d.first_time ORDER BY p.time DESC LIMIT 1
        ) b CROSS JOIN LATERAL (
          SELECT sum(\(table.entries("r"))) AS entries FROM \(list(table.name, of: "d.server_id", at: "b.time")) r
          WHERE \(isSame("r", "d"))
        ) l WHERE l.entries < \(cap)
      ), judged AS (
        SELECT t.*, t.is_later AND (t.is_short OR c.server_id IS NOT NULL) AS is_new
        FROM listed t LEFT JOIN complete c ON \(isSame("c", "t")) AND c.first_time = t.first_time
      )
      """
  }

  /// The stored rows of a server at one time, found by the index: for LATERAL. - Parameters: `server`, `time`: expressions
  /// over the relations before it.
  func list(_ table: String, of server: String, at time: String) -> String {
    "(SELECT t.* FROM \(table.metricTable.qualifiedName) t WHERE t.server_id = \(server) AND t.time = \(time) OFFSET 0)"
  }

  /// The increase of a column in rows `t` with `"calls.sum"` and `"calls.first"`: from zero where `isNew`.
  func counted(_ column: MetricColumn, isNew: String) -> String {
    let (sum, first) = (quotedIdentifier(column.name + ".sum"), quotedIdentifier(column.name + ".first"))
    let name = quotedIdentifier(column.name)
    if column.kind != .float8 {
      return
        "CASE WHEN \(isNew) AND t.\(first) IS NOT NULL THEN coalesce(t.\(sum), 0) + t.\(first) ELSE t.\(sum) END AS \(name)"
    }
    let isOrdinary = FiniteSum.isOrdinary(["coalesce(t.\(sum), 0)", "t.\(first)"])
    return """
      CASE WHEN t.\(quotedIdentifier(column.name + ".lacks")) THEN NULL WHEN \(isNew) AND t.\(first) IS NOT NULL THEN \
      pganalytics.total(CASE WHEN \(isOrdinary) THEN coalesce(t.\(sum), 0) + t.\(first) END, \
      CASE WHEN NOT (\(isOrdinary)) THEN \(FiniteSum.scaled("coalesce(t.\(sum), 0)")) + \(FiniteSum.scaled("t.\(first)")) END) \
      ELSE t.\(sum) END AS \(name)
      """
  }

  /// The columns that identify a series, over `t`. The first one differs most, so that a sort seldom compares the others.
  static func keys(_ table: MetricTable) -> [String] {
    let distinct = table.identityColumns.filter { ["hash", "object_id"].contains($0) }
    let others = table.identityColumns.filter { !distinct.contains($0) }
    return (distinct + others + ["server_id"]).map { "t.\(quotedIdentifier($0))" }
  }
}

extension MetricTable {
  /// The column with this name, which must be a counter or a gauge. Another name ends the process.
  func rolled(_ column: String) -> MetricColumn {
    guard let found = rolledColumns.first(where: { $0.name == column }) else {
      preconditionFailure("\(name) has no number \(column)")
    }
    return found
  }
}
