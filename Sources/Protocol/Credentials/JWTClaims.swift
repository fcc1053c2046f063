// What a token says (RFC 7519 section 4). All seven registered claims are always there: a token that lacks one is not ours.

/// The claims of one token. Times are unix seconds.
public struct JWTClaims: Equatable, Sendable {
  public enum Value: Equatable, Sendable {
    case text(String)
    case number(Int64)
  }

  /// A claim of our own: `role`, `collector_id`, `hostname`, `type`, `username`, `user_id`.
  public struct Member: Equatable, Sendable {
    public let name: String
    public let value: Value

    public init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  /// `iss`
  public var issuer: String
  /// `aud`
  public var audience: String
  /// `sub`
  public var subject: String
  /// `jti`
  public var tokenID: String
  /// `iat`
  public var issuedAt: Int64
  /// `nbf`
  public var notBefore: Int64
  /// `exp`: the first second at which the token is no longer good.
  public var expiresAt: Int64
  /// In the order they are written; names are unique and none of the registered ones.
  public var members: [Member]

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

  /// The claim `name` of our own, if it is a text.
  public func text(_ name: String) -> String? {
    for member in members where member.name == name {
      if case .text(let text) = member.value { return text }
    }
    return nil
  }

  /// The claim `name` of our own, if it is a number.
  public func number(_ name: String) -> Int64? {
    for member in members where member.name == name {
      if case .number(let number) = member.value { return number }
    }
    return nil
  }
}

extension JWTClaims {
  private static let registered: Set<String> = ["iss", "aud", "sub", "jti", "iat", "nbf", "exp"]

  /// Reads the payload of a token whose signature is proven: a flat object of texts and whole numbers.
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

  /// The payload, as compact JSON.
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
