/// All checks of the program.
enum Checks {
  static let all: [Check] = collectors + space + sessions + locks + replication

  static let byName: [String: Check] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The statements of all checks, for the test that prepares every statement.
  static let statements = all.map(\.statement.description)
}
