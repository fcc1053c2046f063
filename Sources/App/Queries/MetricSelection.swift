// What a metrics query asks for, after its names were found in the declarations.

import Protocol

/// Which rows of which table, and what of them.
struct MetricSelection: Sendable, Equatable {
  enum Shape: Sendable, Equatable {
    /// Rows as stored.
    case samples
    /// Of each row how fast its counters grew since the row before.
    case rates
    case buckets(Aggregate, seconds: Int64)
  }

  let table: MetricTable
  /// Without those that name the series, which every row has.
  let columns: [MetricColumn]
  let shape: Shape
  /// Nil: of all.
  let database: String?
  let object: String?
  /// Rows about this only: a value of the table's `identifier`.
  let identifier: Int64?

  static func == (left: Self, right: Self) -> Bool {
    left.table.name == right.table.name && left.columns == right.columns && left.shape == right.shape
      && left.database == right.database && left.object == right.object && left.identifier == right.identifier
  }

  /// - Parameters:
  ///   - names: columns by name; nil: all that the shape is defined for.
  /// - Throws: `.invalidQuery`, naming the parameter that cannot be met.
  init(
    table: MetricTable, columns names: [String]?, shape: Shape, database: String?, object: String?,
    identifier: Int64? = nil
  ) throws(Problem) {
    if database != nil, !table.hasDatabase {
      throw Problem(.invalidQuery, "database: rows of \(table.name) belong to no database")
    }
    if identifier != nil, table.identifier == nil {
      throw Problem(.invalidQuery, "hash: rows of \(table.name) have none")
    }
    if object != nil, table.object.isEmpty, !table.isCatchAll {
      throw Problem(.invalidQuery, "object: rows of \(table.name) are about no object")
    }
    let aggregate = Self.aggregate(of: shape)
    func isDefined(_ column: MetricColumn) -> Bool { aggregate?.isDefined(for: column) ?? true }
    let series = table.series
    var columns: [MetricColumn] = []
    if let names {
      for name in names {
        guard let column = table.selectable.first(where: { $0.name == name }) else {
          throw Problem(.invalidQuery, "columns: \(table.name) has no column \(FieldErrors.quoted(name))")
        }
        if series.contains(column) || columns.contains(column) { continue }
        if !isDefined(column) {
          throw Problem(.invalidQuery, "columns: \(name) has no \(aggregate?.rawValue ?? "value")")
        }
        columns.append(column)
      }
    } else {
      columns = table.columns.filter { !series.contains($0) && isDefined($0) }
      if columns.isEmpty, let aggregate {
        throw Problem(.invalidQuery, "aggregate: no column of \(table.name) has \(aggregate.rawValue)")
      }
    }
    self.table = table
    self.columns = columns
    self.shape = shape
    self.database = database
    self.object = object
    self.identifier = identifier
  }

  private static func aggregate(of shape: Shape) -> Aggregate? {
    switch shape {
    case .samples: nil
    case .rates: .rate
    case .buckets(let aggregate, _): aggregate
    }
  }

  /// The table of this name, or the first one of the metric type of this name.
  static func table(named name: String) -> MetricTable? {
    (MetricCatalog.tables + [MetricCatalog.catchAll]).first { $0.name == name }
      ?? MetricCatalog.types.first { $0.name == name }?.tables.first
  }

  /// The names in an answer's row, in order.
  var names: [String] {
    ["time"] + (table.hasDatabase ? ["database"] : []) + (table.object.isEmpty ? [] : ["object"])
      + (table.series + columns).map(\.name)
  }

  /// Those of `names` whose numbers are written as texts in JSON.
  var identifiers: Set<String> { Set((table.series + columns).filter(\.isIdentifier).map(\.name)) }
}

extension MetricTable {
  var isCatchAll: Bool { name == MetricCatalog.catchAllTable }

  /// The columns that can be asked for. `extra` is there for who names it: it is NULL in most rows.
  var selectable: [MetricColumn] { columns + (isCatchAll ? [] : [.extra]) }
}
