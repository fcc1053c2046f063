// A metric table in the database: the columns that the COPY encoder fills (`CopyTarget`), and the index and names from
// the declaration. Tuples, COPY statements and DDL use the same list, so they agree.

internal import Protocol

struct StoredTable: Sendable {
  struct Column: Hashable, Sendable {
    let name: String
    let type: SQLType
    let isRequired: Bool
  }

  let name: String
  let summary: String
  let columns: [Column]
  /// Nil for the table of unknown metrics.
  let declaration: MetricTable?

  var hasObject: Bool { columns.contains { $0.name == "object_id" } }
  /// The index's columns: one series of one server, newest first.
  var indexColumns: String { hasObject ? "server_id, object_id, time DESC" : "server_id, time DESC" }

  init(_ target: CopyTarget, _ declaration: MetricTable?) {
    name = target.table
    summary = declaration?.summary ?? "Metrics, and parts of metrics, that no declaration knows."
    self.declaration = declaration
    columns = target.columns.map { column in
      guard let type = SQLType(name: column.type) else {
        preconditionFailure("\(target.table).\(column.name) has the unknown type \(column.type)")
      }
      return Column(name: column.name, type: type, isRequired: !column.isNullable)
    }
  }

  /// Every table of schema `metrics`.
  static let all = tables(of: CompiledCatalog(), declared: MetricCatalog.tables)

  /// The metric tables of a catalog and its table of unknown metrics. A migration makes the tables of texts and
  /// objects.
  static func tables(of catalog: CompiledCatalog, declared: [MetricTable]) -> [StoredTable] {
    let declarations = Dictionary(uniqueKeysWithValues: declared.map { ($0.name, $0) })
    return catalog.targets[...catalog.unknownMetricsTarget].map { StoredTable($0, declarations[$0.table]) }
  }
}
