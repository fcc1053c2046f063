// SQL statements with typed parameters and rows. A test prepares every statement on the migrated schema. No SQL is
// assembled from strings at run time.

/// A statement with typed parameters ($1, $2, ...) and a typed row.
///
///     static let byName = Statement<String, Account>("user_by_name", "SELECT ... WHERE lower(username) = lower($1)")
struct Statement<each Parameter: SQLValue, Row: SQLRow>: Sendable {
  /// The name it is prepared under; unique in the program.
  let name: String
  let sql: String

  init(_ name: String, _ sql: String) {
    self.name = name
    self.sql = sql
  }

  /// The parameters' types, in order.
  var parameterTypes: [SQLType] {
    var types: [SQLType] = []
    repeat types.append((each Parameter).type)
    return types
  }

  func encode(_ parameter: repeat each Parameter) -> EncodedParameters {
    var encoded = EncodedParameters()
    repeat encoded.append(each parameter)
    return encoded
  }

  var description: StatementDescription {
    StatementDescription(
      name: name, sql: sql, parameterTypes: parameterTypes, columns: Row.columns, isOpen: Row.isOpen)
  }
}

/// What a statement declares, without its types: for the test that compares it with what the database says.
struct StatementDescription: Hashable, Sendable {
  let name: String
  let sql: String
  let parameterTypes: [SQLType]
  let columns: [SQLColumn]
  let isOpen: Bool
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
