// JSON Web Tokens (RFC 7515, 7519), HS256 only, for tokens that we alone issue and read.
// The choices RFC 8725 warns of do not exist here: the algorithm is a constant, `kid` only picks one of our own keys,
// no header member names a key or an address, and the signature is proven before the payload is read.

/// Why a token is refused.
public enum JWTError: Error, Equatable, Sendable {
  /// Not three strict base64url parts, not the flat JSON we write, an unknown header member, or a claim of the wrong type.
  case malformed
  /// Over `JWT.maximumBytes`.
  case tooLong
  /// `alg` is not HS256. `none` is one of these.
  case unsupportedAlgorithm
  /// `kid` is absent or names no key of ours.
  case unknownKey
  case badSignature
  case expired
  /// `nbf` or `iat` is in the future.
  case notYetValid
  case wrongAudience
  case wrongIssuer
  case missingClaim(String)
}

public enum JWT {
  /// Longer than any token of ours, short enough for a header field.
  public static let maximumBytes = 4096

  /// - Returns: the compact serialisation, signed with the set's signing key.
  public static func sign(_ claims: JWTClaims, with keys: JWTKeySet) -> String {
    let payload = claims.payload()
    var token = ByteBuffer(minimumCapacity: 1024)
    token.append(keys.signing.encodedHeader)
    token.append(utf8: Base64URL.encode(payload.span))
    let tag = keys.signing.authentication.tag(of: token.span)
    token.append(".")
    token.append(utf8: Base64URL.encode(tag))
    return token.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// The claims of `token`, if one of our keys signed it and it is good at `now` for this audience.
  /// - Parameters:
  ///   - now: unix seconds.
  ///   - leeway: seconds by which the clocks of the servers that share the keys may differ.
  public static func verify(
    _ token: Span<UInt8>, with keys: JWTKeySet, audience: String, issuer: String, now: Int64, leeway: Int64 = 30
  ) throws(JWTError) -> JWTClaims {
    guard token.count <= maximumBytes else { throw .tooLong }
    var dots: [Int] = []
    for index in token.indices where token[index] == UInt8(ascii: ".") { dots.append(index) }
    guard dots.count == 2 else { throw .malformed }

    let key = try key(for: token.extracting(..<dots[0]), in: keys)
    guard let tag = Base64URL.decode(token.extracting((dots[1] + 1)...)) else { throw .malformed }
    let expected = key.authentication.tag(of: token.extracting(..<dots[1]))
    guard constantTimeEquals(tag.span, expected.span) else { throw .badSignature }

    guard let payload = Base64URL.decode(token.extracting((dots[0] + 1)..<dots[1])) else { throw .malformed }
    let claims = try JWTClaims(payload: payload.span)
    guard claims.issuer == issuer else { throw .wrongIssuer }
    guard claims.audience == audience else { throw .wrongAudience }
    guard claims.expiresAt > now - leeway else { throw .expired }
    guard claims.notBefore <= now + leeway, claims.issuedAt <= now + leeway else { throw .notYetValid }
    return claims
  }

  /// Reads the header: `alg`, `kid` and, if it is there, `typ`; nothing else, thus no `crit`, `jku`, `jwk` or `x5u`.
  private static func key(for header: Span<UInt8>, in keys: JWTKeySet) throws(JWTError) -> JWTKey {
    guard let text = Base64URL.decode(header) else { throw .malformed }
    let object = try object(text.span)
    guard object["alg"] == .string("HS256") else { throw .unsupportedAlgorithm }
    var id: String?
    for member in object.members {
      switch (member.name, member.value) {
      case ("alg", _), ("typ", .string("JWT")): continue
      case ("kid", .string(let text)): id = text
      default: throw .malformed
      }
    }
    guard let id, let key = keys.key(id) else { throw .unknownKey }
    return key
  }

  /// Reads one flat JSON object. A name that comes twice is refused: two readers must not see two different tokens.
  static func object(_ text: Span<UInt8>) throws(JWTError) -> JSONObject {
    do throws(JSONValueError) {
      let value = try JSONValue.parse(text, limits: JSONValueLimits(bytes: maximumBytes, depth: 1))
      if case .object(let object) = value { return object }
    } catch {}
    throw .malformed
  }
}
