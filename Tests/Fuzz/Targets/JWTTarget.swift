import Protocol

/// Tokens from a client without a key. The first byte selects the foreign part: the whole token, the JSON of its
/// header, the claims under a valid signature, or the base64.
enum JWTTarget {
  private static let keys: JWTKeySet = {
    do throws(JWTKeyError) {
      let secret = Array(UInt8(0)..<32)
      return try JWTKeySet(signing: JWTKey(id: "k1", secret: secret))
    } catch {
      preconditionFailure("a key of 32 bytes: \(error)")
    }
  }()

  static func run(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let bytes = Array(input.dropFirst())
    switch kind % 4 {
    case 0: refuse(bytes)
    case 1:
      let nothing = Base64URL.encode([UInt8](repeating: 0, count: 32))
      refuse(Array((Base64URL.encode(bytes) + "." + Base64URL.encode(bytes) + "." + nothing).utf8))
    case 2:
      guard let claims = claims(bytes) else { return }
      // The server can read each token that it signs, whatever the claims are.
      let token = Array(JWT.sign(claims, with: keys).utf8)
      do throws(JWTError) {
        let read = try JWT.verify(
          token.span, with: keys, audience: claims.audience, issuer: claims.issuer, now: claims.issuedAt)
        precondition(read == claims, "the claims read differ from the claims signed")
      } catch {
        precondition(error == .tooLong || token.count <= JWT.maximumBytes, "\(error)")
        precondition(
          error == .tooLong || error == .expired || error == .notYetValid || error == .malformed, "\(error)")
      }
    default:
      guard let decoded = Base64URL.decode(bytes.span) else { return }
      precondition(Array(Base64URL.encode(decoded).utf8) == bytes, "a base64 text has two spellings")
    }
  }

  private static func refuse(_ token: [UInt8]) {
    do throws(JWTError) {
      _ = try JWT.verify(token.span, with: keys, audience: "collector", issuer: "pganalytics", now: 1_795_375_984)
      preconditionFailure("a forged token was accepted")
    } catch {}
  }

  /// Makes claims from the input. The texts must be UTF-8.
  private static func claims(_ bytes: [UInt8]) -> JWTClaims? {
    guard bytes.count >= 12 else { return nil }
    let third = (bytes.count - 8) / 3
    let texts = (0..<3).map { String(validating: bytes[8 + $0 * third..<8 + ($0 + 1) * third], as: UTF8.self) }
    guard let first = texts[0], let second = texts[1], let last = texts[2] else { return nil }
    let number = bytes[0..<8].reduce(Int64(0)) { $0 << 8 | Int64($1) }
    let now: Int64 = 1_795_375_984
    return JWTClaims(
      issuer: first, audience: second, subject: last, tokenID: first, issuedAt: now, notBefore: now,
      expiresAt: now + 60, members: [.init("number", .number(number)), .init("text", .text(last))])
  }
}
