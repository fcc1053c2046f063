import Protocol

/// The HS256 keys of a database, shared by all servers on it.
enum SigningKeys {
  /// Reads the keys; makes the first one if there is none.
  static func load(_ database: Database) async throws -> JWTKeySet {
    var rows = try await database.rows(AccountStatements.signingKeys)
    if rows.isEmpty {
      let key = try JWTKey.generate(id: UUID.random().description)
      try await database.execute(AccountStatements.addFirstSigningKey, key.id, key.secret)
      rows = try await database.rows(AccountStatements.signingKeys)
    }
    let keys = try rows.map { row throws(JWTKeyError) in try JWTKey(id: row.kid, secret: row.secret) }
    return try JWTKeySet(signing: keys[0], verifying: Array(keys.dropFirst()))
  }
}
