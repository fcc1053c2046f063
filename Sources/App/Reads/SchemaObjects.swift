// How the lists of one kind of schema object are compared.
//
// Objects that are in every list of their database and never differ are set aside by one aggregate, so only the others are
// ordered by time. For each of these, the number of complete lists between two of its appearances says whether it vanished.

/// The objects of one kind in one metric table.
struct SchemaObjects: Sendable {
  /// Which lists there are of a database.
  enum Lists: Sendable {
    /// Those with rows.
    case own
    /// Those with rows, and empty ones at the time of a list of tables. A time is no list if constraints of these types
    /// exist but the list is empty: each has an object that the list would have to have.
    case beside(implied: [String])
    /// Those of `pg_stats`, for databases without rows in the given table. Lists of 100 rows may lack objects.
    case capped(insteadOf: String)
  }

  let kind: String
  let table: String
  let lists: Lists
  /// The columns in which two rows of an unchanged object are equal.
  let columns: [String]
  /// An expression for the text of a row `d`; nil for a list that has only names.
  let description: (@Sendable (ReadScope) -> String)?

  private init(
    _ kind: String, _ table: String, _ lists: Lists, _ columns: [String],
    _ description: (@Sendable (ReadScope) -> String)? = nil
  ) {
    self.kind = kind
    self.table = table
    self.lists = lists
    self.columns = columns
    self.description = description
  }

  static let all = [
    SchemaObjects("table", "pg_schema_tables", .own, ["type"]) { _ in "d.type" },
    SchemaObjects(
      "column", "pg_schema_columns", .own,
      ["data_type", "is_nullable", "default_id", "position", "max_length", "numeric_precision", "numeric_scale"]
    ) { scope in
      """
      concat(d.data_type, '(' || d.max_length || ')',
        CASE WHEN d.data_type NOT IN ('smallint', 'integer', 'bigint', 'real', 'double precision')
          THEN '(' || d.numeric_precision || coalesce(', ' || d.numeric_scale, '') || ')' END,
        CASE WHEN NOT d.is_nullable THEN ' NOT NULL' END, ' DEFAULT ' || nullif(\(scope.text("d.default_id", of: "d")), ''),
        ', position ' || d.position)
      """
    },
    SchemaObjects("constraint", "pg_schema_constraints", .beside(implied: []), ["type", "columns_id"]) { scope in
      "concat(d.type, ' (' || nullif(\(scope.text("d.columns_id", of: "d")), '') || ')')"
    },
    SchemaObjects(
      "foreign_key", "pg_schema_foreign_keys", .beside(implied: ["FOREIGN KEY"]),
      ["referenced_schema_id", "referenced_table_id", "referenced_column_id", "update_rule", "delete_rule"]
    ) { scope in
      """
      concat('REFERENCES ', \(scope.text("d.referenced_schema_id", of: "d")) || '.',
        \(scope.text("d.referenced_table_id", of: "d")), ' (' || \(scope.text("d.referenced_column_id", of: "d")) || ')',
        ' ON UPDATE ' || d.update_rule, ' ON DELETE ' || d.delete_rule)
      """
    },
    SchemaObjects(
      "index", "pg_schema_indexes", .beside(implied: ["PRIMARY KEY", "UNIQUE"]),
      ["definition_id", "is_primary", "is_unique"]
    ) { scope in
      "concat(\(scope.text("d.definition_id", of: "d")), CASE WHEN d.is_primary THEN ', primary key' END)"
    },
    SchemaObjects(
      "trigger", "pg_schema_triggers", .beside(implied: []),
      ["event", "table_schema", "timing", "orientation", "statement_id"]
    ) { scope in
      "concat_ws(' ', d.timing, d.event, 'FOR EACH ' || d.orientation, \(scope.text("d.statement_id", of: "d")))"
    },
    SchemaObjects("extension", "pg_extensions", .own, ["version", "owner", "schema", "relocatable"]) { _ in
      """
      concat_ws(', ', 'version ' || d.version, 'owner ' || d.owner, 'schema ' || d.schema,
        CASE WHEN d.relocatable THEN 'relocatable' END)
      """
    },
    SchemaObjects("table", "pg_stats_tables", .capped(insteadOf: "pg_schema_tables"), []),
    SchemaObjects("index", "pg_stats_indexes", .capped(insteadOf: "pg_schema_indexes"), []),
  ]

  /// The most entries of a list of `pg_stats`.
  private static let cap = 100

  // MARK: SQL

