// The two kinds of token that the server issues, and the claims that each must have when a client sends it.

import Ground
import Protocol

/// Issues and reads tokens with the keys of this database. It is a value: lanes and endpoints hold copies.
struct Tokens: Sendable {
  static let issuer = "pganalytics"
  static let userAudience = "pganalytics:user"
  static let collectorAudience = "pganalytics:collector"

  let keys: JWTKeySet
  let accessLife: Int64
  let collectorLife: Int64

  init(keys: JWTKeySet, settings: Settings) {
    self.keys = keys
    accessLife = settings.accessTokenLife.wholeSeconds
    collectorLife = settings.collectorTokenLife.wholeSeconds
  }

  /// A token and its end, in unix seconds.
  struct Issued: Sendable {
    let token: String
    let expiresAt: Int64
  }

  func issue(collector: UUID, hostname: String, now: Int64) -> Issued {
    issue(
      audience: Self.collectorAudience, subject: "collector:\(collector)", life: collectorLife, now: now,
      members: [
        .init("type", .text("access")), .init("collector_id", .text(collector.description)),
        .init("hostname", .text(hostname)),
      ])
  }

  func issue(user: Principal.User, session: UUID, now: Int64) -> Issued {
    issue(
      audience: Self.userAudience, subject: "user:\(user.id)", life: accessLife, now: now,
      members: [
        .init("type", .text("access")), .init("user_id", .number(user.id)), .init("username", .text(user.name)),
        .init("role", .text(user.role.rawValue)), .init("session", .text(session.description)),
      ])
  }

  private func issue(
    audience: String, subject: String, life: Int64, now: Int64, members: [JWTClaims.Member]
  ) -> Issued {
    let claims = JWTClaims(
      issuer: Self.issuer, audience: audience, subject: subject, tokenID: UUID.random().description, issuedAt: now,
      notBefore: now, expiresAt: now + life, members: members)
    return Issued(token: JWT.sign(claims, with: keys), expiresAt: claims.expiresAt)
  }

  /// Reads the collector's id from `token`.
  /// - Parameter grace: for how many seconds after its end a token is still read. If it is not 0, a token that begins
  ///   in the future is read, too. The stock collector keeps the token of its enrolment for ever and sends it after a
  ///   restart, and a token may come from a time before the server's clock was set back. In both cases the client's
  ///   certificate has to prove its identity.
  /// - Returns: the collector's id, and the token's end; the end is nil if only a certificate makes the token
  ///   acceptable.
  func collector(
    _ token: Span<UInt8>, now: Int64, grace: Int64 = 0
  ) throws(JWTError) -> (id: UUID, expiresAt: Int64?) {
    let claims: JWTClaims
    var isGood = true
    do throws(JWTError) {
      claims = try JWT.verify(token, with: keys, audience: Self.collectorAudience, issuer: Self.issuer, now: now)
    } catch {
      guard error == .expired || error == .notYetValid, grace > 0 else { throw error }
      // Verifies signature and claims in the same way, but accepts any time.
      claims = try JWT.verify(
        token, with: keys, audience: Self.collectorAudience, issuer: Self.issuer, now: now, leeway: Self.anyTime)
      if error == .expired, claims.expiresAt <= now - grace { throw error }
      isGood = false
    }
    guard let text = claims.text("collector_id"), let id = UUID(text) else { throw .missingClaim("collector_id") }
    return (id, isGood ? claims.expiresAt : nil)
  }

  /// In seconds: more than any clock error.
  private static let anyTime: Int64 = 1 << 40

  /// Reads the session's id from `token`. The token's name and role are for clients to show; the server uses those of
  /// the session.
  func user(_ token: Span<UInt8>, now: Int64) throws(JWTError) -> UserToken {
    let claims = try JWT.verify(token, with: keys, audience: Self.userAudience, issuer: Self.issuer, now: now)
    guard let id = claims.number("user_id") else { throw .missingClaim("user_id") }
    guard let session = claims.text("session").flatMap({ UUID($0) }) else { throw .missingClaim("session") }
    return UserToken(userID: id, sessionID: session)
  }
}

/// A bearer token that was verified on a connection, and its claims. It saves the HMAC and the parsing in later
/// requests. Whether the collector is revoked is checked each time.
struct VerifiedToken {
  let bytes: [UInt8]
  let collector: UUID
  let expiresAt: Int64
  /// The version of the keys at the verification. The token's key may have been retired since.
  let version: Int

  func matches(_ presented: ArraySlice<UInt8>, now: Int64, version: Int) -> Bool {
    now < expiresAt && version == self.version && presented.count == bytes.count
      && presented.withUnsafeBufferPointer { left in
        bytes.withUnsafeBufferPointer { right in
          // Safety: both buffers outlive the closure.
          constantTimeEquals(Span(_unsafeElements: left), Span(_unsafeElements: right))
        }
      }
  }
}
