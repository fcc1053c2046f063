// Encrypts secrets that the program has to read again, such as the password of a mail server: AES-256-GCM (NIST SP
// 800-38D) by libcrypto. A digest would not do, because the plaintext is needed.
//
//   sealed = version (1 byte) · key id (8) · nonce (12) · ciphertext (as long as the plaintext) · tag (16)

import CEpoll.TLS

/// The reason that a sealed secret cannot be opened.
public enum SealingError: Error, Equatable, Sendable {
  /// The bytes do not have the form of a sealed secret.
  case malformed
  /// Another key sealed the secret.
  case anotherKey
  /// The tag does not fit: the bytes, or the context, differ from those that were sealed.
  case altered
}

/// A key that seals and opens secrets.
public struct SealingKey: Sendable {
  /// Bytes of a key.
  public static let byteCount = 32
  private static let version: UInt8 = 1
  private static let idBytes = 8
  private static let nonceBytes = 12
  private static let tagBytes = 16
  private static var headBytes: Int { 1 + idBytes + nonceBytes }

  private let secret: [UInt8]
  /// The first bytes of the key's SHA-256. They tell a wrong key from altered bytes.
  private let id: [UInt8]

  /// Makes a key of its bytes.
  /// - Returns: nil unless there are `byteCount` bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    secret = bytes
    id = Array(Digest.sha256(bytes).prefix(Self.idBytes))
  }

  /// Seals a secret with a new random nonce.
  /// - Parameter context: names the place of the secret. `open` needs the same context, so a sealed secret cannot be
  ///   moved to another place. The context is not part of the result.
  public func seal(_ plaintext: [UInt8], context: [UInt8]) -> [UInt8] {
    let nonce = RandomBytes.generate(Self.nonceBytes)
    guard let cipher = EVP_CIPHER_CTX_new() else { preconditionFailure("out of memory for a cipher") }
    defer { EVP_CIPHER_CTX_free(cipher) }
    var ciphertext = [UInt8](repeating: 0, count: plaintext.count)
    var tag = [UInt8](repeating: 0, count: Self.tagBytes)
    var length: Int32 = 0
    let isSealed =
      EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nil, secret, nonce) == 1
      && EVP_EncryptUpdate(cipher, nil, &length, context, Int32(context.count)) == 1
      && EVP_EncryptUpdate(cipher, &ciphertext, &length, plaintext, Int32(plaintext.count)) == 1
      && EVP_EncryptFinal_ex(cipher, nil, &length) == 1
      && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagBytes), &tag) == 1
    precondition(isSealed, "AES-256-GCM failed")
    return [Self.version] + id + nonce + ciphertext + tag
  }

  /// Opens what `seal` returned for the same context.
  public func open(_ sealed: [UInt8], context: [UInt8]) throws(SealingError) -> [UInt8] {
    guard sealed.count >= Self.headBytes + Self.tagBytes, sealed[0] == Self.version else { throw .malformed }
    guard Array(sealed[1...Self.idBytes]) == id else { throw .anotherKey }
    let nonce = Array(sealed[(1 + Self.idBytes)..<Self.headBytes])
    let ciphertext = Array(sealed[Self.headBytes..<(sealed.count - Self.tagBytes)])
    var tag = Array(sealed.suffix(Self.tagBytes))
    guard let cipher = EVP_CIPHER_CTX_new() else { preconditionFailure("out of memory for a cipher") }
    defer { EVP_CIPHER_CTX_free(cipher) }
    var plaintext = [UInt8](repeating: 0, count: ciphertext.count)
    var length: Int32 = 0
    let isOpened =
      EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nil, secret, nonce) == 1
      && EVP_DecryptUpdate(cipher, nil, &length, context, Int32(context.count)) == 1
      && EVP_DecryptUpdate(cipher, &plaintext, &length, ciphertext, Int32(ciphertext.count)) == 1
      && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagBytes), &tag) == 1
      && EVP_DecryptFinal_ex(cipher, nil, &length) == 1
    if !isOpened { throw .altered }
    return plaintext
  }
}

extension SealingKey: CustomStringConvertible {
  /// The id of the key without its bytes, so that a key can be logged.
  public var description: String { "SealingKey(\(Hex.encode(id)))" }
}
