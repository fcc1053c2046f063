import Protocol

extension Secrets {
  /// Adds a registration secret on behalf of the program itself: for the command line and `pganalytics up`.
  static func add(
    _ secret: String, name: String, expiry: Timestamp?, maxUses: Int32?, reenrolment: Reenrolment? = nil,
    labels: LabelSet = LabelSet(), to database: Database
  ) async throws(DatabaseError) {
    let id = UUID.random()
    try await database.transaction { session throws(DatabaseError) in
      _ = try await session.one(
        RegistrationSecretStatements.add, id, name, digest(secret.utf8), expiry, maxUses, reenrolment?.rawValue,
        labels)
      try await session.audit(AuditEvent(.createSecret, by: "system", on: AuditEvent.secret(id)).naming(name))
    }
  }
}
