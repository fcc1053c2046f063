// One value of a metric row: its JSON key, its SQL column, how it is encoded, what it means.
// Decoder, COPY encoder, DDL, views, OpenAPI and query columns all read this one declaration.

/// A typed column of a metric table.
public struct MetricColumn: Sendable, Hashable {
  /// How the value is checked and stored. JSON `null` and an absent key are NULL in every kind; so is, and it is reported, a
  /// value that is not of the kind.
  public enum Kind: Sendable, Hashable {
    /// Signed 64-bit integer; `5.0` is accepted as 5, a fraction or a value out of range is NULL.
    case int8
    /// A whole number that PostgreSQL has as `numeric`: an int8 where it fits, else in a second column of type numeric. One
    /// column of type numeric would cost a rewrite of the tables that there are, and its values do not compress.
    case numeric
    case float8
    case bool
    /// Inline text: short and varied (a state, an LSN, a size as printed).
    case text
    /// Long or repeated text, stored once a server in `texts`; the row carries its 64-bit id.
    case interned
    /// JSON as it was sent. Only columns of the server's own have it, which no key of a push fills.
    case json
    /// A PostgreSQL or RFC 3339 timestamp text; "" is NULL ("never", as the stock collector prints it).
    case timestamp
  }

  /// What the number means over time: decides which aggregates make sense.
  public enum Meaning: Sendable, Hashable {
    /// Only grows, and falls to zero on a reset.
    case counter
    case gauge
    /// A name, state or text: not aggregated.
    case label
  }

  public enum Unit: String, Sendable, Hashable {
    case none = ""
    case bytes, megabytes, gigabytes
    case megabytesPerHour = "megabytes_per_hour"
    case milliseconds, seconds, percent, rows, blocks, sectors
  }

  /// The key in the collector's JSON.
  public let key: String
  /// What queries and views call it; equal to `key` but where the value was nested (`cpu.user` is `cpu_user`) or where the
  /// key means something else in every other table.
  public let name: String
  public let kind: Kind
  public let meaning: Meaning
  public let unit: Unit
  /// What the value says, as a sentence for whoever reads the table.
  public let summary: String
  /// Whether it is 64 bits that name something: a program that knows doubles only would read another number.
  public private(set) var isIdentifier = false
  /// Whether the server makes the value; the JSON's key of that name, if there is one, is then an unknown one.
  public private(set) var isMade = false
  /// The column in the table, or its begin.
  private var base: String

  private init(_ key: String, _ name: String?, _ kind: Kind, _ meaning: Meaning, _ unit: Unit, _ summary: String) {
    self.key = key
    self.name = name ?? key
    self.kind = kind
    self.meaning = meaning
    self.unit = unit
    self.summary = summary
    base = self.name
  }

  /// The column in the table: of an interned text its id.
  public var storedName: String {
    switch kind {
    case .interned: base + "_id"
    case .int8, .numeric, .float8, .bool, .text, .timestamp, .json: base
    }
  }

  /// Of a numeric: the column of type numeric, for what an int8 cannot hold.
  public var wideName: String { base + "_numeric" }

  /// The same under another name for those who read; the table's column keeps its name.
  public func shown(as name: String) -> Self {
    var column = Self(key, name, kind, meaning, unit, summary)
    column.base = base
    return column
  }

  // `means`: the column's summary.

  public static func counter(_ key: String, _ unit: Unit = .none, means summary: String = "") -> Self {
    .init(key, nil, .int8, .counter, unit, summary)
  }
  public static func numericCounter(_ key: String, _ unit: Unit = .none, means summary: String = "") -> Self {
    .init(key, nil, .numeric, .counter, unit, summary)
  }
  public static func counterTime(_ key: String, means summary: String = "") -> Self {
    .init(key, nil, .float8, .counter, .milliseconds, summary)
  }
  public static func count(
    _ key: String, _ unit: Unit = .none, as name: String? = nil, means summary: String = ""
  ) -> Self {
    .init(key, name, .int8, .gauge, unit, summary)
  }
  public static func real(
    _ key: String, _ unit: Unit = .none, as name: String? = nil, means summary: String = ""
  ) -> Self {
    .init(key, name, .float8, .gauge, unit, summary)
  }
  public static func flag(_ key: String, means summary: String = "") -> Self {
    .init(key, nil, .bool, .label, .none, summary)
  }
  public static func text(_ key: String, as name: String? = nil, means summary: String = "") -> Self {
    .init(key, name, .text, .label, .none, summary)
  }
  public static func interned(_ key: String, as name: String? = nil, means summary: String = "") -> Self {
    .init(key, name, .interned, .label, .none, summary)
  }
  public static func timestamp(_ key: String, as name: String? = nil, means summary: String = "") -> Self {
    .init(key, name, .timestamp, .label, .none, summary)
  }
  public static func number(_ key: String, means summary: String = "") -> Self {
    .init(key, nil, .int8, .label, .none, summary)
  }
  public static func identifier(_ key: String, means summary: String = "") -> Self {
    var column = number(key, means: summary)
    column.isIdentifier = true
    return column
  }
  static func json(_ name: String, means summary: String) -> Self { .init(name, nil, .json, .label, .none, summary) }
  /// The keys of a row that its declaration does not know, as every metric table has them.
  public static let extra = Self.json("extra", means: "Keys of the row that the table has no column for; NULL: none.")
  /// A number of rows that the server counts.
  public static func made(_ name: String, means summary: String = "") -> Self {
    var column = count(name, .rows, means: summary)
    column.isMade = true
    return column
  }
}
