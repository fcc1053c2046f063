// The shape of a metric object of one `type`, and the table that each part of it fills.

/// A metric type of the collector: the shape of its JSON and the tables that store it.
public struct MetricType: Sendable {
  /// The value of the JSON key `type`.
  public let name: String
  /// One sentence about the type, for the API.
  public let summary: String
  /// The declared keys of the metric object.
  public let fields: [Field]

  /// One key of a metric object (or of an object inside it).
  public struct Field: Sendable {
    /// The key in the JSON.
    public let key: String
    /// The meaning of its value.
    public let rule: Rule
  }

  /// The meaning of the value under a key. Each metric has the keys `type` and `timestamp`, and `database` where a rule
  /// is `.database`. A key that no field names is kept, as JSON, in the catch-all table.
  public indirect enum Rule: Sendable {
    /// The name of the metric's database, as text.
    case database
    /// The value is known and not stored, because it repeats the envelope.
    case ignored
    /// A scalar of the one row that this object gives to the table. The column has the same key.
    case column(MetricTable, MetricColumn)
    /// An object whose fields belong to the same level.
    case nested([Field])
    /// An array of objects. Each object is one row of the table.
    case rows(MetricTable)
    /// An array of texts. Each text is one row, in the table's only column.
    case texts(MetricTable)
    /// An object keyed by database name, or an array of objects with a key `database`. Each value has these fields.
    case databases([Field])
  }

  /// Declares a type.
  public init(_ name: String, _ summary: String, _ fields: [Field]) {
    self.name = name
    self.summary = summary
    self.fields = fields
  }

  /// The tables that the type fills, each once, in the order in which the fields name them.
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

  /// The columns of `table` as scalars of this level. `prefix` selects those whose name is `prefix` + key.
  static func columns(of table: MetricTable, prefix: String = "") -> [Self] {
    table.columns.filter { $0.name == prefix + $0.key }.map { Self(key: $0.key, rule: .column(table, $0)) }
  }
}
