// Who may call what, as a table of the documentation: derived from the same declarations that admit requests.

import Protocol

enum AccessTable {
  /// Markdown. Endpoints in the order of the documentation.
  static func markdown(_ endpoints: [Endpoint]) -> String {
    var lines = [
      "| Endpoint | viewer | operator | admin | others |", "| --- | :-: | :-: | :-: | --- |",
    ]
    for endpoint in endpoints {
      let may = Role.allCases.map { endpoint.access.admits($0) ? "yes" : "" }
      let cells = ["`\(endpoint.method.name) \(endpoint.path.template)`"] + may + [endpoint.access.others]
      lines.append("| " + cells.joined(separator: " | ") + " |")
    }
    return lines.joined(separator: "\n")
  }
}

extension Access {
  /// Whether a user of this role may.
  fileprivate func admits(_ role: Role) -> Bool {
    switch self {
    case .anyone: true
    case .user(let least), .collectorOrUser(let least, certificate: _): role >= least
    case .collector, .registrationSecret: false
    }
  }

  /// Who may beside users.
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
    case .registrationSecret: "who has a registration secret"
    }
  }
}
