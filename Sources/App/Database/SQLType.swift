// PostgreSQL's types by their fixed object ids (src/include/catalog/pg_type.dat).

struct SQLType: Hashable, Sendable, CustomStringConvertible {
  let oid: UInt32

  init(oid: UInt32) { self.oid = oid }

  static let bool = SQLType(oid: 16)
  static let bytea = SQLType(oid: 17)
  static let int8 = SQLType(oid: 20)
  static let int4 = SQLType(oid: 23)
  static let text = SQLType(oid: 25)
  static let float8 = SQLType(oid: 701)
  static let date = SQLType(oid: 1082)
  static let timestamptz = SQLType(oid: 1184)
  static let numeric = SQLType(oid: 1700)
  static let uuid = SQLType(oid: 2950)
  static let jsonb = SQLType(oid: 3802)
  static let int4Array = SQLType(oid: 1007)
  static let int8Array = SQLType(oid: 1016)
  static let textArray = SQLType(oid: 1009)
  static let dateArray = SQLType(oid: 1182)
  static let timestamptzArray = SQLType(oid: 1185)
  static let uuidArray = SQLType(oid: 2951)
  static let float8Array = SQLType(oid: 1022)

  /// The types that a column can be declared with.
  private static let known: [SQLType] = [
    .bool, .bytea, .int8, .int4, .text, .float8, .date, .timestamptz, .uuid, .jsonb, .int4Array, .int8Array, .textArray,
    .dateArray, .timestamptzArray, .uuidArray, .float8Array, .numeric,
  ]

  /// Nil if no known type has this `description`.
  init?(name: String) {
    guard let type = Self.known.first(where: { $0.description == name }) else { return nil }
    self = type
  }

  /// The name with which a column is declared.
  var description: String {
    switch self {
    case .bool: "bool"
    case .bytea: "bytea"
    case .int8: "int8"
    case .int4: "int4"
    case .text: "text"
    case .float8: "float8"
    case .date: "date"
    case .timestamptz: "timestamptz"
    case .numeric: "numeric"
    case .uuid: "uuid"
    case .jsonb: "jsonb"
    case .int4Array: "int4[]"
    case .int8Array: "int8[]"
    case .textArray: "text[]"
    case .dateArray: "date[]"
    case .timestamptzArray: "timestamptz[]"
    case .uuidArray: "uuid[]"
    case .float8Array: "float8[]"
    default: "type \(oid)"  // an open set: the catalogue may contain other types
    }
  }
}
