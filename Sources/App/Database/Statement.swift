// SQL statements with typed parameters and rows. A test prepares every statement on the migrated schema. No SQL is
// assembled from strings at run time.

/// A statement with typed parameters ($1, $2, ...) and a typed row.
///
///     static let byName = Statement<String, Account>("user_by_name", "SELECT ... WHERE lower(username) = lower($1)")
struct Statement<each Parameter: SQLValue, Row: SQLRow>: Sendable {
  /// The declaration without its Swift types. The statement makes it once.
  let description: StatementDescription

  /// - Parameter name: the name under which a session prepares the statement; unique in the program.
  init(_ name: String, _ sql: String) {
    var types: [SQLType] = []
    repeat types.append((each Parameter).type)
    description = StatementDescription(
      name: name, sql: sql, parameterTypes: types, columns: Row.describe(), isOpen: Row.isOpen)
  }

  func encode(_ parameter: repeat each Parameter) -> EncodedParameters {
    var encoded = EncodedParameters()
    repeat encoded.append(each parameter)
    return encoded
  }
}

/// The declaration of a statement without its Swift types. A session prepares the statement from it, and a test compares
/// it with the database.
struct StatementDescription: Hashable, Sendable {
  let name: String
  let sql: String
  let parameterTypes: [SQLType]
  let columns: [SQLColumn]
  let isOpen: Bool

  /// Compares the columns of a result with the declared columns.
  /// - Returns: the first difference, as a sentence; nil if there is none.
  func mismatch(with found: [SQLColumn]) -> String? {
    if isOpen { return nil }
    guard found.count == columns.count else { return "\(found.count) columns instead of \(columns.count)" }
    for (declared, found) in zip(columns, found) {
      guard declared.name.isEmpty || declared.name == found.name, declared.type == found.type else {
        return "column \(found.name) \(found.type) instead of \(declared.name) \(declared.type)"
      }
    }
    return nil
  }
}

/// The values of one execution in binary format.
struct EncodedParameters: Hashable, Sendable {
  private(set) var bytes: [UInt8] = []
  /// The position of each value in `bytes`; nil for NULL.
  private(set) var ranges: [Range<Int>?] = []

  mutating func append<Value: SQLValue>(_ value: Value) {
    if value.isNull {
      ranges.append(nil)
      return
    }
    let start = bytes.count
    value.append(to: &bytes)
    ranges.append(start..<bytes.count)
  }
}
