// The claims of a token (RFC 7519 section 4). Each token of pgAnalytics has all seven registered claims; a token that
// lacks one is refused.

/// The claims of one token. Times are unix seconds.
public struct JWTClaims: Equatable, Sendable {
  /// The value of a claim.
  public enum Value: Equatable, Sendable {
    case text(String)
    case number(Int64)
  }

  /// A claim outside the registered ones: `role`, `collector_id`, `hostname`, `type`, `username`, `user_id`.
  public struct Member: Equatable, Sendable {
    /// The claim's name.
    public let name: String
    /// The claim's value.
    public let value: Value

    /// Makes a claim.
    public init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  /// `iss`: the issuer.
  public var issuer: String
  /// `aud`: the audience.
  public var audience: String
  /// `sub`: the subject.
  public var subject: String
  /// `jti`: the token's own id.
  public var tokenID: String
  /// `iat`: when the token was issued, in unix seconds.
  public var issuedAt: Int64
  /// `nbf`: the first second at which the token is valid, in unix seconds.
  public var notBefore: Int64
  /// `exp`: the first second at which the token is no longer valid, in unix seconds.
  public var expiresAt: Int64
  /// The claims beside the registered ones, in the order in which they are written. Names must be unique, and none may
  /// be a registered one.
  public var members: [Member]

  /// Makes the claims from the values described above.
  public init(
    issuer: String, audience: String, subject: String, tokenID: String, issuedAt: Int64, notBefore: Int64,
    expiresAt: Int64, members: [Member] = []
  ) {
    self.issuer = issuer
    self.audience = audience
    self.subject = subject
    self.tokenID = tokenID
    self.issuedAt = issuedAt
    self.notBefore = notBefore
    self.expiresAt = expiresAt
    self.members = members
  }

  /// The text of the claim `name` among `members`; nil if it is absent or a number.
  public func text(_ name: String) -> String? {
    for member in members where member.name == name {
      if case .text(let text) = member.value { return text }
    }
    return nil
  }

  /// The number of the claim `name` among `members`; nil if it is absent or a text.
  public func number(_ name: String) -> Int64? {
    for member in members where member.name == name {
      if case .number(let number) = member.value { return number }
    }
    return nil
  }
}

extension JWTClaims {
  private static let registered: Set<String> = ["iss", "aud", "sub", "jti", "iat", "nbf", "exp"]

  /// Reads the payload of a token whose signature is verified: a flat object of texts and whole numbers.
  init(payload: Span<UInt8>) throws(JWTError) {
    let object = try JWT.object(payload)
    func text(_ name: String) throws(JWTError) -> String {
      switch object[name] {
      case .string(let text): return text
      case nil: throw .missingClaim(name)
      default: throw .malformed
      }
    }
    func number(_ name: String) throws(JWTError) -> Int64 {
      switch object[name] {
      case .integer(let number): return number
      case nil: throw .missingClaim(name)
      default: throw .malformed
      }
    }
    self.init(
      issuer: try text("iss"), audience: try text("aud"), subject: try text("sub"), tokenID: try text("jti"),
      issuedAt: try number("iat"), notBefore: try number("nbf"), expiresAt: try number("exp"))
    for member in object.members where !Self.registered.contains(member.name) {
      switch member.value {
      case .string(let text): members.append(Member(member.name, .text(text)))
      case .integer(let number): members.append(Member(member.name, .number(number)))
      default: throw .malformed
      }
    }
  }

  /// Writes the payload as compact JSON.
  func payload() -> ByteBuffer {
    var json = JSONWriter(appendingTo: ByteBuffer(minimumCapacity: 512))
    json.object { json in
      json.member("iss", issuer)
      json.member("aud", audience)
      json.member("sub", subject)
      json.member("jti", tokenID)
      json.member("iat", issuedAt)
      json.member("nbf", notBefore)
      json.member("exp", expiresAt)
      for member in members {
        precondition(!Self.registered.contains(member.name), "\(member.name) is a registered claim")
        switch member.value {
        case .text(let text): json.member(member.name, text)
        case .number(let number): json.member(member.name, number)
        }
      }
    }
    return json.finish()
  }
}
