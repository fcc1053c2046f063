// The HS256 keys of a database, which all servers on it share. Every server reads a new key before it signs. Older keys
// verify until the last token that they signed has expired.

import Ground
import Protocol
import Synchronization

/// Reads and changes the keys in the database.
struct SigningKeyStore<Client: DatabaseClient> {
  let database: Client

  /// Reads the keys. - Throws: `JWTKeyError` for an invalid row.
  func load() async throws -> JWTKeySet {
    let rows = try await database.rows(SigningKeyStatements.list)
    // If no key may sign yet, the oldest one signs: an operator has retired all others.
    guard let signing = rows.first(where: \.mayFromNowOnSign) ?? rows.last else {
      throw DatabaseError(.unexpectedResult, "there is no signing key")
    }
    func key(_ row: SigningKeyRow) throws(JWTKeyError) -> JWTKey { try JWTKey(id: row.kid, secret: row.secret) }
    return try JWTKeySet(
      signing: key(signing),
      verifying: rows.filter { $0.kid != signing.kid }.map { row throws(JWTKeyError) in try key(row) })
  }
}

extension SigningKeyStore where Client == DatabaseLease {
  /// Makes a key. The session is in a transaction.
  /// - Parameters:
  ///   - lead: the time until the key signs.
  ///   - overlap: how long older keys verify after that.
  /// - Returns: the new key's kid.
  func add(lead: Duration, overlap: Duration) async throws(DatabaseError) -> String {
    let kid = UUID.random().description
    let isFirst = try await database.rows(SigningKeyStatements.list).isEmpty
    try await database.execute(
      SigningKeyStatements.add, kid, RandomBytes.generate(JWTKey.secretBytes),
      isFirst ? 0 : Double(lead.wholeSeconds))
    try await database.execute(
      SigningKeyStatements.retireOlder, kid, Double(lead.wholeSeconds) + Double(overlap.wholeSeconds))
    try await database.audit(
      AuditEvent(.rotateSigningKey, by: AuditEvent.system, on: AuditEvent.signingKey(kid)))
    return kid
  }

  /// Makes a key if the newest is older than `life`. The session is in a transaction.
  /// - Returns: the new key's kid; nil if none was due.
  func addIfDue(life: Duration, lead: Duration, overlap: Duration) async throws(DatabaseError) -> String? {
    try await database.execute(SigningKeyStatements.lock)
    guard try await database.one(SigningKeyStatements.isDue, Double(life.wholeSeconds))?.value == true else {
      return nil
    }
    return try await add(lead: lead, overlap: overlap)
  }
}

extension Settings {
  /// How long the oldest token can be in use. The stock collector sends the token of its enrolment as long as its
  /// certificate can be renewed.
  var signingKeyOverlap: Duration {
    max(accessTokenLife, collectorTokenLife + certificateLife + certificateGrace)
  }
}

/// The signing keys that the process uses now.
final class SigningKeys: Sendable {
  private let database: Database
  private let settings: LiveSettings
  private let state: Mutex<JWTKeySet>

  private init(_ database: Database, _ settings: LiveSettings, _ keys: JWTKeySet) {
    self.database = database
    self.settings = settings
    state = Mutex(keys)
  }

  /// Keys that sign nothing, for declarations that need some.
  /// - Throws: never, because the length of the secret is right.
  static func none(_ settings: LiveSettings) throws(JWTKeyError) -> SigningKeys {
    let key = try JWTKey(id: "none", secret: [UInt8](repeating: 0, count: JWTKey.secretBytes))
    return SigningKeys(Database.none, settings, try JWTKeySet(signing: key))
  }

  /// Reads the keys, and makes the first one if there is none.
  static func open(_ database: Database, settings: LiveSettings) async throws -> SigningKeys {
    try await rotateIfDue(database, settings.now)
    return SigningKeys(database, settings, try await SigningKeyStore(database: database).load())
  }

  /// Tokens with the current keys and the current lives from the settings.
  var tokens: Tokens { Tokens(keys: state.withLock { $0 }, settings: settings.now) }

  /// Reads the keys again. - Returns: the tokens if the keys changed.
  func reload() async throws -> Tokens? {
    let keys = try await SigningKeyStore(database: database).load()
    let isChanged = state.withLock { known in
      if known == keys { return false }
      known = keys
      return true
    }
    return isChanged ? tokens : nil
  }

  /// Makes a new key if the newest is too old, and deletes keys that verify nothing any more.
  func maintain() async throws(DatabaseError) {
    try await Self.rotateIfDue(database, settings.now)
    try await database.execute(SigningKeyStatements.prune)
  }

  private static func rotateIfDue(_ database: Database, _ settings: Settings) async throws(DatabaseError) {
    // Checked without the lock first: usually none is due.
    let life = settings.signingKeyLife
    guard try await database.one(SigningKeyStatements.isDue, Double(life.wholeSeconds))?.value == true else { return }
    try await database.transaction { session throws(DatabaseError) in
      _ = try await SigningKeyStore(database: session).addIfDue(
        life: life, lead: settings.signingKeyLead, overlap: settings.signingKeyOverlap)
    }
  }
}

extension AuditEvent {
  /// The name of a signing key in the audit trail. The kid is not secret: every token contains it.
  static func signingKey(_ kid: String) -> String { "signing_key:\(kid)" }
}
