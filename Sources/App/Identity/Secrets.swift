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

  /// The first 192 bits of a digest as base64url.
  static func text(_ digest: [UInt8]) -> String { Base64URL.encode(Array(digest.prefix(bytes))) }

  static func digest(_ secret: some Collection<UInt8>) -> [UInt8] { Digest.sha256(Array(secret)) }
}
