// What a program with an API token may do with an endpoint. A token may be restricted to monitored servers with some
// labels. Each endpoint declares how it keeps to that; an endpoint that declares nothing is closed to such tokens.

import Protocol

enum TokenReach: Equatable, Sendable {
  /// No API token may call the endpoint. The text completes "an API token cannot …".
  case person(String)
  /// The endpoint concerns all monitored servers, or none in particular. A token with labels may not call it.
  case fleet
  /// The answer is the same for everybody, and names no monitored server.
  case constant
  /// The handler selects monitored servers by the parameters `server` and `label`, which add the labels of the token.
  case selection
  /// The path's parameter `id` is a monitored server.
  case server
  /// The path's parameter with this name is a collector.
  case collector(String)
  /// The path's parameter `id` is a finding.
  case finding

  /// Checks what follows from the endpoint alone. - Throws: `.tokenRefused`
  func admit(_ token: Principal.APIToken) throws(Problem) {
    switch self {
    case .person(let what): throw Problem(.tokenRefused, "an API token cannot \(what); log in with a password")
    case .fleet:
      if token.scope.isEmpty { return }
      throw Problem(
        .tokenRefused,
        "the token is restricted to servers with \(token.scope.joined(separator: ", ")), and this concerns all servers")
    case .constant, .selection, .server, .collector, .finding: return
    }
  }

  /// Whether a token without labels may call the endpoint.
  var includesTokens: Bool {
    switch self {
    case .person: false
    case .fleet, .constant, .selection, .server, .collector, .finding: true
    }
  }

  /// Whether a token with labels may call the endpoint.
  var includesScoped: Bool {
    switch self {
    case .person, .fleet: false
    case .constant, .selection, .server, .collector, .finding: true
    }
  }
}
