// JSON Web Tokens (RFC 7515, 7519), HS256 only. Only pgAnalytics issues and reads them. The choices that RFC 8725
// warns of do not exist: the algorithm is a constant; `kid` only selects one of pgAnalytics' own keys; no header member
// names a key or an address; and the signature is checked before the payload is read.

/// The reason that a token is refused.
public enum JWTError: Error, Equatable, Sendable {
  /// The token is not three parts of strict base64url, a part is not flat JSON, a header member is unknown, or a claim
  /// has the wrong type.
  case malformed
  /// The token has more than `JWT.maximumBytes` bytes.
  case tooLong
  /// `alg` is not HS256; for example it is `none`.
  case unsupportedAlgorithm
  /// `kid` is absent, or it names none of the keys.
  case unknownKey
  /// The signature does not match.
  case badSignature
  /// `exp` has passed.
  case expired
  /// `nbf` or `iat` lies in the future.
  case notYetValid
  /// `aud` is not the expected audience.
  case wrongAudience
  /// `iss` is not the expected issuer.
  case wrongIssuer
  /// A registered claim with this name is absent.
  case missingClaim(String)
}

/// Signs and verifies tokens.
public enum JWT {
  /// The longest token that is read, in bytes. Each token of pgAnalytics is shorter, and fits a header field.
  public static let maximumBytes = 4096

  /// Signs `claims` with the signing key of `keys`.
  /// - Returns: the compact serialisation.
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

  /// Verifies a token: one of `keys` signed it, and it is valid at `now` for this audience and issuer.
  /// - Parameters:
  ///   - now: unix seconds.
  ///   - leeway: seconds by which the clocks of servers that share the keys may differ.
  /// - Returns: the claims of the token.
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

  /// Reads the header. It must have `alg` and `kid` and may have `typ`. Any other member is refused, thus also `crit`,
  /// `jku`, `jwk` and `x5u`.
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
