// Changes of schemas: what appeared, vanished or changed between two lists of a database.

import Protocol

enum ChangesRead: Question {
  private static let kinds = ["table", "column", "constraint", "foreign_key", "index", "trigger", "extension"]

  static let read = Read(
    "getServerChanges", "/api/v1/servers/{id:int}/changes", about: .server,
    summary: "Tables, columns, constraints, keys, indexes, triggers and extensions that appeared, vanished or changed.",
    description: """
      Each change lies between two lists: `time` is the time of the list that shows it, and `since` the time of the list before \
      it. The first list in the range is the base line. A renamed object vanishes under one name and appears under another.

      An empty list of tables, columns or extensions is no list: the collector sends it for a database that it cannot reach. The \
      other lists may be empty if the list of tables of the same time is not, unless the list of constraints names a constraint \
      that the empty list would have to have.

      Of a database without lists of `pg_schema`, tables and indexes are compared by the lists of `pg_stats`; so are the indexes \
      of a database without definitions of indexes (the collector cannot read them on PostgreSQL 15 and later). Those lists \
      have at most 100 entries: an object that is missing in a full list has not vanished, and one that was missing in a full \
      list has not appeared.
      """,
    span: .seconds(86_400), filters: [.database],
    parameters: [ReadParameter("kind", .choice(of: kinds), "Of this kind only.")],
    sections: [changes])

  private static let changes = ReadSection(
    "data", "The changes.", .list(by: "-time"), from: SchemaObjects.all.map(\.table) + ["pg_stats"],
    ties: "r.database, r.kind, r.object, r.change",
    columns: [
      .time("time", means: "The time of the list that shows the change.").sorted,
      .time("since", means: "The time of the list before it."),
      .text("change", means: "What happened.", of: ["appeared", "vanished", "changed"]).sorted,
      .text("kind", means: "What it happened to.", of: kinds).sorted,
      .text("database", means: "The object's database.").sorted,
      .text("object", means: "The object's name, with its schema and table.").sorted,
      .text("before", means: "The object as it was; null if it appeared, or if the list has only names."),
      .text("after", means: "The object as it is since; null if it vanished, or if the list has only names."),
    ]
  ) { scope in
    let objects = SchemaObjects.all
    let cases = { (time: String) in
      objects.compactMap { objects in
        objects.description.map { description in
          """
          WHEN '\(objects.table)' THEN (SELECT string_agg(DISTINCT \(description(scope)), '; ')
            FROM \(scope.rows(objects.table)) d
            WHERE d.object_id = c.object_id AND d.database_id = c.database_id AND d.time = c.\(time))
          """
        }
      }.joined(separator: "\n")
    }
    return """
      WITH \(objects.map { $0.steps(scope) }.joined(separator: ",\n"))
      SELECT c.time, c.since, c.change, c.kind, \(scope.text("c.database_id", of: "c")) AS database,
        (SELECT o.name FROM pganalytics.objects o WHERE o.server_id = c.server_id AND o.object_id = c.object_id) AS object,
        CASE c.source \(cases("before_time")) END AS before, CASE c.source \(cases("after_time")) END AS after,
        c.since AS data_from, c.time AS data_until
      FROM (
      \(objects.map(\.changes).joined(separator: "\nUNION ALL\n"))
      ) c
      WHERE \(scope["kind"]) IS NULL OR c.kind = \(scope["kind"])
      """
  }
}
