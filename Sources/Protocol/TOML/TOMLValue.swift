// The content of a TOML document as a small tree, in the order of the text.

/// One TOML value (TOML 1.0.0).
public enum TOMLValue: Sendable, Equatable {
  case string(String)
  case integer(Int64)
  /// A float, including the infinities and NaN (which equals nothing).
  case float(Double)
  case boolean(Bool)
  /// A date and time with an offset (RFC 3339), as written. All parts are valid; a second of 60 is allowed.
  case offsetDateTime(String)
  /// A date and time without an offset, as written.
  case localDateTime(String)
  /// `YYYY-MM-DD`, of a day that exists.
  case localDate(String)
  /// `hh:mm:ss` with an optional fraction, as written.
  case localTime(String)
  /// A static array, or an array of tables.
  case array([TOMLValue])
  /// A table of any form: root, header, dotted or inline.
  case table(TOMLTable)
}

/// A table. Its keys keep the order in which they first occur; no key occurs twice.
///
/// Keys are different if their bytes are different. TOML does not normalise, so `é` and `e` with a combining accent are
/// two keys.
public struct TOMLTable: Sendable, Equatable {
  /// One key with its value.
  public struct Entry: Sendable, Equatable {
    /// The key.
    public let key: String
    /// The value.
    public let value: TOMLValue
    /// The byte offset, from the start of the document, at which the key first occurs. It does not count for equality.
    public let offset: Int

    /// Compares key and value.
    public static func == (left: Entry, right: Entry) -> Bool { left.key == right.key && left.value == right.value }
  }

  /// The entries in order.
  public let entries: [Entry]

  /// The value at the end of `path`, which has one key per level; nil if a key is absent or a level is not a table. The
  /// search goes through the entries of each level one by one, because sections of a configuration are short.
  public subscript(path: String...) -> TOMLValue? {
    var value = TOMLValue.table(self)
    for key in path {
      guard case .table(let table) = value, let next = table.value(of: key) else { return nil }
      value = next
    }
    return value
  }

  private func value(of key: String) -> TOMLValue? {
    // Compares bytes, because equality of strings ignores differences of normalisation.
    entries.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }
}
