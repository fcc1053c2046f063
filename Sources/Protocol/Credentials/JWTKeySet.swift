// The secrets that sign tokens. After a rotation the new key signs; the older keys verify until their tokens have
// expired.

/// The reason that a key or a set of keys is refused.
public enum JWTKeyError: Error, Equatable, Sendable {
  /// The secret has this many bytes instead of `JWTKey.secretBytes`.
  case wrongSecretLength(Int)
  /// The name is empty, or longer than `JWTKey.maximumIDBytes`.
  case unusableID
  /// Two keys have this name.
  case duplicateID(String)
}

/// One HS256 secret, with the name by which tokens refer to it.
public struct JWTKey: Sendable {
  /// Bytes of a secret: as many as the hash has. A shorter secret is weaker; a longer one is not stronger (RFC 7518
  /// section 3.2).
  public static let secretBytes = 32
  /// The longest name of a key, in UTF-8 bytes.
  public static let maximumIDBytes = 64

  /// The key's name: `kid` in a token's header.
  public let id: String
  /// The secret's 32 bytes.
  public let secret: [UInt8]
  let authentication: MessageAuthentication
  /// The first part of each token that this key signs, with the dot after it.
  let encodedHeader: [UInt8]

  /// Makes a key.
  /// - Throws: `.wrongSecretLength`, `.unusableID`.
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

  /// Makes a key with a new random secret under the name `id`.
  /// - Throws: `.unusableID`.
  public static func generate(id: String) throws(JWTKeyError) -> JWTKey {
    try JWTKey(id: id, secret: RandomBytes.generate(secretBytes))
  }
}

extension JWTKey: CustomStringConvertible {
  /// The key's name without its secret, so that a key can be logged.
  public var description: String { "JWTKey(\(id))" }
}

/// The key that signs, and all keys that verify. A set never changes; a rotation makes a new set.
public struct JWTKeySet: Equatable, Sendable {
  /// The key that signs new tokens. It also verifies.
  public let signing: JWTKey
  private let keys: [JWTKey]

  /// Makes a set.
  /// - Parameter verifying: older keys whose tokens may still be valid.
  /// - Throws: `.duplicateID`.
  public init(signing: JWTKey, verifying: [JWTKey] = []) throws(JWTKeyError) {
    keys = [signing] + verifying
    self.signing = signing
    for (index, key) in keys.enumerated() where keys[..<index].contains(where: { $0.id == key.id }) {
      throw .duplicateID(key.id)
    }
  }

  /// Whether both sets have the same names and secrets in the same order. The time of the comparison depends on the secrets.
  public static func == (left: JWTKeySet, right: JWTKeySet) -> Bool {
    left.keys.elementsEqual(right.keys) { $0.id == $1.id && $0.secret == $1.secret }
  }

  /// The names of all keys; the name of the signing key comes first.
  public var ids: [String] { keys.map(\.id) }

  /// The key with the name `id`. A set holds a few keys, so a linear search is faster than a hash table.
  func key(_ id: String) -> JWTKey? { keys.first { $0.id == id } }
}
