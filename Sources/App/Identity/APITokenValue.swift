// The form of API tokens. A checksum tells a mistyped or truncated token from one that was revoked.

import Protocol

/// The text of an API token: `pgat_` and 36 characters of base64url, which are 192 random bits and 24 bits of their
/// SHA-256.
struct APITokenValue: Equatable, Sendable {
  static let prefix = "pgat_"
  private static let secretBytes = 24
  private static let checksumBytes = 3

  let text: String

  /// A new token.
  static func random() -> APITokenValue {
    let secret = RandomBytes.generate(secretBytes)
    return APITokenValue(text: prefix + Base64URL.encode(secret + checksum(secret)))
  }

  /// Whether a bearer token has the prefix of an API token. No JWT has it.
  static func isMeant(by token: ArraySlice<UInt8>) -> Bool { token.starts(with: prefix.utf8) }

  /// Checks the form of a bearer token. - Throws: `.malformedToken`
  init(_ token: ArraySlice<UInt8>) throws(Problem) {
    let bytes = Base64URL.decode(Array(token.dropFirst(Self.prefix.utf8.count)).span)
    guard let bytes, bytes.count == Self.secretBytes + Self.checksumBytes,
      Self.checksum(Array(bytes.prefix(Self.secretBytes))) == Array(bytes.suffix(Self.checksumBytes))
    else { throw Problem(.malformedToken, "the API token is mistyped or incomplete: its checksum is wrong") }
    text = String(decoding: token, as: UTF8.self)
  }

  private init(text: String) { self.text = text }

  var digest: APITokenDigest { APITokenDigest(bytes: Digest.sha256(utf8: text)) }

  private static func checksum(_ secret: [UInt8]) -> [UInt8] { Array(Digest.sha256(secret).prefix(checksumBytes)) }
}
