import Protocol

/// Registration secrets and other random texts. At rest they are SHA-256 digests: they are random, so no slow hash is
/// needed to keep them from being guessed.
enum Secrets {
  private static let bytes = 24

  /// 192 random bits as base64url. Never with a hyphen in front: on a command line it would be taken for an option.
  static func random() -> String {
    while true {
      let text = Base64URL.encode(RandomBytes.generate(bytes))
      if !text.hasPrefix("-") { return text }
    }
  }

  static func digest(_ secret: some Collection<UInt8>) -> [UInt8] { Digest.sha256(Array(secret)) }

  /// Adds a registration secret on behalf of the program itself: the command line, `pganalytics up`.
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
