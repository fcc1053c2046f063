import Protocol

/// Registration secrets and other random texts. The database holds their SHA-256 digests. A slow hash is not needed,
/// because random texts cannot be guessed.
enum Secrets {
  private static let bytes = 24

  /// 192 random bits as base64url. The text never begins with a hyphen, which a command line would take for an option.
  static func random() -> String {
    while true {
      let text = Base64URL.encode(RandomBytes.generate(bytes))
      if !text.hasPrefix("-") { return text }
    }
  }

  static func digest(_ secret: some Collection<UInt8>) -> [UInt8] { Digest.sha256(Array(secret)) }

  /// Adds a registration secret on behalf of the program itself: for the command line and `pganalytics up`.
  static func add(
    _ secret: String, name: String, expiry: Timestamp?, maxUses: Int32?, reenrolment: Reenrolment? = nil,
    to database: Database
  ) async throws(DatabaseError) {
    let id = UUID.random()
    try await database.transaction { session throws(DatabaseError) in
      _ = try await session.one(
        RegistrationSecretStatements.add, id, name, digest(secret.utf8), expiry, maxUses, reenrolment?.rawValue)
      try await session.audit(AuditEvent(.createSecret, by: "system", on: AuditEvent.secret(id)).naming(name))
    }
  }
}
