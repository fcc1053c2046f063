extension MetricType {
  static let pgSchema: MetricType = {
    let tables = MetricTable(
      "pg_schema_tables", "One table, as the catalogue describes it.", database: true, object: ["schema", "name"],
      equals: .toldApartByPlace,
      columns: [
        .text("type"), .count("row_count", .rows), .count("total_size_mb", .megabytes),
        .count("table_size_mb", .megabytes), .count("index_size_mb", .megabytes), .count("toast_size_mb", .megabytes),
        .flag("has_oids"), .number("table_oid"),
      ])
    let columns = MetricTable(
      "pg_schema_columns", "One column of a table.", database: true, object: ["schema", "table", "name"],
      equals: .toldApartByPlace,
      columns: [
        .text("data_type"), .flag("is_nullable"), .interned("default"), .number("position"), .number("max_length"),
        .number("numeric_precision"), .number("numeric_scale"),
      ])
    let constraints = MetricTable(
      "pg_schema_constraints", "One constraint of a table.", database: true, object: ["schema", "table", "name"],
      distinct: ["type", "columns"], equals: .toldApartByPlace, columns: [.text("type"), .interned("columns")])
    let foreignKeys = MetricTable(
      "pg_schema_foreign_keys", "One column of a foreign key.", database: true, object: ["schema", "table", "column"],
      distinct: ["referenced_schema", "referenced_table", "referenced_column"],
      equals: .toldApartByPlace,
      columns: [
        .interned("referenced_schema"), .interned("referenced_table"), .interned("referenced_column"),
        .text("update_rule"), .text("delete_rule"),
      ])
    let indexes = MetricTable(
      "pg_schema_indexes", "One index, its definition and use.", database: true, object: ["schema", "table", "name"],
      equals: .toldApartByPlace,
      columns: [
        .interned("definition"), .counter("scans"), .counter("tuples_read", .rows), .counter("tuples_fetched", .rows),
        .count("index_size_mb", .megabytes), .text("size"), .text("usage_status"), .flag("is_primary"),
        .flag("is_unique"), .number("index_oid"),
      ])
    let triggers = MetricTable(
      "pg_schema_triggers", "One event of a trigger.", database: true, object: ["schema", "table", "name"],
      distinct: ["event", "table_schema"],
      equals: .toldApartByPlace,
      columns: [
        .text("event"), .text("table_schema"), .text("timing"), .text("orientation"), .interned("statement"),
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
