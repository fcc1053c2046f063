// Where a push's tuples go. COPY statements, DDL and the encoder read this one list.

/// A table that the ingest path fills by binary COPY, and its columns in the order of the tuples' fields.
public struct CopyTarget: Sendable, Hashable {
  public struct Column: Sendable, Hashable {
    public let name: String
    /// The PostgreSQL type, as DDL writes it.
    public let type: String
    public let isNullable: Bool

    init(_ name: String, _ type: String, nullable: Bool = false) {
      self.name = name
      self.type = type
      isNullable = nullable
    }
  }

  /// The position in `CompiledCatalog.targets`, and of the target's tuples in `PushRows`.
  public let index: Int
  /// The table in schema `metrics`.
  public let table: String
  public let columns: [Column]

  static func metric(_ table: MetricTable, index: Int) -> Self {
    var columns = [Column("time", "timestamptz"), Column("server_id", "int4")]
    if table.hasDatabase { columns.append(Column("database_id", "int8", nullable: true)) }
    if !table.object.isEmpty { columns.append(Column("object_id", "int8")) }
    columns += table.columns.map { column in
      switch column.kind {
      case .int8: Column(column.name, "int8", nullable: true)
      case .float8: Column(column.name, "float8", nullable: true)
      case .bool: Column(column.name, "bool", nullable: true)
      case .text: Column(column.name, "text", nullable: true)
      case .interned: Column(column.name + "_id", "int8", nullable: true)
      case .timestamp: Column(column.name, "timestamptz", nullable: true)
      }
    }
    columns.append(Column("extra", "jsonb", nullable: true))
    return Self(index: index, table: table.name, columns: columns)
  }

  static func unknownMetrics(index: Int) -> Self {
    Self(
      index: index, table: MetricCatalog.catchAllTable,
      columns: [
        Column("time", "timestamptz"), Column("server_id", "int4"), Column("metric_type", "text"),
        Column("payload", "jsonb"),
      ])
  }

  /// Texts that rows name by id (database names, `interned` columns). A row may be sent that is there already.
  static func texts(index: Int) -> Self {
    Self(
      index: index, table: "texts",
      columns: [Column("server_id", "int4"), Column("text_id", "int8"), Column("value", "text")])
  }

  /// What rows are about, named by id; `kind` is the metric table. A row may be sent that is there already.
  static func objects(index: Int) -> Self {
    Self(
      index: index, table: "objects",
      columns: [
        Column("server_id", "int4"), Column("object_id", "int8"), Column("kind", "text"), Column("name", "text"),
        Column("key", "text[]"),
      ])
  }
}
