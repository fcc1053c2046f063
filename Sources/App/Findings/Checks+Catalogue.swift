// Checks of definitions: the catalogue of each database, and the versions of extensions across the fleet.

extension Checks {
  static let catalogue = [schemaChange, outdatedExtension]

  /// The lists of one kind are compared only if both have rows: an empty list is what the collector sends if it cannot
  /// read the kind.
  private static let schemaChange = Check(
    "schema_change", "Change of the catalogue", .warning, every: .seconds(900),
    reads: kinds.map(\.table) + ["pg_stats"],
    thresholds: [
      .init("minutes", 60, "minutes", in: 1...1380, "The time over which the catalogue is compared.")
    ],
    ends: "The finding of a database ends when its catalogue is the one of `minutes` before.",
    advice: "Look whether the change was meant: a release, a migration, or a person.",
    look: "servers/{id}/changes",
    sql: """
      WITH \(CheckSource.databases("db")),
      \(CheckSource.newest("newest", "pg_schema_tables")),
      now_list AS MATERIALIZED (
        SELECT DISTINCT n.server_id, t.database_id, n.time
        FROM newest n JOIN pganalytics.objects o ON o.server_id = n.server_id AND o.kind = 'pg_schema_tables'
        \(CheckSource.rows("pg_schema_tables", "r.database_id", at: "n.time", CheckSource.isRecent("r"))) t),
      -- The last list of then, which may be a day older; a server without one is compared with its first list.
      past_list AS MATERIALIZED (
        SELECT l.server_id, l.database_id, coalesce(max(p.time), min(f.time)) AS time
        FROM now_list l JOIN pganalytics.objects o ON o.server_id = l.server_id AND o.kind = 'pg_schema_tables'
        LEFT JOIN LATERAL (
          SELECT t.time FROM metrics.pg_schema_tables t
          WHERE t.server_id = l.server_id AND t.object_id = o.object_id AND t.database_id IS NOT DISTINCT FROM l.database_id
            AND t.time <= $2 - $3[1] * interval '1 minute' AND t.time < l.time AND t.time > $2 - interval '2 days'
          ORDER BY t.time DESC LIMIT 1) p ON true
        LEFT JOIN LATERAL (
          SELECT t.time FROM metrics.pg_schema_tables t
          WHERE t.server_id = l.server_id AND t.object_id = o.object_id AND t.database_id IS NOT DISTINCT FROM l.database_id
            AND t.time > $2 - $3[1] * interval '1 minute' AND t.time < l.time
          ORDER BY t.time LIMIT 1) f ON true
        GROUP BY l.server_id, l.database_id
        HAVING coalesce(max(p.time), min(f.time)) IS NOT NULL),
      \(facts("now", of: "now_list", CheckSource.isRecent("r"))),
      \(facts("past", of: "past_list", "r.time > $2 - interval '2 days' AND r.time <= $2")),
      compared AS (SELECT server_id, database_id, kind FROM now INTERSECT SELECT server_id, database_id, kind FROM past),
      change AS (
        SELECT d.server_id, d.database_id, d.kind, d.object_id,
          CASE WHEN bool_and(is_now) THEN 'new' WHEN bool_or(is_now) THEN 'changed' ELSE 'vanished' END AS how
        FROM (
          SELECT server_id, database_id, kind, object_id, n.is_there IS NOT NULL AS is_now
          FROM (SELECT *, true AS is_there FROM now) n
          FULL JOIN (SELECT *, true AS is_there FROM past) p
            USING (server_id, database_id, kind, object_id, facts)
          WHERE n.is_there IS NULL OR p.is_there IS NULL) d
        JOIN compared USING (server_id, database_id, kind)
        GROUP BY d.server_id, d.database_id, d.kind, d.object_id),
      named AS (
        SELECT c.*, o.name, k.noun,
          row_number() OVER (PARTITION BY c.server_id, c.database_id ORDER BY k.place, o.name) AS place
        FROM change c
        JOIN pganalytics.objects o ON o.server_id = c.server_id AND o.object_id = c.object_id
        JOIN (VALUES \(nouns)) AS k(kind, noun, place) ON k.kind = c.kind),
      r AS (
        SELECT server_id, database_id, count(*) AS changes,
          min(format('%s %s %s', how, noun, name)) FILTER (WHERE place = 1) AS first,
          jsonb_agg(jsonb_build_object('change', how, 'kind', noun, 'name', name) ORDER BY place)
            FILTER (WHERE place <= 50) AS list
        FROM named GROUP BY server_id, database_id)
      SELECT l.server_id, coalesce(d.value, '') AS subject, coalesce(r.changes, 0) AS value, 1 AS threshold,
        r.changes > 0 AS opens, r.changes > 0 AS holds,
        format('the catalogue of database %s changed: %s%s', d.value, r.first,
          CASE WHEN r.changes > 1 THEN format(', and %s more', r.changes - 1) ELSE '' END) AS message,
        jsonb_build_object('changes', r.list) AS details
      FROM past_list l
      LEFT JOIN r ON r.server_id = l.server_id AND r.database_id IS NOT DISTINCT FROM l.database_id
      LEFT JOIN pganalytics.texts d ON d.server_id = l.server_id AND d.text_id = l.database_id
      UNION ALL
      \(CheckSource.markers(CheckSource.reachable("past_list", "db")))
      """)

