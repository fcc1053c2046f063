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
