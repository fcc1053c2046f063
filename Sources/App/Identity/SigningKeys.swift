// The HS256 keys of a database, shared by all servers on it. A new key is read by every server before it signs, and the
// ones before it verify until the last token they signed is of no use.

import Ground
import Protocol
import Synchronization

/// What can be done to the keys in the database.
struct SigningKeyStore<Client: DatabaseClient> {
  let database: Client

  /// - Throws: `JWTKeyError` for a row that is no key.
  func load() async throws -> JWTKeySet {
    let rows = try await database.rows(SigningKeyStatements.list)
    // Where none may sign yet, the oldest does: somebody retired all others.
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
  /// Makes a key, in a transaction.
  /// - Parameters:
  ///   - lead: until it signs.
  ///   - overlap: how long those before it verify after that.
  /// - Returns: its kid.
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

  /// Makes a key if the newest is older than `life`. In a transaction.
  /// - Returns: its kid; nil if none was due.
  func addIfDue(life: Duration, lead: Duration, overlap: Duration) async throws(DatabaseError) -> String? {
    try await database.execute(SigningKeyStatements.lock)
    guard try await database.one(SigningKeyStatements.isDue, Double(life.wholeSeconds))?.value == true else {
      return nil
    }
    return try await add(lead: lead, overlap: overlap)
  }
}

extension Settings {
  /// How long the oldest token can be of use: the stock collector shows the token of its enrolment for as long as its
  /// certificate can be renewed.
  var signingKeyOverlap: Duration {
    max(accessTokenLife, collectorTokenLife + certificateLife + certificateGrace)
  }
}

/// The tokens that the process issues and takes now.
final class SigningKeys: Sendable {
  private let database: Database
  private let settings: LiveSettings
  private let state: Mutex<JWTKeySet>

  private init(_ database: Database, _ settings: LiveSettings, _ keys: JWTKeySet) {
    self.database = database
    self.settings = settings
    state = Mutex(keys)
  }

  /// Reads the keys; makes the first one if there is none.
  static func open(_ database: Database, settings: LiveSettings) async throws -> SigningKeys {
    try await rotateIfDue(database, settings.now)
    return SigningKeys(database, settings, try await SigningKeyStore(database: database).load())
  }

  /// With the lives that the settings give them now.
  var tokens: Tokens { Tokens(keys: state.withLock { $0 }, settings: settings.now) }

  /// Reads the keys again. - Returns: the tokens if they changed.
  func reload() async throws -> Tokens? {
    let keys = try await SigningKeyStore(database: database).load()
    let isChanged = state.withLock { known in
      if known == keys { return false }
      known = keys
      return true
    }
    return isChanged ? tokens : nil
  }

  /// Makes a new key where the newest has had its time, and forgets those that verify nothing any more.
  func maintain() async throws(DatabaseError) {
    try await Self.rotateIfDue(database, settings.now)
    try await database.execute(SigningKeyStatements.prune)
  }

  private static func rotateIfDue(_ database: Database, _ settings: Settings) async throws(DatabaseError) {
    // Asked without the lock first: it is nearly always no.
    let life = settings.signingKeyLife
    guard try await database.one(SigningKeyStatements.isDue, Double(life.wholeSeconds))?.value == true else { return }
    try await database.transaction { session throws(DatabaseError) in
      _ = try await SigningKeyStore(database: session).addIfDue(
        life: life, lead: settings.signingKeyLead, overlap: settings.signingKeyOverlap)
    }
  }
}

extension AuditEvent {
  /// How the trail names a signing key. Its name is no secret: every token says it.
  static func signingKey(_ kid: String) -> String { "signing_key:\(kid)" }
}
