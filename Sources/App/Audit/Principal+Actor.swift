extension Principal {
  /// The name in the audit trail: `user:<id>`, `collector:<uuid>`, `anonymous`.
  var actor: String {
    switch self {
    case .anonymous: "anonymous"
    case .user(let user): AuditEvent.user(user.id)
    case .collector(let collector): AuditEvent.collector(collector.id)
    }
  }
}
