// One statement: its figures over time, by server and database, and compared with the stretch before the range.

import Protocol

enum OneQueryRead: Question {
  static let read = Read(
    "getQuery", "/api/v1/queries/{text_id}", about: .statement,
    summary: "One statement over time, by server and database",
    description: """
      The increases between two samples belong to the bucket of the later one. `servers` and `statement` compare the range \
      with the stretch of the same length before it.

      A collector may send one list of the whole cluster under the name of each database. Such a statement is counted \
      once, and its database is null.
      """,
    filters: [.servers, .database],
    sections: [
      ReadSection(
        "data", "The figures by bucket, server and database.", .series, from: [StatementSeries.table],
        ties: "r.server_id, r.database",
        columns: [.time("time", means: "The start of the bucket.")] + place + ReadColumn.statementFigures,
        sql: buckets),
      ReadSection(
        "servers", "The figures of the range by server and database, and those of the stretch before.", .short,
        from: [StatementSeries.table], ties: "r.total_time DESC NULLS LAST, r.server_id, r.database",
        columns: place + ReadColumn.statementFigures + earlier + [
          .flag("is_new", means: "Whether the statement appeared in the range."),
          .count("samples", means: "Samples; with one sample there is no increase."),
        ],
        sql: { servers($0) }),
      ReadSection(
        "statement", "The statement, with its figures of all selected servers.", .short, from: [StatementSeries.table],
        ties: "r.text_id",
        columns: [
          .text("text", means: "The normalised statement; null if it is not stored any more."),
          .identifier("text_id", means: "The id in the path."),
        ] + ReadColumn.statementFigures + earlier + [
          .count("servers", means: "Servers that sent the statement in the range.")
        ],
        sql: statement),
    ])

  private static let place: [ReadColumn] = [
    .count("server_id", means: "The server."),
    .text("server", means: "The server's name."),
    .text("database", means: "The database; null if the collector sends one list for all databases."),
  ]

  private static let earlier: [ReadColumn] = [
    .total("calls_before", means: "Executions in the stretch of the same length before the range."),
    .real("total_time_before", "milliseconds", means: "Time spent executing in that stretch."),
    .real("mean_time_before", "milliseconds", means: "Time of an execution in that stretch."),
  ]

  /// The servers that have the text, as a relation.
  private static func holders(_ scope: ReadScope) -> String {
    """
    (SELECT x.server_id AS id FROM pganalytics.texts x
      WHERE x.server_id = ANY (\(scope[.servers])) AND x.text_id = \(scope[.statement])) v
    """
  }

  private static func isSame(_ left: String, _ right: String) -> String {
    (["server_id"] + StatementSeries.keys).map { key in
      switch key {
      case "server_id": "\(left).server_id = \(right).server_id"
      case "toplevel": "\(left).toplevel IS NOT DISTINCT FROM \(right).toplevel"
      default: "coalesce(\(left).\(key), 0) = coalesce(\(right).\(key), 0)"
      }
    }.joined(separator: " AND ")
  }

  private static func buckets(_ scope: ReadScope) -> String {
    let table = StatementSeries.table.metricTable
    let counters = StatementSeries.columns.map(table.rolled).filter { $0.meaning == .counter }
    let sums = counters.flatMap { column in
      func named(_ expression: String, _ part: String) -> String {
        "\(expression) AS \(quotedIdentifier(column.name + part))"
      }
      let increase = CounterIncrease(column)
      let first = "t.\(quotedIdentifier(column.name + ".first"))"
      let base =
        column.kind == .float8
        ? FiniteSum(of: "CASE WHEN t.is_base THEN \(first) END").aggregate : "sum(\(first)) FILTER (WHERE t.is_base)"
      return [named(increase.sum, ".sum"), named(base, ".first")]
        + (column.kind == .float8 ? [named(increase.isLacking, ".lacks")] : [])
    }
    let increases = counters.map { scope.counted($0, isNew: "true") }.joined(separator: ", ")
    return """
      WITH \(StatementSeries(scope: scope).tables(StatementSeries.compared, of: holders(scope))),
      chosen AS MATERIALIZED (SELECT * FROM named n WHERE n.text_id = \(scope[.statement])),
      pieces AS (
        SELECT t.*, \(scope.bucket(of: "t.time")) AS bucket, c.is_anywhere, c.is_new AND t.time_before IS NULL AS is_base
        FROM (
          SELECT t.* FROM (SELECT DISTINCT n.server_id, n.hash FROM chosen n) v CROSS JOIN LATERAL (
            SELECT * FROM \(scope.ofServer("v.server_id").linked(StatementSeries.table, StatementSeries.columns)) t
            WHERE t.hash = v.hash OFFSET 0
          ) t
        ) t JOIN chosen c ON \(isSame("c", "t"))
      ), sums AS (
        SELECT t.bucket, t.server_id, CASE WHEN NOT t.is_anywhere THEN t.database_id END AS database_id,
          \(sums.joined(separator: ",\n    ")),
          max(t."max_time.max") AS max_time, min(t.first_time) AS data_from, max(t.last_time) AS data_until,
          max(t.source) AS source
        FROM pieces t GROUP BY 1, 2, 3
      ), figures AS (SELECT t.*, \(increases) FROM sums t)
      SELECT f.bucket AS time, \(place("f")), \(StatementFigures.expressions("f").joined(separator: ", ")),
        f.data_from, f.data_until, f.source
      FROM figures f
      """
  }

