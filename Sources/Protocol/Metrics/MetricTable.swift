// One table of metric rows.
//
// Every table begins with the same columns: time, server_id, database_id?, object_id?; then the declared ones; then
// `extra jsonb`, which holds the keys of a row that the declaration does not know (NULL, and free, when there are none).

/// A wide, typed table that one place of a metric's JSON fills.
public struct MetricTable: Sendable {
  /// The table's name in schema `metrics`.
  public let name: String
  public let summary: String
  /// Whether its rows belong to one database of the server (column `database_id`).
  public let hasDatabase: Bool
  /// Keys of a row, in order, whose texts name the object that the row is about (column `object_id`, names in
  /// `objects`). Empty: the rows have no object. They are not columns of the table.
  public let object: [String]
  /// Further columns that tell two rows of one push, database, object and time apart: a row equal in all of them
  /// repeats an earlier one and is dropped, and counted.
  public let distinct: [String]
  public let columns: [MetricColumn]

  public init(
    _ name: String, _ summary: String, database: Bool, object: [String] = [], distinct: [String] = [],
    columns: [MetricColumn]
  ) {
    self.name = name
    self.summary = summary
    self.hasDatabase = database
    self.object = object
    self.distinct = distinct
    self.columns = columns
    let names = Set(columns.map(\.name))
    precondition(names.count == columns.count, "\(name): a column is declared twice")
    precondition(
      series.allSatisfy { $0.kind == .int8 }, "\(name): counters of rows that only a text tells apart are no series")
    precondition(distinct.allSatisfy(names.contains), "\(name): distinct names an unknown column")
  }

  /// Columns that, beside database and object, name the series that a counter belongs to: those that tell rows of one time
  /// apart, where there are counters. Of gauges several rows of one time are samples of one series.
  public var series: [MetricColumn] {
    guard columns.contains(where: { $0.meaning == .counter }) else { return [] }
    return columns.filter { distinct.contains($0.name) }
  }
}
