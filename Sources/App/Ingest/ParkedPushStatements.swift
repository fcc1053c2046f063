// The statements that list, read and delete parked pushes.

import Protocol

enum ParkedPushStatements {
  /// A parked push as the list shows it.
  struct Parked: SQLRow {
    let pushID: UUID
    let serverID: Int32
    let collector: String?
    let since: Timestamp
    /// A text for each table, with the number of rows: `disk_usage 3`.
    let tables: [String]
    let sqlstate: String?
    let refusedTable: String?
    let message: String

    init(from row: inout RowReader) throws(DatabaseError) {
      pushID = try row.read("push_id")
      serverID = try row.read("server_id")
      collector = try row.read("collector")
      since = try row.read("since")
      tables = try row.read("tables")
      sqlstate = try row.read("sqlstate")
      refusedTable = try row.read("refused_table")
      message = try row.read("message")
    }
  }

  /// A parked push's rows for one table.
  struct Letter: SQLRow {
    let serverID: Int32
    let table: String
    let columnNames: [String]?
    let columnTypes: [String]?
    let tuples: [UInt8]

    init(from row: inout RowReader) throws(DatabaseError) {
      serverID = try row.read("server_id")
      table = try row.read("table_name")
      columnNames = try row.read("column_names")
      columnTypes = try row.read("column_types")
      tuples = try row.read("tuples")
    }
  }

  struct ChangedColumn: SQLRow {
    let name: String
    let encoded: String
    let present: String?

    init(from row: inout RowReader) throws(DatabaseError) {
      name = try row.read("name")
      encoded = try row.read("encoded")
      present = try row.read("present")
    }
  }

  static let list = Statement<Parked>(
    "parked_list",
    """
    SELECT l.push_id, l.server_id, max(c.name) AS collector, min(l.received_at) AS since,
      array_agg(l.table_name || coalesce(' ' || l.row_count, '') ORDER BY l.id) AS tables,
      max(l.sqlstate) AS sqlstate, max(l.refused_table) AS refused_table, max(l.message) AS message
    FROM pganalytics.dead_letters l LEFT JOIN pganalytics.collectors c ON c.server_id = l.server_id
    GROUP BY l.push_id, l.server_id ORDER BY since DESC, l.push_id
    """)

  /// Parameters: the push. Names come before the rows that refer to them, as in a batch.
  static let letters = Statement<UUID, Letter>(
    "parked_letters",
    """
    SELECT \(Letter.list()) FROM pganalytics.dead_letters WHERE push_id = $1
    ORDER BY table_name IN ('texts', 'objects') DESC, id FOR UPDATE
    """)

  static let drop = Statement<UUID, NoRow>(
    "parked_drop", "DELETE FROM pganalytics.dead_letters WHERE push_id = $1")

  /// Parameters: a table; names and types of columns. Returns the first column that the table lacks or has with another
  /// type.
  static let changedColumn = Statement<String, [String], [String], ChangedColumn>(
    "parked_changed_column",
    """
    SELECT c.name, c.type AS encoded, format_type(a.atttypid, a.atttypmod) AS present
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS c (name, type, place)
    LEFT JOIN pg_attribute a
      ON a.attrelid = to_regclass($1::text) AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
    WHERE a.atttypid IS DISTINCT FROM to_regtype(c.type)
    ORDER BY c.place LIMIT 1
    """)

  /// Parameters: server; the first and the last time of its rows.
  static let notePending = Statement<Int32, Timestamp, Timestamp, NoRow>(
    "parked_note_pending",
    """
    INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
    VALUES (300, $1, date_trunc('second', $2::timestamptz), date_trunc('second', $3::timestamptz))
    """)

  static let all = [
    list.description, letters.description, drop.description, changedColumn.description, notePending.description,
  ]
}
