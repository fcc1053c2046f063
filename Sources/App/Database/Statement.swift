// SQL statements with typed parameters and rows. A test prepares every statement on the migrated schema. No SQL is
// assembled from strings at run time.

/// A statement with typed parameters ($1, $2, ...) and a typed row.
///
///     static let byName = Statement<String, Account>("user_by_name", "SELECT ... WHERE lower(username) = lower($1)")
struct Statement<each Parameter: SQLValue, Row: SQLRow>: Sendable {
  /// What is declared, without the types. Made once, with the statement.
  let description: StatementDescription

  /// - Parameter name: what it is prepared under; unique in the program.
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

/// What a statement declares, without its types: for whoever runs it, and for the test that compares it with what the
/// database says.
struct StatementDescription: Hashable, Sendable {
  let name: String
  let sql: String
  let parameterTypes: [SQLType]
  let columns: [SQLColumn]
  let isOpen: Bool

  /// Whether a result has the declared columns. - Returns: what is different, or nil.
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
