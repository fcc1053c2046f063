// What a metric object of one `type` looks like, and which table each part of it fills.

/// A metric type of the collector: the shape of its JSON and the tables that store it.
public struct MetricType: Sendable {
  /// The value of the JSON key `type`.
  public let name: String
  public let summary: String
  public let fields: [Field]

  /// One key of a metric object (or of an object inside it).
  public struct Field: Sendable {
    public let key: String
    public let rule: Rule
  }

  /// What the value under a key is. The keys `type`, `timestamp` and (where `rule` is `.database`) `database`
  /// are the metric's own; a key that no field names is kept, as JSON, in the catch-all table.
  public indirect enum Rule: Sendable {
    /// The metric's database, as text.
    case database
    /// Known and not stored: it repeats the envelope.
    case ignored
    /// A scalar of the one row that this object gives to the table. Its column has the same key.
    case column(MetricTable, MetricColumn)
    /// An object whose fields belong to the same level.
    case nested([Field])
    /// An array of objects: one row of the table each.
    case rows(MetricTable)
    /// An array of texts: one row each, the text in the table's only column.
    case texts(MetricTable)
    /// An object keyed by database name, or an array of objects with a key `database`: each value has these fields.
    case databases([Field])
  }

  public init(_ name: String, _ summary: String, _ fields: [Field]) {
    self.name = name
    self.summary = summary
    self.fields = fields
  }

  /// Every table that the type fills, each once, in order of first mention.
  public var tables: [MetricTable] {
    var found: [MetricTable] = []
    func visit(_ fields: [Field]) {
      for field in fields {
        switch field.rule {
        case .database, .ignored: break
        case .column(let table, _), .rows(let table), .texts(let table):
          if !found.contains(where: { $0.name == table.name }) { found.append(table) }
        case .nested(let inner), .databases(let inner): visit(inner)
        }
      }
    }
    visit(fields)
    return found
  }
}

extension MetricType.Field {
  static let database = Self(key: "database", rule: .database)
  static func ignored(_ key: String) -> Self { Self(key: key, rule: .ignored) }
  static func rows(_ key: String, _ table: MetricTable) -> Self { Self(key: key, rule: .rows(table)) }
  static func texts(_ key: String, _ table: MetricTable) -> Self { Self(key: key, rule: .texts(table)) }
  static func nested(_ key: String, _ fields: [Self]) -> Self { Self(key: key, rule: .nested(fields)) }
  static func databases(_ fields: [Self]) -> Self { Self(key: "databases", rule: .databases(fields)) }

  /// The columns of `table` as scalars of this level; `prefix` selects those whose name is `prefix` + key.
  static func columns(of table: MetricTable, prefix: String = "") -> [Self] {
    table.columns.filter { $0.name == prefix + $0.key }.map { Self(key: $0.key, rule: .column(table, $0)) }
  }
}
