/// Why a certificate, key or request is refused, or could not be made. Reasons are OpenSSL's words, for a log.
public enum CertificateError: Error, Equatable, Sendable {
  /// Not the PEM (or DER) of what was asked for.
  case malformed(reason: String)
  /// Over `CertificateSigningRequest.maximumBytes`.
  case tooLarge
  /// RSA below 2048 bits.
  case weakKey(bits: Int)
  /// Neither P-256, P-384, Ed25519 nor RSA of 2048 to 8192 bits.
  case unsupportedKey
  /// The request is not signed by the key it asks a certificate for.
  case proofOfPossessionFailed
  /// The private key belongs to another certificate.
  case keyMismatch
  /// The certificate may not sign others.
  case notAnAuthority
  /// The authority's own certificate has ended.
  case authorityExpired
  /// A DNS name or address that cannot stand in a certificate.
  case unusableName(String)
  /// OpenSSL failed where the input gives no cause to.
  case failed(reason: String)
}

extension CertificateError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed(let reason): "it is not the PEM or DER that is wanted: \(reason)"
    case .tooLarge: "it has more than \(CertificateSigningRequest.maximumBytes) bytes"
    case .weakKey(let bits): "its RSA key of \(bits) bits is too short"
    case .unsupportedKey: "its key is none of P-256, P-384, Ed25519, and RSA of 2048 to 8192 bits"
    case .proofOfPossessionFailed: "it is not signed by the key that it asks a certificate for"
    case .keyMismatch: "the private key belongs to another certificate"
    case .notAnAuthority: "the certificate may not sign others"
    case .authorityExpired: "the authority's own certificate has expired"
    case .unusableName(let name): "a certificate cannot hold the name \(name)"
    case .failed(let reason): "OpenSSL failed: \(reason)"
    }
  }
}
