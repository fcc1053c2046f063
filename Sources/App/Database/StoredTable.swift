// A metric table as the database has it, derived from its declaration: the columns that every table has, then its own.

internal import Protocol

struct StoredTable: Sendable {
  struct Column: Hashable, Sendable {
    let name: String
    let type: SQLType
    let isRequired: Bool

    init(_ name: String, _ type: SQLType, isRequired: Bool = false) {
      self.name = name
      self.type = type
      self.isRequired = isRequired
    }
  }

  let name: String
  let summary: String
  let columns: [Column]
  /// Nil: the catch-all table.
  let declaration: MetricTable?

  var hasObject: Bool { columns.contains { $0.name == "object_id" } }
  /// The index's columns: one series of one server, newest first.
  var indexColumns: String { hasObject ? "server_id, object_id, time DESC" : "server_id, time DESC" }
  /// How TimescaleDB orders rows within a compressed batch.
  var compressedOrder: String { hasObject ? "object_id, time DESC" : "time DESC" }

  init(_ table: MetricTable) {
    name = table.name
    summary = table.summary
    declaration = table
    var columns = Self.common
    if table.hasDatabase { columns.append(Column("database_id", .int8)) }
    if !table.object.isEmpty { columns.append(Column("object_id", .int8, isRequired: true)) }
    columns += table.columns.map { Column($0.storedName, $0.kind.storedType) }
    columns.append(Column("extra", .jsonb))
    self.columns = columns
  }

  private init(catchAll name: String) {
    self.name = name
    summary = "Metrics, and parts of metrics, that no declaration knows."
    declaration = nil
    columns = Self.common + [Column("metric_type", .text, isRequired: true), Column("payload", .jsonb, isRequired: true)]
  }

  private static let common = [
    Column("time", .timestamptz, isRequired: true), Column("server_id", .int4, isRequired: true),
  ]

  /// Every table of schema `metrics`.
  static let all =
    MetricCatalog.tables.map(StoredTable.init) + [StoredTable(catchAll: MetricCatalog.catchAllTable)]
}

extension MetricColumn {
  /// The column in the table: an interned text is there as its id.
  var storedName: String {
    switch kind {
    case .interned: name + "_id"
    case .int8, .float8, .bool, .text, .timestamp: name
    }
  }
}

extension MetricColumn.Kind {
  /// The type of the column in the table.
  var storedType: SQLType {
    switch self {
    case .int8, .interned: .int8
    case .float8: .float8
    case .bool: .bool
    case .text: .text
    case .timestamp: .timestamptz
    }
  }
}
