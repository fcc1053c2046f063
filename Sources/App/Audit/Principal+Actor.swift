extension Principal {
  /// The name in the audit trail: `user:<id>`, `token:<name>`, `collector:<uuid>`, `anonymous`.
  var actor: String {
    switch self {
    case .anonymous: "anonymous"
    case .user(let user):
      switch user.credential {
      case .session: AuditEvent.user(user.id)
      case .token(let token): AuditEvent.token(token.name)
      }
    case .collector(let collector): AuditEvent.collector(collector.id)
    }
  }
}

extension Principal.User {
  /// The name in the log: that of the person, or that of the API token in the form of the audit trail.
  var logName: String {
    switch credential {
    case .session: name
    case .token(let token): AuditEvent.token(token.name)
    }
  }
}

extension AuditEvent {
  /// The name of an API token in the audit trail.
  static func token(_ name: String) -> String { "token:\(name)" }
}
