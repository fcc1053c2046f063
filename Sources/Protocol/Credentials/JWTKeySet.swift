// The secrets tokens are signed with. Rotation: the new key signs, the older ones go on verifying until their tokens have expired.

public enum JWTKeyError: Error, Equatable, Sendable {
  /// A secret is exactly `JWTKey.secretBytes` long.
  case wrongSecretLength(Int)
  /// Empty, or longer than `JWTKey.maximumIDBytes`.
  case unusableID
  case duplicateID(String)
}

/// One HS256 secret and the name tokens refer to it by.
public struct JWTKey: Sendable {
  /// As long as the hash: shorter is weaker, longer is no stronger (RFC 7518 section 3.2).
  public static let secretBytes = 32
  public static let maximumIDBytes = 64

  /// `kid`
  public let id: String
  public let secret: [UInt8]
  let authentication: MessageAuthentication
  /// The first part of every token under this key, with its dot.
  let encodedHeader: [UInt8]

  public init(id: String, secret: [UInt8]) throws(JWTKeyError) {
    guard secret.count == Self.secretBytes else { throw .wrongSecretLength(secret.count) }
    guard (1...Self.maximumIDBytes).contains(id.utf8.count) else { throw .unusableID }
    self.id = id
    self.secret = secret
    authentication = MessageAuthentication(secret: secret)
    var json = JSONWriter()
    json.object { json in
      json.member("alg", "HS256")
      json.member("typ", "JWT")
      json.member("kid", id)
    }
    let header = json.finish()
    encodedHeader = Array(Base64URL.encode(header.span).utf8) + [UInt8(ascii: ".")]
  }

  /// A new random secret under the name `id`.
  public static func generate(id: String) throws(JWTKeyError) -> JWTKey {
    try JWTKey(id: id, secret: RandomBytes.generate(secretBytes))
  }
}

extension JWTKey: CustomStringConvertible {
  /// Without the secret: a key must be safe to log.
  public var description: String { "JWTKey(\(id))" }
}

/// The key that signs, and all that verify. Immutable: a rotation makes a new set.
public struct JWTKeySet: Equatable, Sendable {
  public let signing: JWTKey
  private let keys: [JWTKey]

  /// - Parameter verifying: older keys whose tokens are still good. The signing key verifies, too.
  public init(signing: JWTKey, verifying: [JWTKey] = []) throws(JWTKeyError) {
    keys = [signing] + verifying
    self.signing = signing
    for (index, key) in keys.enumerated() where keys[..<index].contains(where: { $0.id == key.id }) {
      throw .duplicateID(key.id)
    }
  }

  public static func == (left: JWTKeySet, right: JWTKeySet) -> Bool {
    left.keys.elementsEqual(right.keys) { $0.id == $1.id && $0.secret == $1.secret }
  }

  /// The names of all keys, that of the signing one first.
  public var ids: [String] { keys.map(\.id) }

  /// The key named `id`. The set holds a handful, so that a search beats a hash.
  func key(_ id: String) -> JWTKey? { keys.first { $0.id == id } }
}
