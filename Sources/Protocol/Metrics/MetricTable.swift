// One table of metric rows.
//
// All tables begin with the same columns: time, server_id, database_id?, object_id?. Then come the declared columns,
// then `extra jsonb`. `extra` holds the keys of a row that the declaration does not have. It is NULL, and takes no
// space, if there are none.

/// A wide, typed table that one place in a metric's JSON fills.
public struct MetricTable: Sendable {
  /// The table's name in schema `metrics`.
  public let name: String
  /// One sentence about a row, for the API and the database's comment.
  public let summary: String
  /// Whether a row belongs to one database of the monitored server (column `database_id`).
  public let hasDatabase: Bool
  /// The keys of a row, in order, whose texts name the row's object (column `object_id`, names in `objects`). If it is
  /// empty, the rows have no object. These keys are not columns of the table.
  public let object: [String]
  /// Further columns that distinguish two rows of one database, object and time.
  public let distinct: [String]
  /// What it means that two rows of one list have the same database, object and `distinct` values.
  public let equals: Equals
  /// Whether a row in which every number is zero is a gap. Such a row stands for a database or host that the collector
  /// could not read: it is stored, and no aggregate uses it.
  public let zeroIsGap: Bool
  /// The declared columns.
  public let columns: [MetricColumn]

  /// What it means that two rows of one list have the same identity. None of them is a repeat. (A row of a later list
  /// with the same identity and time is a repeat; it is dropped and counted.)
  public enum Equals: Sendable, Hashable {
    /// They are parts of one thing, and the collector does not send the values that distinguish them. Counters are
    /// summed; texts are those of the first row.
    case addedUp(AddingUp)
    /// They are different objects with the same key. The second one gets an id of its own from its place among them.
    case toldApartByPlace
    /// They are events and not states of an object. Each row is kept as it is.
    case each
    /// They are lines of a log, and the list is the end of the log at one time. Each line is kept. If a list begins
    /// with the lines that the list before it ended with, these lines are repeats; they are dropped and counted.
    case logLines
  }

  /// How to add up the columns that are not counters; each member names columns. Labels, and gauges that are not named,
  /// keep the first row's value.
  public struct AddingUp: Sendable, Hashable {
    /// A `made` column: the number of rows that were added up. Counters of two samples are comparable only if this
    /// number is the same.
    public let count: String
    /// The counter by which `mean` is weighted.
    public let weight: String
    /// The column of the mean.
    public let mean: String
    /// The column of the standard deviation around `mean`, of the whole population.
    public let deviation: String
    /// The columns of which the smallest value is kept.
    public let least: [String]
    /// The columns of which the largest value is kept.
    public let most: [String]
  }

  /// Makes a table. A declaration that contradicts itself ends the process.
  public init(
    _ name: String, _ summary: String, database: Bool, object: [String] = [], distinct: [String] = [],
    equals: Equals, zeroIsGap: Bool = false, columns: [MetricColumn]
  ) {
    self.equals = equals
    self.zeroIsGap = zeroIsGap
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
      "\(name): columns that distinguish counters must be int8 or bool")
    precondition(distinct.allSatisfy(names.contains), "\(name): `distinct` names an unknown column")
    switch equals {
    case .addedUp(let adding):
      let named = [adding.count, adding.weight, adding.mean, adding.deviation] + adding.least + adding.most
      precondition(named.allSatisfy(names.contains), "\(name): `addedUp` names an unknown column")
    case .toldApartByPlace: precondition(!object.isEmpty, "\(name): `toldApartByPlace` needs an object")
    case .each, .logLines: break
    }
  }

  /// The column that holds the number of rows added up; nil if rows are not added up.
  public var addedUpCount: MetricColumn? {
    guard case .addedUp(let adding) = equals else { return nil }
    return columns.first { $0.name == adding.count }
  }

  /// The column with a 64-bit number that names the row's subject; nil if there is none.
  public var identifier: MetricColumn? { columns.first(where: \.isIdentifier) }

  /// The columns that, with database and object, identify the series of a counter: the distinct columns of a table with
  /// counters. A table without counters has none, because its rows of one time are several samples of one series.
  public var series: [MetricColumn] {
    guard columns.contains(where: { $0.meaning == .counter }) else { return [] }
    return columns.filter { distinct.contains($0.name) }
  }
}
