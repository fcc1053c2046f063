// What a TOML document says, as a small tree in the order it was written.

/// One TOML value (TOML 1.0.0).
public enum TOMLValue: Sendable, Equatable {
  case string(String)
  case integer(Int64)
  /// Also the infinities and NaN (which, as everywhere, equals nothing).
  case float(Double)
  case boolean(Bool)
  /// RFC 3339 date and time with an offset, as written. Date, time and offset are valid; a second of 60 passes.
  case offsetDateTime(String)
  /// Date and time without an offset, as written.
  case localDateTime(String)
  /// `YYYY-MM-DD`, a day that exists.
  case localDate(String)
  /// `hh:mm:ss` with an optional fraction, as written.
  case localTime(String)
  /// A static array, or an array of tables.
  case array([TOMLValue])
  /// A table of any spelling: root, header, dotted or inline.
  case table(TOMLTable)
}

/// Keys and values in the order their keys first appeared; no key occurs twice.
///
/// Keys differ when their bytes differ: TOML doesn't normalise, so `é` and `e` with a combining accent are two keys.
public struct TOMLTable: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public let key: String
    public let value: TOMLValue
    /// Where the key first stands: bytes from the start of the document. No part of what the document says.
    public let offset: Int

    public static func == (left: Entry, right: Entry) -> Bool { left.key == right.key && left.value == right.value }
  }

  public let entries: [Entry]

  /// The value at the end of `path`, one key a level; nil where a key is absent or a level is no table.
  /// Walks the entries of each level: sections of a configuration are short.
  public subscript(path: String...) -> TOMLValue? {
    var value = TOMLValue.table(self)
    for key in path {
      guard case .table(let table) = value, let next = table.value(of: key) else { return nil }
      value = next
    }
    return value
  }

  private func value(of key: String) -> TOMLValue? {
    // By bytes: `==` on strings would take canonically equivalent keys for one another.
    entries.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }
}
