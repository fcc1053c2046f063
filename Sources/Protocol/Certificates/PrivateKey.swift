// Private keys. The server makes P-256 keys: on the development machine a signature takes 40 us, with RSA-2048 1256 us.

import CEpoll.TLS

/// The sole owner of a private key.
// Safety: an EVP_PKEY is reference-counted and never changes after it is made. Signing only reads it.
public struct PrivateKey: ~Copyable, @unchecked Sendable {  // Safety: see above.
  let pointer: OpaquePointer

  /// Takes over the caller's reference.
  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { EVP_PKEY_free(pointer) }

  /// Makes a new P-256 key.
  /// - Throws: `.failed` if OpenSSL fails.
  public static func generate() throws(CertificateError) -> PrivateKey {
    OpenSSLErrorQueue.clear()
    guard let pointer = ctls_generate_ec_key("P-256") else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    return PrivateKey(owning: pointer)
  }

  /// Reads a key in PKCS#8 or a traditional form.
  /// - Throws: `.malformed`, also for an encrypted key.
  public init(pem: [UInt8]) throws(CertificateError) {
    OpenSSLErrorQueue.clear()
    guard let pointer = PEM.reading(pem, { PEM_read_bio_PrivateKey($0, nil, PEM.noPassword, nil) }) else {
      throw .malformed(reason: OpenSSLErrorQueue.takeReason())
    }
    self.pointer = pointer
  }

  /// The key as unencrypted PKCS#8.
  /// - Throws: `.failed` if OpenSSL fails.
  public func pem() throws(CertificateError) -> [UInt8] {
    try PEM.writing { PEM_write_bio_PKCS8PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
  }

  /// The digest to sign with; nil for Ed25519, which has a digest built in.
  var signatureDigest: OpaquePointer? { EVP_PKEY_get_base_id(pointer) == EVP_PKEY_ED25519 ? nil : EVP_sha256() }
}
