// The table of roles and endpoints in docs/IDENTITY.md. It derives from the declarations that also admit requests.

import Protocol

enum AccessTable {
  /// Markdown, with the endpoints in the order of the documentation.
  static func markdown(_ endpoints: [Endpoint]) -> String {
    var lines = [
      "| Endpoint | token | token with labels | viewer | operator | admin | others |",
      "| --- | :-: | :-: | :-: | :-: | :-: | --- |",
    ]
    for endpoint in endpoints {
      let may = Role.allCases.map { endpoint.access.admits($0) ? "yes" : "" }
      let isForTokens = endpoint.access.admits(.admin) && endpoint.reach.includesTokens
      let isScoped = endpoint.access == .anyone || endpoint.reach.includesScoped
      let name = "`\(endpoint.method.name) \(endpoint.path.template)`"
      let cells = [name, isForTokens ? "yes" : "", isScoped ? "yes" : ""] + may + [endpoint.access.others]
      lines.append("| " + cells.joined(separator: " | ") + " |")
    }
    return lines.joined(separator: "\n")
  }
}

extension Access {
  /// Whether a user with this role may call the endpoint.
  fileprivate func admits(_ role: Role) -> Bool {
    switch self {
    case .anyone: true
    case .user(let least), .collectorOrUser(let least, certificate: _): role >= least
    case .collector, .registrationSecret: false
    }
  }

  /// Callers other than users that may call the endpoint.
  fileprivate var others: String {
    switch self {
    case .anyone: "anyone"
    case .user: ""
    case .collector(let rule), .collectorOrUser(_, let rule):
      switch rule {
      case .required: "a collector with its certificate"
      case .optional: "a collector"
      case .renewable: "a collector with its certificate, also one that ended a short time ago"
      }
    case .registrationSecret: "a client with a registration secret"
    }
  }
}
