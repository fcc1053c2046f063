import Protocol

/// What continues a session, once: `<session>.<generation>.<192 random bits>`. Opaque to clients; at rest a SHA-256.
///
/// An older generation than its session's is a token that was used before. Its secret is not kept to compare: who knows a
/// session's id holds one of its tokens, and could end it by logging out as well.
struct RefreshToken: Sendable {
  let session: UUID
  let generation: Int32
  private let secret: String

  static let maximumCharacters = 128

  /// The first of a new session.
  static func first() -> RefreshToken { RefreshToken(session: .random(), generation: 0, secret: Secrets.random()) }

  private init(session: UUID, generation: Int32, secret: String) {
    self.session = session
    self.generation = generation
    self.secret = secret
  }

  /// Nil for what we never write.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let session = UUID(parts[0]), let generation = Int32(parts[1]),
      // One less than the largest, so that there is a next one whatever a client sends.
      (0..<Int32.max).contains(generation), !parts[2].isEmpty
    else { return nil }
    self.init(session: session, generation: generation, secret: parts[2])
  }

  /// What takes its place.
  func next() -> RefreshToken {
    RefreshToken(session: session, generation: generation + 1, secret: Secrets.random())
  }

  var text: String { "\(session).\(generation).\(secret)" }
  var digest: [UInt8] { Secrets.digest(secret.utf8) }
}