  private static func place(_ alias: String) -> String {
    """
    \(alias).server_id::int8 AS server_id, (SELECT v.name FROM pganalytics.servers v WHERE v.id = \(alias).server_id) AS server,
      (SELECT x.value FROM pganalytics.texts x WHERE x.server_id = \(alias).server_id AND x.text_id = \(alias).database_id) AS database
    """
  }

  /// The increases of the range and of the stretch before it, by counter.
  private static func compared(_ scope: ReadScope) -> String {
    let earlier = scope.ofServer("v.server_id").differences(
      StatementSeries.table, ["calls", "total_time"], .before, where: scope.isOfDatabase("t"))
    return """
      WITH \(StatementSeries(scope: scope).tables(StatementSeries.columns, of: holders(scope))),
      earlier AS MATERIALIZED (
        SELECT e.* FROM (SELECT DISTINCT n.server_id FROM named n WHERE n.text_id = \(scope[.statement])) v
        CROSS JOIN LATERAL \(earlier) e
      ), figures AS MATERIALIZED (
        SELECT n.*, e.calls AS calls_before, e.total_time AS total_time_before,
          coalesce(e."total_time.lacks", false) AS "total_time_before.lacks"
        FROM named n LEFT JOIN earlier e ON \(isSame("e", "n"))
        WHERE n.text_id = \(scope[.statement])
      )
      """
  }

  private static let sumsBefore = [
    "sum(b.calls_before) AS calls_before",
    FiniteSum(of: "b.total_time_before", isLacking: "b.\"total_time_before.lacks\"").aggregate
      + " AS total_time_before",
  ]

  private static func before(_ alias: String) -> String {
    let mean = StatementSeries.quotient("\(alias).total_time_before", finiteDouble("\(alias).calls_before"))
    return "\(alias).calls_before, \(alias).total_time_before, \(mean) AS mean_time_before"
  }

  private static func servers(_ scope: ReadScope) -> String {
    """
    \(compared(scope)), places AS (
      SELECT b.server_id, CASE WHEN NOT b.is_anywhere THEN b.database_id END AS database_id,
        \((StatementFigures.sums("b") + sumsBefore).joined(separator: ",\n    ")),
        bool_and(b.is_new) AS is_new, sum(b.samples)::int8 AS samples,
        min(b.first_time) AS data_from, max(b.last_time) AS data_until, max(b.source) AS source
      FROM figures b GROUP BY 1, 2
    )
    SELECT \(place("p")), \(StatementFigures.expressions("p").joined(separator: ", ")), \(before("p")), p.is_new, p.samples,
      p.data_from, p.data_until, p.source
    FROM places p
    """
  }

  private static func statement(_ scope: ReadScope) -> String {
    """
    \(compared(scope)), whole AS (
      SELECT \((StatementFigures.sums("b") + sumsBefore).joined(separator: ",\n    ")),
        count(DISTINCT b.server_id) AS servers, min(b.first_time) AS data_from, max(b.last_time) AS data_until,
        max(b.source) AS source
      FROM figures b
    )
    SELECT (SELECT x.value FROM pganalytics.texts x
        WHERE x.server_id = ANY (\(scope[.servers])) AND x.text_id = \(scope[.statement]) LIMIT 1) AS text,
      \(scope[.statement])::int8 AS text_id, \(StatementFigures.expressions("w").joined(separator: ", ")), \(before("w")),
      w.servers, w.data_from, w.data_until, w.source
    FROM whole w
    """
  }
}
