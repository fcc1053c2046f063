// One value of a metric row: its JSON key, its SQL column, its encoding, its meaning. Decoder, COPY encoder, DDL,
// views, OpenAPI and query columns all read this one declaration.

/// A typed column of a metric table.
public struct MetricColumn: Sendable, Hashable {
  /// How the value is checked and stored. JSON `null` and an absent key give NULL in each kind. A value of another kind
  /// also gives NULL, and the answer reports it.
  public enum Kind: Sendable, Hashable {
    /// A signed 64-bit integer. `5.0` is accepted as 5. A fraction or a value out of range gives NULL.
    case int8
    /// A whole number that is `numeric` in PostgreSQL. It is stored in an int8 column if it fits, else in a second
    /// column of type numeric. A single column of type numeric would require a rewrite of existing tables, and its
    /// values do not compress.
    case numeric
    /// A double.
    case float8
    case bool
    /// Text in the row itself, for short and varied values: a state, an LSN, a printed size.
    case text
    /// Long or repeated text. The table `texts` stores it once for each monitored server, and the row holds its 64-bit
    /// id.
    case interned
    /// JSON as the collector sent it. No key of a push fills such a column; the decoder fills it.
    case json
    /// The text of a PostgreSQL or RFC 3339 timestamp. "" gives NULL, because the stock collector prints it for
    /// "never".
    case timestamp
  }

  /// What the value means over time. It decides which aggregates make sense.
  public enum Meaning: Sendable, Hashable {
    /// A number that only grows, and returns to zero on a reset.
    case counter
    /// A number that goes up and down.
    case gauge
    /// A name, state or text. It is not aggregated.
    case label
  }

  /// The unit of the value, as the API names it.
  public enum Unit: String, Sendable, Hashable {
    case none = ""
    case bytes, megabytes, gigabytes
    case megabytesPerHour = "megabytes_per_hour"
    case milliseconds, seconds, percent, rows, blocks, sectors
  }

  /// The key in the collector's JSON.
  public let key: String
  /// The name in queries and views. It differs from `key` if the value is nested (`cpu.user` is `cpu_user`), or if the
  /// key has another meaning in all other tables.
  public let name: String
  /// How the value is stored.
  public let kind: Kind
  /// What the value means over time.
  public let meaning: Meaning
  /// The unit of the value.
  public let unit: Unit
  /// What the value says, in one sentence for readers of the table.
  public let summary: String
  /// Whether the value is a 64-bit identifier. The API then writes it as text, because a client that reads numbers as
  /// doubles would get another value.
  public private(set) var isIdentifier = false
  /// Whether the decoder makes the value. A key of that name in the JSON then counts as unknown.
  public private(set) var isMade = false
  /// The column in the table, without a suffix.
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

  /// The column in the table. For an interned text it is the column of the id.
  public var storedName: String {
    switch kind {
    case .interned: base + "_id"
    case .int8, .numeric, .float8, .bool, .text, .timestamp, .json: base
    }
  }

  /// For a numeric: the second column, of type numeric, for values beyond an int8.
  public var wideName: String { base + "_numeric" }

  /// The same column under another name in queries and views. The table's column keeps its name.
  public func shown(as name: String) -> Self {
    var column = Self(key, name, kind, meaning, unit, summary)
    column.base = base
    return column
  }

  /// A counter. `means` is the column's summary, here and below.
  public static func counter(_ key: String, _ unit: Unit = .none, means summary: String = "") -> Self {
    .init(key, nil, .int8, .counter, unit, summary)
  }
  /// A counter that is `numeric` in PostgreSQL.
  public static func numericCounter(_ key: String, _ unit: Unit = .none, means summary: String = "") -> Self {
    .init(key, nil, .numeric, .counter, unit, summary)
  }
  /// A counter of milliseconds, as a double.
  public static func counterTime(_ key: String, means summary: String = "") -> Self {
    .init(key, nil, .float8, .counter, .milliseconds, summary)
  }
  /// A whole number that goes up and down. `name` is the column if it differs from the key; likewise below.
  public static func count(
    _ key: String, _ unit: Unit = .none, as name: String? = nil, means summary: String = ""
  ) -> Self {
    .init(key, name, .int8, .gauge, unit, summary)
  }
  /// A double that goes up and down.
  public static func real(
    _ key: String, _ unit: Unit = .none, as name: String? = nil, means summary: String = ""
  ) -> Self {
    .init(key, name, .float8, .gauge, unit, summary)
  }
  /// A flag.
  public static func flag(_ key: String, means summary: String = "") -> Self {
    .init(key, nil, .bool, .label, .none, summary)
  }
  /// A short text.
  public static func text(_ key: String, as name: String? = nil, means summary: String = "") -> Self {
    .init(key, name, .text, .label, .none, summary)
  }
  /// A long or repeated text, stored once in `texts`.
  public static func interned(_ key: String, as name: String? = nil, means summary: String = "") -> Self {
    .init(key, name, .interned, .label, .none, summary)
  }
  /// A timestamp.
  public static func timestamp(_ key: String, as name: String? = nil, means summary: String = "") -> Self {
    .init(key, name, .timestamp, .label, .none, summary)
  }
  /// A whole number that is not aggregated.
  public static func number(_ key: String, means summary: String = "") -> Self {
    .init(key, nil, .int8, .label, .none, summary)
  }
  /// A 64-bit number that names something.
  public static func identifier(_ key: String, means summary: String = "") -> Self {
    var column = number(key, means: summary)
    column.isIdentifier = true
    return column
  }
  static func json(_ name: String, means summary: String) -> Self { .init(name, nil, .json, .label, .none, summary) }
  /// The column, in each metric table, for the keys of a row that its declaration does not have.
  public static let extra = Self.json("extra", means: "Keys of the row that the table has no column for; NULL: none.")
  /// A number of rows that the decoder counts.
  public static func made(_ name: String, means summary: String = "") -> Self {
    var column = count(name, .rows, means: summary)
    column.isMade = true
    return column
  }
}