  /// The lists: `server_id`, `database_id`, `time`, `is_complete`.
  private func lists(_ scope: ReadScope) -> String {
    let key = "server_id, database_id, time"
    switch lists {
    case .own: return "SELECT DISTINCT \(key), true AS is_complete FROM \(table)_rows"
    case .beside(let implied):
      let types = implied.map(quotedLiteral).joined(separator: ", ")
      let contradicted =
        implied.isEmpty
        ? ""
        : """
        \nEXCEPT SELECT t.server_id, t.database_id, t.time FROM \(scope.rows("pg_schema_constraints")) t
        WHERE t.type IN (\(types))
        """
      return """
        SELECT \(key), true AS is_complete FROM (
          SELECT \(key) FROM \(table)_rows UNION (SELECT \(key) FROM pg_schema_tables_lists\(contradicted))
        ) r
        """
    case .capped(let replaced):
      return """
        SELECT d.server_id, d.database_id, d.time, count(r.object_id) < \(Self.cap) AS is_complete
        FROM \(scope.rows("pg_stats")) d LEFT JOIN \(table)_rows r USING (\(key))
        WHERE d.database_id IS NOT NULL AND \(scope.isOfDatabase("d"))
          AND (d.server_id, d.database_id) NOT IN (SELECT server_id, database_id FROM \(replaced)_rows)
        GROUP BY 1, 2, 3
        """
    }
  }

  /// Common table expressions, which follow those of the tables before this one in `all`: the rows, the lists with their
  /// numbers, the objects that are not in every list or differ, and each list that such an object is in, with the one
  /// before.
  ///
  /// `completed` is the number of complete lists up to a list, `earlier` the number of complete lists before it.
  func steps(_ scope: ReadScope) -> String {
    let values = columns.map { "t.\(quotedIdentifier($0))" }.joined(separator: ", ")
    let state = columns.isEmpty ? "0::int8" : "hash_record_extended(ROW(\(values)), 0)"
    let object = "server_id, database_id, object_id"
    return """
      \(table)_rows AS MATERIALIZED (
        SELECT t.server_id, t.database_id, t.object_id, t.time, \(state) AS state FROM \(scope.rows(table)) t
        WHERE t.database_id IS NOT NULL AND \(scope.isOfDatabase())
      ),
      \(table)_lists AS MATERIALIZED (
        SELECT l.*, sum(is_complete::int4) OVER database AS all_completed,
          sum(is_complete::int4) OVER (database ORDER BY time) AS completed
        FROM (\(lists(scope))) l WINDOW database AS (PARTITION BY server_id, database_id)
      ),
      \(table)_uneven AS (
        SELECT \(object) FROM (
          SELECT \(object), min(state) AS least, max(state) AS most, count(*) AS rows FROM \(table)_rows GROUP BY 1, 2, 3
        ) o
        JOIN (SELECT server_id, database_id, count(*) AS lists FROM \(table)_lists GROUP BY 1, 2) n
          USING (server_id, database_id)
        WHERE least <> most OR rows <> lists
      ),
      \(table)_steps AS (
        SELECT s.*, l.completed, l.all_completed, l.completed - l.is_complete::int4 AS earlier,
          lag(s.time) OVER object AS time_before, lag(s.state) OVER object AS state_before,
          lag(l.completed) OVER object AS completed_before,
          lead(l.completed - l.is_complete::int4) OVER object AS earlier_after
        FROM (
          -- An object can have several rows in a list.
          SELECT \(object), time, sum(DISTINCT state) AS state FROM \(table)_rows JOIN \(table)_uneven USING (\(object))
          GROUP BY 1, 2, 3, 4
        ) s
        JOIN \(table)_lists l USING (server_id, database_id, time)
        WINDOW object AS (PARTITION BY server_id, database_id, s.object_id ORDER BY time)
      )
      """
  }

  /// The changes, from the expressions of `steps`.
  var changes: String {
    let names = "server_id, database_id, object_id"
    let list = "JOIN \(table)_lists l USING (server_id, database_id)"
    return """
      SELECT '\(kind)' AS kind, '\(table)' AS source, \(names), 'changed' AS change, time, time_before AS since,
        time_before AS before_time, time AS after_time
      FROM \(table)_steps WHERE state <> state_before AND earlier = completed_before
      UNION ALL
      SELECT '\(kind)', '\(table)', \(names), 'appeared', s.time, l.time, NULL, s.time
      FROM \(table)_steps s \(list)
      WHERE l.is_complete AND l.completed = s.earlier AND s.earlier > coalesce(s.completed_before, 0)
      UNION ALL
      SELECT '\(kind)', '\(table)', \(names), 'vanished', l.time, s.time, s.time, NULL
      FROM \(table)_steps s \(list)
      WHERE l.is_complete AND l.completed = s.completed + 1 AND coalesce(s.earlier_after, s.all_completed) > s.completed
      """
  }
}
