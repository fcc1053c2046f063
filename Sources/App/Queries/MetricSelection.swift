// A metrics query whose names have been found in the declarations.

import Protocol

/// Which rows of which table a query asks for, and which of their columns.
struct MetricSelection: Sendable, Equatable {
  enum Shape: Sendable, Equatable {
    /// Rows as stored.
    case samples
    /// For each row the rate of its counters since the previous row.
    case rates
    case buckets(Aggregate, seconds: Int64)
  }

  let table: MetricTable
  /// The selected columns without those that identify the series, which every row has.
  let columns: [MetricColumn]
  let shape: Shape
  /// The only database, and the only object, whose rows are selected; nil: all of them.
  let database: String?
  let object: String?
  /// Selects rows by the value of the table's `identifier`; nil: all rows.
  let identifier: Int64?

  static func == (left: Self, right: Self) -> Bool {
    left.table.name == right.table.name && left.columns == right.columns && left.shape == right.shape
      && left.database == right.database && left.object == right.object && left.identifier == right.identifier
  }

  /// - Parameters:
  ///   - names: columns by name; nil: all columns for which the shape is defined.
  /// - Throws: `.invalidQuery`, with the name of the parameter that is wrong.
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

  /// The table with this name, or the first table of the metric type with this name.
  static func table(named name: String) -> MetricTable? {
    (MetricCatalog.tables + [MetricCatalog.catchAll]).first { $0.name == name }
      ?? MetricCatalog.types.first { $0.name == name }?.tables.first
  }

  /// The names of the values in an answer's row, in order.
  var names: [String] {
    ["time"] + (table.hasDatabase ? ["database"] : []) + (table.object.isEmpty ? [] : ["object"])
      + (table.series + columns).map(\.name)
  }

  /// Those of `names` whose numbers are written as strings in JSON.
  var identifiers: Set<String> { Set((table.series + columns).filter(\.isIdentifier).map(\.name)) }
}

extension MetricTable {
  var isCatchAll: Bool { name == MetricCatalog.catchAllTable }

  /// The columns that a query may name. `extra` is only returned if a query names it: it is NULL in most rows.
  var selectable: [MetricColumn] { columns + (isCatchAll ? [] : [.extra]) }
}
