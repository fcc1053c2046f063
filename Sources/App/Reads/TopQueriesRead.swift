// The statements that take the most of a server, of servers by label, or of the fleet.

import Protocol

enum TopQueriesRead: Question {
  static let read = Read(
    "listTopQueries", "/api/v1/queries", about: .fleet, command: "queries top",
    summary: "Statements of all selected servers, by what they cost",
    description: """
      Statements of different servers are the same if their texts are equal. A statement whose text is not stored any \
      more is one of its own for each hash.

      A collector may send one list of the whole cluster under the name of each database. Such a statement is counted \
      once, and its database is unknown.
      """,
    filters: [.servers, .database, .words],
    sections: [
      ReadSection(
        "data", "One row for each statement.", .list(by: "-total_time"), from: [StatementSeries.table],
        ties: "r.text_id, r.hash",
        columns: [
          .text("text", means: "The normalised statement; null if it is not stored any more.")
            .looked(up: { $0.text("r.text_id", of: "r") }),
          .identifier("text_id", means: "Names the statement in the path of the read of one statement."),
          .identifier(
            "hash", means: "The statement's hash (queryid); null if servers or databases have different ones."),
        ] + ReadColumn.statementFigures + [
          .real(
            "share",
            means: "The part of total_time of all selected statements, from 0 to 1; `q` does not change the whole."
          ).sorted,
          .count("servers", means: "Servers that sent the statement.").sorted,
          .count(
            "databases",
            means: "Databases that sent the statement, over all servers; null if a collector sends one list for all."
          ).sorted,
          .flag("is_new", means: "Whether the statement appeared in the range, on every server that has it."),
          .count("samples", means: "Samples; with one sample there is no increase.").sorted,
        ],
        sql: sql)
    ])

  private static func sql(_ scope: ReadScope) -> String {
    """
    WITH \(StatementSeries(scope: scope).tables(StatementSeries.columns)),
    statements AS MATERIALIZED (
      SELECT c.text_id, CASE WHEN min(c.hash) = max(c.hash) THEN min(c.hash) END AS hash, min(c.server_id) AS server_id,
        \(StatementFigures.sums("c").joined(separator: ",\n    ")), bool_or(c."total_time.lacks") AS lacks,
        count(DISTINCT c.server_id) AS servers,
        CASE WHEN NOT bool_or(c.is_anywhere) THEN count(DISTINCT (c.server_id, c.database_id)) END AS databases,
        bool_and(c.is_new) AS is_new, sum(c.samples)::int8 AS samples,
        min(c.first_time) AS data_from, max(c.last_time) AS data_until, max(c.source) AS source
      FROM named c
      GROUP BY c.text_id, CASE WHEN c.text_id IS NULL THEN c.hash END
    ), shared AS (
      SELECT s.*, (SELECT \(FiniteSum(of: "w.total_time", isLacking: "w.lacks").aggregate) FROM statements w) AS whole
      FROM statements s
    )
    SELECT s.server_id, s.text_id, s.hash, \(StatementFigures.expressions("s").joined(separator: ", ")),
      \(StatementSeries.quotient("s.total_time", "s.whole")) AS share, s.servers, s.databases, s.is_new, s.samples,
      s.data_from, s.data_until, s.source
    FROM shared s
    WHERE \(scope[.words])::text IS NULL
      OR position(lower(\(scope[.words])) IN lower(\(scope.text("s.text_id", of: "s")))) > 0
    """
  }
}
