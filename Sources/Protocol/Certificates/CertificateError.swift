/// The reason that a certificate, key or request is refused, or that a certificate cannot be made. `reason` is
/// OpenSSL's text, for a log.
public enum CertificateError: Error, Equatable, Sendable {
  /// The text is not PEM (or DER) of the expected kind.
  case malformed(reason: String)
  /// The request has more than `CertificateSigningRequest.maximumBytes` bytes.
  case tooLarge
  /// The RSA key has fewer than 2048 bits.
  case weakKey(bits: Int)
  /// The key is neither P-256, P-384, Ed25519 nor RSA of 2048 to 8192 bits.
  case unsupportedKey
  /// The request is not signed by the key for which it asks a certificate.
  case proofOfPossessionFailed
  /// The private key belongs to another certificate.
  case keyMismatch
  /// The certificate may not sign others.
  case notAnAuthority
  /// The authority's own certificate has expired.
  case authorityExpired
  /// A certificate cannot hold this DNS name or IP address.
  case unusableName(String)
  /// OpenSSL failed for a reason other than the input.
  case failed(reason: String)
}

extension CertificateError: CustomStringConvertible {
  /// The reason in words, for a log.
  public var description: String {
    switch self {
    case .malformed(let reason): "the text is not PEM or DER of the expected kind: \(reason)"
    case .tooLarge: "the request has more than \(CertificateSigningRequest.maximumBytes) bytes"
    case .weakKey(let bits): "the RSA key has only \(bits) bits"
    case .unsupportedKey: "the key is neither P-256, P-384, Ed25519 nor RSA of 2048 to 8192 bits"
    case .proofOfPossessionFailed: "the request is not signed by the key for which it asks a certificate"
    case .keyMismatch: "the private key belongs to another certificate"
    case .notAnAuthority: "the certificate may not sign others"
    case .authorityExpired: "the authority's own certificate has expired"
    case .unusableName(let name): "a certificate cannot hold the name \(name)"
    case .failed(let reason): "OpenSSL failed: \(reason)"
    }
  }
}
