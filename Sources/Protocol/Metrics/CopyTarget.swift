// The tables that a push's tuples fill. COPY statements, DDL and the encoder all derive from this list.

/// A table that pushes fill by binary COPY, with its columns in the order of the tuples' fields.
public struct CopyTarget: Sendable, Hashable {
  /// A column of the table.
  public struct Column: Sendable, Hashable {
    /// The name in the table.
    public let name: String
    /// The PostgreSQL type, as DDL writes it.
    public let type: String
    /// Whether the column may be NULL.
    public let isNullable: Bool

    init(_ name: String, _ type: String, nullable: Bool = false) {
      self.name = name
      self.type = type
      isNullable = nullable
    }
  }

  /// The position in `CompiledCatalog.targets`, which is also the target's index in `PushRows`.
  public let index: Int
  /// The table in schema `metrics`.
  public let table: String
  /// The columns in the order of the tuples' fields.
  public let columns: [Column]

  static func metric(_ table: MetricTable, index: Int) -> Self {
    var columns = [Column("time", "timestamptz"), Column("server_id", "int4")]
    if table.hasDatabase { columns.append(Column("database_id", "int8", nullable: true)) }
    if !table.object.isEmpty { columns.append(Column("object_id", "int8")) }
    columns += table.columns.flatMap { column -> [Column] in
      let name = column.storedName
      return switch column.kind {
      case .int8, .interned: [Column(name, "int8", nullable: true)]
      case .numeric: [Column(name, "int8", nullable: true), Column(column.wideName, "numeric", nullable: true)]
      case .float8: [Column(name, "float8", nullable: true)]
      case .bool: [Column(name, "bool", nullable: true)]
      case .text: [Column(name, "text", nullable: true)]
      case .timestamp: [Column(name, "timestamptz", nullable: true)]
      case .json: [Column(name, "jsonb", nullable: true)]
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

  /// Texts to which rows refer by id: database names and `interned` columns. A push may send a row that the table
  /// already has.
  static func texts(index: Int) -> Self {
    Self(
      index: index, table: "texts",
      columns: [Column("server_id", "int4"), Column("text_id", "int8"), Column("value", "text")])
  }

  /// Objects to which rows refer by id. `kind` is the name of the metric table. A push may send a row that the table
  /// already has.
  static func objects(index: Int) -> Self {
    Self(
      index: index, table: "objects",
      columns: [
        Column("server_id", "int4"), Column("object_id", "int8"), Column("kind", "text"), Column("name", "text"),
        Column("key", "text[]"),
      ])
  }
}
