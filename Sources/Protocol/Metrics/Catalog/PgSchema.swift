extension MetricType {
  static let pgSchema: MetricType = {
    let tables = MetricTable(
      "pg_schema_tables", "One table, as the catalogue describes it.", database: true, object: ["schema", "name"],
      equals: .toldApartByPlace,
      columns: [
        .text("type", means: "BASE TABLE or VIEW."),
        .count("row_count", .rows, means: "Estimated rows."),
        .count("total_size_mb", .megabytes, means: "Size of the table with indexes and TOAST."),
        .count("table_size_mb", .megabytes, means: "Size of the table alone."),
        .count("index_size_mb", .megabytes, means: "Size of its indexes."),
        .count("toast_size_mb", .megabytes, means: "Size of its TOAST table."),
        .flag("has_oids", means: "Whether rows have object ids; PostgreSQL 12 and later have no such tables."),
        .number("table_oid", means: "Object id of the table."),
      ])
    let columns = MetricTable(
      "pg_schema_columns", "One column of a table.", database: true, object: ["schema", "table", "name"],
      equals: .toldApartByPlace,
      columns: [
        .text("data_type", means: "Type of the column, as information_schema names it."),
        .flag("is_nullable", means: "Whether the column takes NULL."),
        .interned("default", means: "Default expression; empty: none."),
        .number("position", means: "Place of the column in the table, from 1 on."),
        .number("max_length", means: "Longest text in characters; NULL: no limit."),
        .number("numeric_precision", means: "Digits, or bits, of a number; NULL for other types."),
        .number("numeric_scale", means: "Digits behind the point; NULL for other types."),
      ])
    let constraints = MetricTable(
      "pg_schema_constraints", "One constraint of a table.", database: true, object: ["schema", "table", "name"],
      distinct: ["type", "columns"], equals: .toldApartByPlace,
      columns: [
        .text("type", means: "PRIMARY KEY, UNIQUE, CHECK or FOREIGN KEY."),
        .interned("columns", means: "Columns of the constraint, separated by commas."),
      ])
    let foreignKeys = MetricTable(
      "pg_schema_foreign_keys", "One column of a foreign key.", database: true, object: ["schema", "table", "column"],
      distinct: ["referenced_schema", "referenced_table", "referenced_column"],
      equals: .toldApartByPlace,
      columns: [
        .interned("referenced_schema", means: "Schema of the table that the key refers to."),
        .interned("referenced_table", means: "Table that the key refers to."),
        .interned("referenced_column", means: "Column that the key refers to."),
        .text("update_rule", means: "What an update of the referenced row does: NO ACTION, CASCADE and others."),
        .text("delete_rule", means: "What a deletion of the referenced row does."),
      ])
    let indexes = MetricTable(
      "pg_schema_indexes", "One index, its definition and use.", database: true, object: ["schema", "table", "name"],
      equals: .toldApartByPlace,
      columns: [
        .interned("definition", means: "CREATE INDEX statement."),
        .counter("scans", means: "Scans that used the index (idx_scan)."),
        .counter("tuples_read", .rows, means: "Index entries that scans returned (idx_tup_read)."),
        .counter("tuples_fetched", .rows, means: "Live rows that simple scans fetched by the index (idx_tup_fetch)."),
        .count("index_size_mb", .megabytes, means: "Size of the index."),
        .text("size", means: "Size of the index as PostgreSQL prints it: `16 kB`."),
        .text("usage_status", means: "UNUSED without a scan, RARELY_USED below 100, else ACTIVE."),
        .flag("is_primary", means: "Whether it is the primary key's."),
        .flag("is_unique", means: "Whether it permits no equal entries."),
        .number("index_oid", means: "Object id of the index."),
      ])
    let triggers = MetricTable(
      "pg_schema_triggers", "One event of a trigger.", database: true, object: ["schema", "table", "name"],
      distinct: ["event", "table_schema"],
      equals: .toldApartByPlace,
      columns: [
        .text("event", means: "INSERT, UPDATE or DELETE."),
        .text("table_schema", means: "Schema of the table."),
        .text("timing", means: "BEFORE, AFTER or INSTEAD OF the event."),
        .text("orientation", means: "ROW or STATEMENT: how often it runs."),
        .interned("statement", means: "What the trigger executes."),
      ])
    return MetricType(
      "pg_schema", "The catalogue of each database: tables, columns, constraints, keys, indexes, triggers.",
      [
        .ignored("collector_id"), .ignored("hostname"),
        .databases([
          .rows("tables", tables), .rows("columns", columns), .rows("constraints", constraints),
          .rows("foreign_keys", foreignKeys), .rows("indexes", indexes), .rows("triggers", triggers),
        ]),
      ])
  }()
}
