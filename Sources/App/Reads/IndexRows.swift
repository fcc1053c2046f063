// The statement of the section `data` of the read of indexes. Three lists name indexes: `pg_stats` has their sizes,
// `pg_schema` their definitions, `pg_bloat` neither but their use. An index has another object id in each of them, so the
// lists are joined by names.

struct IndexRows {
  private let scope: ReadScope

  init(_ scope: ReadScope) { self.scope = scope }

  /// A size as PostgreSQL prints it, such as `16 kB`, in bytes; NULL for another text. - Parameter text: SQL.
  static func bytes(_ text: String) -> String {
    "CASE WHEN \(text) ~ '^[0-9]{1,9} (bytes|kB|MB|GB|TB)$' THEN pg_size_bytes(\(text)) END"
  }

  /// A definition as PostgreSQL prints it. The parts are UNIQUE, method, columns, included columns, NULLS NOT DISTINCT,
  /// and predicate. The columns are the shortest text that leaves a valid rest.
  private static let definition = #"""
    ^CREATE (UNIQUE )?INDEX .* ON .* USING ([a-z_0-9]+) \((.*?)\)(?: INCLUDE \((.*?)\))?( NULLS NOT DISTINCT)?\#
    (?: WITH \([^)]*\))?(?: TABLESPACE (?:"[^"]*"|[^ "]+))?(?: WHERE (.*))?$
    """#

  private static let key = #"server_id, database_id, schema, "table", name"#

  var sql: String {
    """
    WITH used AS (\(used)),
    listed AS (\(listed)),
    full_lists AS (
      SELECT server_id, database_id FROM \(scope.latest("pg_stats_indexes")) t GROUP BY 1, 2 HAVING count(*) >= 100
      EXCEPT SELECT server_id, database_id FROM \(scope.latest("pg_schema_indexes")) t
    ),
    known AS (
      SELECT \(Self.key), max(size_bytes) AS size_bytes, max(scans) AS scans, max(definition_id) AS definition_id,
        bool_or(is_unique) AS is_unique, bool_or(is_primary) AS is_primary, max(time) AS time
      FROM (
        SELECT * FROM listed
        UNION ALL
        SELECT \(Self.key), NULL, NULL, NULL, NULL, NULL, NULL FROM used JOIN full_lists USING (server_id, database_id)
        WHERE is_capped
      ) all_lists
      GROUP BY \(Self.key)
    ),
    defined AS (\(defined)),
    judged AS (
      SELECT d.*, CASE WHEN u.samples > 1 THEN u.growth END AS scans_in_range,
        CASE WHEN u.samples > 1 AND u.growth = 0 THEN u.first_time END AS unused_since, coalesce(u.samples, 0) AS samples,
        c.name AS covered_by, c.coverage, coalesce(u.first_time, d.time) AS data_from,
        coalesce(u.last_time, d.time) AS data_until, u.source
      FROM defined d
      LEFT JOIN used u USING (\(Self.key))
      LEFT JOIN LATERAL (\(covering)) c ON true
    )
    SELECT \(scope.text("j.database_id", of: "j")) AS database, j.schema, j."table", j.name, j.size_bytes, j.scans,
      j.scans_in_range, j.unused_since, j.samples, j.is_unique, j.is_primary, j.definition, j.covered_by, j.coverage,
      CASE WHEN j.is_unique IS NOT TRUE AND (j.unused_since IS NOT NULL OR j.covered_by IS NOT NULL)
        THEN j.size_bytes END AS bytes_to_win,
      j.data_from, j.data_until, j.source
    FROM judged j
    WHERE (\(scope["unused"]) IS NULL OR \(scope["unused"]) = (j.unused_since IS NOT NULL))
      AND (\(scope["covered"]) IS NULL OR \(scope["covered"]) = (j.covered_by IS NOT NULL))
    """
  }

  /// The use of each index in the range, by any list.
  private var used: String {
    let lists = ["pg_stats_indexes", "pg_schema_indexes", "pg_bloat_indexes"].map { list in
      """
      SELECT t.server_id, t.database_id, t.object_id, \(list == "pg_stats_indexes") AS is_capped,
        sum(t."scans.count") AS samples, min(t.first_time) FILTER (WHERE t."scans.count" > 0) AS first_time,
        max(t.last_time) AS last_time, coalesce(\(CounterIncrease("scans", of: list).sum), 0) AS growth,
        max(t.source) AS source
      FROM \(scope.linked(list, ["scans"])) t WHERE \(scope.isOfDatabase())
      GROUP BY 1, 2, 3
      """
    }
    return """
      SELECT \(Self.key), max(samples) AS samples, min(first_time) AS first_time, max(last_time) AS last_time,
        max(growth) AS growth, bool_or(is_capped) AS is_capped, max(source) AS source
      FROM (
        \(lists.map { named("(\($0))", "t.samples, t.first_time, t.last_time, t.growth, t.is_capped, t.source") }
          .joined(separator: "\nUNION ALL\n"))
      ) all_lists
      GROUP BY \(Self.key)
      """
  }

  /// The indexes of the last lists.
  private var listed: String {
    let selected = [
      (
        "pg_stats_indexes",
        "t.size_bytes::numeric, t.scans, NULL::int8 AS definition_id, NULL::bool AS is_unique, NULL::bool AS is_primary"
      ),
      (
        "pg_schema_indexes",
        "coalesce(\(Self.bytes("t.size")), t.index_size_mb::numeric * 1048576), t.scans, t.definition_id, t.is_unique, "
          + "t.is_primary"
      ),
      ("pg_bloat_indexes", "\(Self.bytes("t.index_size")), t.scans, NULL, NULL, NULL"),
    ]
    return selected.map { list, columns in
      "\(named(scope.latest(list), columns + ", t.time")) WHERE \(scope.isOfDatabase())"
    }.joined(separator: "\nUNION ALL\n")
  }

  /// The rows of a relation with the names of their objects.
  private func named(_ relation: String, _ columns: String) -> String {
    """
    SELECT t.server_id, t.database_id, o.key[1] AS schema, o.key[2] AS "table", o.key[3] AS name, \(columns)
    FROM \(relation) t JOIN pganalytics.objects o ON o.server_id = t.server_id AND o.object_id = t.object_id
    """
  }

  /// The indexes with the parts of their definitions. An index of a constraint has the constraint's name.
  private var defined: String {
    let constraint = named(scope.latest("pg_schema_constraints"), "t.type")
    return """
      SELECT k.server_id, k.database_id, k.schema, k."table", k.name, k.size_bytes, k.scans, k.time, x.value AS definition,
        CASE WHEN c.name IS NOT NULL OR m.parts[1] IS NOT NULL THEN true ELSE k.is_unique END AS is_unique,
        CASE WHEN c.name IS NOT NULL THEN c.type = 'PRIMARY KEY' ELSE k.is_primary END AS is_primary,
        m.parts[2] AS method, m.parts[3] AS columns, m.parts[4] AS included, m.parts[6] AS predicate
      FROM known k
      LEFT JOIN (SELECT DISTINCT \(Self.key), type FROM (\(constraint)) t WHERE type IN ('PRIMARY KEY', 'UNIQUE')) c
        USING (\(Self.key))
      LEFT JOIN pganalytics.texts x ON x.server_id = k.server_id AND x.text_id = k.definition_id
      LEFT JOIN LATERAL regexp_match(x.value, \(quotedLiteral(Self.definition))) m(parts) ON true
      """
  }

  /// The index that covers `d` best.
  private var covering: String {
    """
    SELECT o.name, CASE WHEN o.columns = d.columns AND o.included IS NOT DISTINCT FROM d.included
      THEN 'duplicate' ELSE 'prefix' END AS coverage
    FROM defined o
    WHERE o.server_id = d.server_id AND o.database_id = d.database_id AND o.schema = d.schema AND o."table" = d."table"
      AND o.name <> d.name AND d.is_unique IS NOT TRUE AND d.is_primary IS NOT TRUE AND o.method = d.method
      AND o.predicate IS NOT DISTINCT FROM d.predicate
      AND (o.columns = d.columns AND o.included IS NOT DISTINCT FROM d.included AND (o.is_unique OR o.name < d.name)
        OR d.included IS NULL AND o.columns = d.columns AND o.included IS NOT NULL
        OR d.included IS NULL AND d.method = 'btree' AND starts_with(o.columns, d.columns || ', '))
    ORDER BY 2, length(o.columns), o.name LIMIT 1
    """
  }
}
