import Protocol
import Testing

@testable import App

@Suite struct TokensTests {
  private let now: Int64 = 1_790_000_000

  private func tokens() throws -> Tokens {
    try Tokens(keys: JWTKeySet(signing: JWTKey.generate(id: "k")), settings: Settings())
  }

  @Test func `a user token names its session, a collector token its collector, and neither passes as the other`()
    throws
  {
    let tokens = try tokens()
    let session = UUID.random()
    let user = Principal.User(id: 7, name: "ada", role: .admin, sessionID: session)
    let person = Array(tokens.issue(user: user, session: session, now: now).token.utf8)
    #expect(try tokens.user(person.span, now: now) == UserToken(userID: 7, sessionID: session))
    #expect(throws: JWTError.wrongAudience) { _ = try tokens.collector(person.span, now: now) }
    let collector = Array(tokens.issue(collector: session, hostname: "h", now: now).token.utf8)
    #expect(try tokens.collector(collector.span, now: now).id == session)
    #expect(throws: JWTError.wrongAudience) { _ = try tokens.user(collector.span, now: now) }
  }

  @Test
  func `beside a certificate, a token is accepted before its time, and for a grace period after it`()
    throws
  {
    let tokens = try tokens()
    let id = UUID.random()
    let bytes = Array(tokens.issue(collector: id, hostname: "h", now: now).token.utf8)
    let year: Int64 = 365 * 86_400
    #expect(throws: JWTError.notYetValid) { _ = try tokens.collector(bytes.span, now: now - year) }
    let early = try tokens.collector(bytes.span, now: now - year, grace: 1)
    #expect(early.id == id)
    #expect(early.expiresAt == nil, "the token alone is not valid")
    let end = now + tokens.collectorLife
    #expect(throws: JWTError.expired) { _ = try tokens.collector(bytes.span, now: end + 100) }
    #expect(try tokens.collector(bytes.span, now: end + 100, grace: 101).expiresAt == nil)
    #expect(throws: JWTError.expired) { _ = try tokens.collector(bytes.span, now: end + 100, grace: 100) }
    var other = bytes
    other[other.count - 2] ^= 1
    #expect(throws: (any Error).self) { _ = try tokens.collector(other.span, now: now - year, grace: 1) }
  }

  @Test func `a verified token of a connection ends with the token and with the keys`() throws {
    let tokens = try tokens()
    let issued = tokens.issue(collector: UUID.random(), hostname: "h", now: now)
    let bytes = Array(issued.token.utf8)
    let claims = try tokens.collector(bytes.span, now: now)
    let verified = VerifiedToken(bytes: bytes, collector: claims.id, expiresAt: issued.expiresAt, version: 3)
    #expect(claims.expiresAt == issued.expiresAt)
    #expect(verified.matches(bytes[...], now: now, version: 3))
    #expect(verified.matches(bytes[...], now: issued.expiresAt - 1, version: 3))
    #expect(!verified.matches(bytes[...], now: issued.expiresAt, version: 3))
    #expect(!verified.matches(bytes[...], now: now, version: 4), "the keys have changed")
    #expect(!verified.matches(bytes.dropLast(), now: now, version: 3))
    var other = bytes
    other[other.count - 1] ^= 1
    #expect(!verified.matches(other[...], now: now, version: 3))
  }
}

@Suite struct CallerTests {
  private let session = Caller.session(UserToken(userID: 7, sessionID: UUID(high: 1, low: 2)))

  private func refusal(_ access: Access) -> Problem.Kind? {
    do throws(Problem) {
      try access.admit(session)
      return nil
    } catch {
      return error.kind
    }
  }

  @Test func `the loop admits a user wherever users may call, whatever the role, and nowhere else`() {
    for role in Role.allCases { #expect(refusal(.user(role)) == nil) }
    #expect(refusal(.collectorOrUser(.admin)) == nil)
    #expect(refusal(.anyone) == nil)
    #expect(refusal(.collector(certificate: .optional)) == .insufficientRole)
    #expect(refusal(.collector(certificate: .required)) == .insufficientRole)
  }
}
