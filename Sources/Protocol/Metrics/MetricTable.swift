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
  /// Further columns that tell two rows of one database, object and time apart.
  public let distinct: [String]
  /// What rows mean that are alike in database, object and `distinct`, and stand in one list.
  public let equals: Equals
  public let columns: [MetricColumn]

  /// What rows of one list mean that share an identity. They are facts, each of them: none is a repeat. (A row of a later
  /// list with the same identity and time is one, and is dropped and counted.)
  public enum Equals: Sendable, Hashable {
    /// They are parts of one thing, which only what is not sent could tell apart: counters are summed, the first one's texts
    /// stay.
    case addedUp(AddingUp)
    /// They are things of their own, told apart by their place among their equals: the second one's object is another.
    case toldApartByPlace
    /// They are moments, not things: each is kept as it is.
    case each
    /// They are lines of a log, and the list is the log's end at one moment. Each line is kept. Lines at the beginning of a list
    /// that equal the end of the list before it are the same lines again: they are dropped and counted.
    case logLines
  }

  /// How the columns that are not counters are added up, by name. Labels, and gauges not mentioned, are the first row's.
  public struct AddingUp: Sendable, Hashable {
    /// A `made` column: the number of rows that were added up. Counters of two samples are comparable if they have the same.
    public let count: String
    /// The counter by which `mean` is weighed.
    public let weight: String
    public let mean: String
    /// The standard deviation around `mean`, of a whole population.
    public let deviation: String
    public let least: [String]
    public let most: [String]
  }

  public init(
    _ name: String, _ summary: String, database: Bool, object: [String] = [], distinct: [String] = [],
    equals: Equals, columns: [MetricColumn]
  ) {
    self.equals = equals
    self.name = name
    self.summary = summary
    self.hasDatabase = database
    self.object = object
    self.distinct = distinct
    self.columns = columns
    let names = Set(columns.map(\.name))
    precondition(names.count == columns.count, "\(name): a column is declared twice")
    precondition(
      series.allSatisfy { $0.kind == .int8 || $0.kind == .bool },
      "\(name): counters of rows that only a text tells apart are no series")
    precondition(distinct.allSatisfy(names.contains), "\(name): distinct names an unknown column")
    switch equals {
    case .addedUp(let adding):
      let named = [adding.count, adding.weight, adding.mean, adding.deviation] + adding.least + adding.most
      precondition(named.allSatisfy(names.contains), "\(name): what is added up names an unknown column")
    case .toldApartByPlace: precondition(!object.isEmpty, "\(name): only objects are told apart by their place")
    case .each, .logLines: break
    }
  }

  /// The column that holds how many rows were added up.
  public var addedUpCount: MetricColumn? {
    guard case .addedUp(let adding) = equals else { return nil }
    return columns.first { $0.name == adding.count }
  }

  /// The column that holds 64 bits that name what the row is about.
  public var identifier: MetricColumn? { columns.first(where: \.isIdentifier) }

  /// Columns that, beside database and object, name the series that a counter belongs to: those that tell rows of one time
  /// apart, where there are counters. Of gauges several rows of one time are samples of one series.
  public var series: [MetricColumn] {
    guard columns.contains(where: { $0.meaning == .counter }) else { return [] }
    return columns.filter { distinct.contains($0.name) }
  }
}