  /// The tables of the catalogue, what a row of each is called, and the facts that make a row another one.
  private static let kinds: [(table: String, noun: String, facts: String)] = [
    ("pg_schema_tables", "table", "t.type"),
    (
      "pg_schema_columns", "column",
      "concat_ws('|', t.data_type, t.is_nullable, t.default_id, t.max_length, t.numeric_precision, t.numeric_scale)"
    ),
    ("pg_schema_constraints", "constraint", "concat_ws('|', t.type, t.columns_id)"),
    (
      "pg_schema_foreign_keys", "foreign key of column",
      """
      concat_ws('|', t.referenced_schema_id, t.referenced_table_id, t.referenced_column_id, t.update_rule,
        t.delete_rule)
      """
    ),
    ("pg_schema_indexes", "index", "t.definition_id::text"),
    ("pg_schema_triggers", "trigger", "concat_ws('|', t.event, t.timing, t.orientation, t.statement_id)"),
  ]

  private static let nouns = kinds.enumerated().map { "('\($1.table)', '\($1.noun)', \($0))" }.joined(separator: ", ")

  /// The rows of all kinds at the times of `list`, as the expression `name`.
  private static func facts(_ name: String, of list: String, _ bounds: String) -> String {
    let parts = kinds.map {
      """
      SELECT l.server_id, l.database_id, '\($0.table)' AS kind, t.object_id, coalesce(\($0.facts), '') AS facts
      FROM \(list) l
      JOIN pganalytics.objects o ON o.server_id = l.server_id AND o.kind = '\($0.table)'
      \(CheckSource.rows(
        $0.table, "r.*", at: "l.time", "r.database_id IS NOT DISTINCT FROM l.database_id AND \(bounds)")) t
      """
    }
    return "\(name) AS MATERIALIZED (\n\(parts.joined(separator: "\nUNION ALL\n")))"
  }

  /// Reads the extensions of all servers, because one of them may have the newest version.
  private static let outdatedExtension = Check(
    "extension_out_of_date", "Extension older than elsewhere", .warning, every: .seconds(3600),
    reads: ["pg_extensions", "pg_stats"],
    thresholds: [
      .init(
        "hours", 24, "hours", in: 1...168, "The versions that other servers had in this time are compared.")
    ],
    ends: "The finding of an extension ends when no other server has a newer version, or when it is dropped.",
    advice: """
      Install the newer package on the host, and run ALTER EXTENSION … UPDATE in the database. Servers of different \
      major versions of PostgreSQL have different versions of its own extensions: silence these by label.
      """,
    look: "servers/{id}/overview",
    sql: """
      WITH \(CheckSource.databases("db")),
      \(CheckSource.newest("newest", "pg_extensions")),
      r AS MATERIALIZED (
        SELECT n.server_id, e.database_id, o.name, o.object_id, e.version, \(number("e.version")) AS number
        FROM newest n
        JOIN pganalytics.objects o ON o.server_id = n.server_id AND o.kind = 'pg_extensions'
        \(CheckSource.rows("pg_extensions", "r.*", at: "n.time", CheckSource.isRecent("r"))) e),
      -- An extension has the same id on every server.
      fleet AS MATERIALIZED (
        SELECT DISTINCT ON (object_id) * FROM (
          SELECT x.object_id, e.version, s.id AS server_id, \(number("e.version")) AS number
          FROM (SELECT DISTINCT object_id FROM r) x CROSS JOIN pganalytics.servers s
          CROSS JOIN LATERAL (
            SELECT e.version FROM metrics.pg_extensions e
            WHERE e.server_id = s.id AND e.object_id = x.object_id AND e.time > $2 - $3[1] * interval '1 hour'
              AND e.time <= $2
            ORDER BY e.time DESC LIMIT 1) e) v
        ORDER BY object_id, number DESC NULLS LAST),
      list AS MATERIALIZED (SELECT server_id FROM \(CheckSource.reachable("newest", "db")))
      \(CheckSource.decisive(
        """
        SELECT r.server_id, \(CheckSource.objectSubject) AS subject, NULL::float8 AS value, NULL::float8 AS threshold,
            r.number < f.number AS opens, r.number < f.number AS holds,
            format('extension %s of database %s has version %s; another server has %s', r.name, d.value, r.version,
              f.version) AS message,
            jsonb_build_object('version', r.version, 'newest_version', f.version, 'newest_server_id', f.server_id)
              AS details
          FROM r JOIN fleet f ON f.object_id = r.object_id \(CheckSource.databaseName)
        """, list: "list"))
      """)

  /// The numbers that a version begins with, as an array, which PostgreSQL compares number by number; NULL if there is
  /// none. `1.10` is newer than `1.9`.
  private static func number(_ version: String) -> String {
    "string_to_array(substring(\(version) from '^[0-9]{1,9}(?:[.][0-9]{1,9}){0,5}'), '.')::int4[]"
  }
}
