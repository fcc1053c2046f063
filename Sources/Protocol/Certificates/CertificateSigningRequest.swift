// PKCS#10 requests (RFC 2986). With a request a collector gets a certificate while its private key stays on its host.
// The authority takes only the public key from a request. The request's names are shown to people and never copied into
// a certificate.

import CEpoll.TLS

/// A request whose signature is verified and whose key is strong enough.
public struct CertificateSigningRequest: ~Copyable {
  /// The largest request that is parsed, in bytes. A request with an RSA-8192 key has less than 3 kB.
  public static let maximumBytes = 16 << 10
  static let rsaBits = 2048...8192

  private let pointer: OpaquePointer

  /// Reads and checks a request.
  /// - Parameter encoded: PEM or DER.
  /// - Throws: `.malformed`, `.tooLarge`, `.weakKey`, `.unsupportedKey`, `.proofOfPossessionFailed`.
  public init(_ encoded: [UInt8]) throws(CertificateError) {
    guard encoded.count <= Self.maximumBytes else { throw .tooLarge }
    OpenSSLErrorQueue.clear()
    let isDER = encoded.first == 0x30  // the tag of a SEQUENCE
    let parsed = PEM.reading(encoded) {
      isDER ? d2i_X509_REQ_bio($0, nil) : PEM_read_bio_X509_REQ($0, nil, PEM.noPassword, nil)
    }
    guard let parsed else { throw .malformed(reason: OpenSSLErrorQueue.takeReason()) }
    do {
      try Self.check(parsed)
    } catch {
      X509_REQ_free(parsed)
      throw error
    }
    pointer = parsed
  }

  deinit { X509_REQ_free(pointer) }

  /// The CN in the request. Nothing proves it.
  public var subjectCommonName: String? { commonName(X509_REQ_get_subject_name(pointer)) }

  /// SHA-256 of the public key as a SubjectPublicKeyInfo, as 64 hex digits. Two requests for one key have the same
  /// value.
  public var keyFingerprintHex: String {
    var encoded: UnsafeMutablePointer<UInt8>?
    let count = i2d_PUBKEY(publicKey, &encoded)
    guard count > 0, let encoded else { return "" }
    defer { CRYPTO_free(encoded, #file, #line) }
    // Safety: OpenSSL allocated `count` bytes for this copy; the memory is freed after the digest is made.
    return Hex.encode(Digest.sha256(Array(UnsafeBufferPointer(start: encoded, count: Int(count)))))
  }

  /// The public key. The request owns it.
  var publicKey: OpaquePointer? { X509_REQ_get0_pubkey(pointer) }

  /// Makes a request for `key` and signs it.
  /// - Returns: PEM.
  /// - Throws: `.failed` if OpenSSL fails.
  public static func create(for key: borrowing PrivateKey, commonName: String) throws(CertificateError) -> [UInt8] {
    OpenSSLErrorQueue.clear()
    guard let request = X509_REQ_new() else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    defer { X509_REQ_free(request) }
    guard X509_REQ_set_version(request, 0) == 1,
      setCommonName(X509_REQ_get_subject_name(request), CertificateAuthority.sanitizedCommonName(commonName)),
      X509_REQ_set_pubkey(request, key.pointer) == 1,
      X509_REQ_sign(request, key.pointer, key.signatureDigest) > 0
    else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    return try PEM.writing { PEM_write_bio_X509_REQ($0, request) }
  }

  private static func check(_ request: OpaquePointer) throws(CertificateError) {
    guard let key = X509_REQ_get0_pubkey(request) else { throw .malformed(reason: OpenSSLErrorQueue.takeReason()) }
    try check(key: key)
    guard X509_REQ_verify(request, key) == 1 else {
      OpenSSLErrorQueue.clear()
      throw .proofOfPossessionFailed
    }
  }

  /// Refuses keys that are weak, that are slow to verify (RSA over 8192 bits), or that define a curve of their own.
  private static func check(key: OpaquePointer) throws(CertificateError) {
    switch EVP_PKEY_get_base_id(key) {
    case EVP_PKEY_ED25519: return
    case EVP_PKEY_RSA:
      let bits = Int(EVP_PKEY_get_bits(key))
      guard bits >= rsaBits.lowerBound else { throw .weakKey(bits: bits) }
      guard bits <= rsaBits.upperBound else { throw .unsupportedKey }
    case EVP_PKEY_EC:
      var isExplicit: Int32 = 0
      _ = EVP_PKEY_get_int_param(key, "decoded-from-explicit", &isExplicit)
      var name = [CChar](repeating: 0, count: 32)
      guard isExplicit == 0, EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else { throw .unsupportedKey }
      let isAllowed = name.withUnsafeBufferPointer { name in
        ["prime256v1", "secp384r1"].contains(String(cString: name.baseAddress!))
      }
      guard isAllowed else { throw .unsupportedKey }
    default: throw .unsupportedKey
    }
  }
}

/// Adds a CN to an X.509 name; the name has no other.
/// - Parameter commonName: at most 64 characters (RFC 5280 ub-common-name).
/// - Returns: false if OpenSSL fails.
func setCommonName(_ name: OpaquePointer?, _ commonName: String) -> Bool {
  let bytes = Array(commonName.utf8)
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, bytes, Int32(bytes.count), -1, 0) == 1
}
