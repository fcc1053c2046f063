/// All checks of the program.
enum Checks {
  static let all: [Check] =
    collectors + space + sessions + locks + replication + standbys + load + queries + tables + waste + catalogue + log

  static let byName: [String: Check] = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The statements of all checks, for the test that prepares every statement.
  static let statements = all.map(\.statement.description)
}
