// One value of a metric row: its JSON key, its SQL column, how it is encoded, what it means.
// Decoder, COPY encoder, DDL, views, OpenAPI and query columns all read this one declaration.

/// A typed column of a metric table.
public struct MetricColumn: Sendable, Hashable {
  /// How the value is checked and stored. JSON `null` and an absent key are NULL in every kind.
  public enum Kind: Sendable, Hashable {
    /// Signed 64-bit integer; `5.0` is accepted as 5, a fraction or a value out of range is refused.
    case int8
    case float8
    case bool
    /// Inline text: short and varied (a state, an LSN, a size as printed).
    case text
    /// Long or repeated text, stored once a server in `texts`; the row carries its 64-bit id.
    case interned
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
  /// The column in the table; equal to `key` but where the value was nested (`cpu.user` is `cpu_user`).
  public let name: String
  public let kind: Kind
  public let meaning: Meaning
  public let unit: Unit

  private init(_ key: String, _ name: String?, _ kind: Kind, _ meaning: Meaning, _ unit: Unit) {
    self.key = key
    self.name = name ?? key
    self.kind = kind
    self.meaning = meaning
    self.unit = unit
  }

  public static func counter(_ key: String, _ unit: Unit = .none) -> Self { .init(key, nil, .int8, .counter, unit) }
  public static func counterTime(_ key: String) -> Self { .init(key, nil, .float8, .counter, .milliseconds) }
  public static func count(_ key: String, _ unit: Unit = .none, as name: String? = nil) -> Self {
    .init(key, name, .int8, .gauge, unit)
  }
  public static func real(_ key: String, _ unit: Unit = .none, as name: String? = nil) -> Self {
    .init(key, name, .float8, .gauge, unit)
  }
  public static func flag(_ key: String) -> Self { .init(key, nil, .bool, .label, .none) }
  public static func text(_ key: String, as name: String? = nil) -> Self { .init(key, name, .text, .label, .none) }
  public static func interned(_ key: String, as name: String? = nil) -> Self {
    .init(key, name, .interned, .label, .none)
  }
  public static func timestamp(_ key: String, as name: String? = nil) -> Self {
    .init(key, name, .timestamp, .label, .none)
  }
  public static func number(_ key: String) -> Self { .init(key, nil, .int8, .label, .none) }
}
