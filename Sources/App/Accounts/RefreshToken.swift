import Protocol

/// A token that continues a session, for one use: `<session>.<generation>.<192 random bits>`. Clients treat it as
/// opaque; the database holds a SHA-256.
///
/// A token with an older generation than its session's has been used before. Its secret is no longer stored, so it is
/// not compared. A client that knows a session's id holds one of its tokens anyway, and could also end the session by
/// logging out.
struct RefreshToken: Sendable {
  let session: UUID
  let generation: Int32
  private let secret: String

  static let maximumCharacters = 128

  /// The first token of a new session.
  static func first() -> RefreshToken { RefreshToken(session: .random(), generation: 0, secret: Secrets.random()) }

  private init(session: UUID, generation: Int32, secret: String) {
    self.session = session
    self.generation = generation
    self.secret = secret
  }

  /// Nil if the server never writes such a text.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let session = UUID(parts[0]), let generation = Int32(parts[1]),
      // One less than the largest, so that a next generation exists whatever a client sends.
      (0..<Int32.max).contains(generation), !parts[2].isEmpty
    else { return nil }
    self.init(session: session, generation: generation, secret: parts[2])
  }

  /// The token that replaces this one.
  func next() -> RefreshToken {
    RefreshToken(session: session, generation: generation + 1, secret: Secrets.random())
  }

  /// The token that replaces this one and that only this one and `salt` together give. A browser that sends this token
  /// again gets the same successor again, although the server stores no token.
  func next(salt: [UInt8]) -> RefreshToken {
    let digest = Digest.sha256(salt + Array(secret.utf8))
    return RefreshToken(session: session, generation: generation + 1, secret: Secrets.text(digest))
  }

  /// A new argument for `next(salt:)`.
  static func salt() -> [UInt8] { RandomBytes.generate(32) }

  var text: String { "\(session).\(generation).\(secret)" }
  var digest: [UInt8] { Secrets.digest(secret.utf8) }
}
