// Checks the monitored server of a path against the labels of an API token.

import Protocol

enum TokenScopeStatements {
  static let all = [server.description, collector.description, finding.description]

  private static func has(_ source: String, server: String) -> String {
    "SELECT EXISTS (SELECT FROM \(source) AND \(LabelFilter.condition(server: server, terms: "$2::text[]")))"
  }

  /// Whether a monitored server has the labels. Parameters: server, texts of label terms.
  static let server = Statement<Int64, [String], SingleValue<Bool>>(
    "scope_server", has("pganalytics.servers s WHERE s.id = $1::int8", server: "s.id"))

  /// Whether the server of a collector has them. Parameters: collector, texts of label terms.
  static let collector = Statement<UUID, [String], SingleValue<Bool>>(
    "scope_collector", has("pganalytics.collectors c WHERE c.id = $1", server: "c.server_id"))

  /// Whether the server of a finding has them. Parameters: finding, texts of label terms.
  static let finding = Statement<Int64, [String], SingleValue<Bool>>(
    "scope_finding", has("pganalytics.findings f WHERE f.id = $1", server: "f.server_id"))
}

extension Database {
  /// Admits a request with an API token.
  /// - Throws: `.tokenRefused` if the endpoint is not for the token; `.notFound` if the path names a monitored server
  ///   without the token's labels, as if it did not exist.
  func admit(_ token: Principal.APIToken, to reach: TokenReach, _ path: PathParameters) async throws(Problem) {
    try reach.admit(token)
    if token.scope.isEmpty { return }
    let isWithin = try await query { database throws(DatabaseError) -> Bool? in
      switch reach {
      case .person, .fleet, .constant, .selection: true
      case .server: try await database.one(TokenScopeStatements.server, path.integer("id"), token.scope)?.value
      case .finding: try await database.one(TokenScopeStatements.finding, path.integer("id"), token.scope)?.value
      case .collector(let name):
        if let id = path.id(name) {
          try await database.one(TokenScopeStatements.collector, id, token.scope)?.value
        } else {
          false
        }
      }
    }
    if isWithin != true { throw Problem(.notFound, "the token is restricted to servers with other labels") }
  }
}
