/// A peer's certificate, whose key the peer has proved to hold, and the verdict on it. Times are unix seconds.
public struct PeerCertificate: Equatable, Sendable {
  /// SHA-256 of the DER form, as 64 hex digits.
  public let fingerprintHex: String
  /// The serial number in lower-case hex, without leading zeros.
  public let serialHex: String
  /// The identifier of the issuer's key, as `Certificate.authorityKeyIDHex`.
  public let authorityKeyIDHex: String?
  /// The CN of the subject.
  public let commonName: String?
  /// The URIs among the subject's alternative names.
  public let uniformResourceIdentifiers: [String]
  /// The first second of validity.
  public let notBefore: Int64
  /// The last second of validity. A connection may last longer, so compare it at each request.
  public let notAfter: Int64
  /// The verdict, made once, in the handshake.
  public let verdict: CertificateVerdict

  /// The collector that the certificate names (`CollectorURN`); nil if it names none or several. Use it only if
  /// `verdict` is `.trusted`.
  public var collector: UUID? { CollectorURN.collector(among: uniformResourceIdentifiers) }

  /// - Parameter authorities: key ids that are already in memory, so that thousands of connections share one String.
  init(_ certificate: Certificate, verdict: CertificateVerdict, authorities: Set<String> = []) {
    fingerprintHex = certificate.fingerprintHex
    serialHex = certificate.serialHex
    let authority = certificate.authorityKeyIDHex
    authorityKeyIDHex = authority.flatMap { authorities.firstIndex(of: $0) }.map { authorities[$0] } ?? authority
    commonName = certificate.subjectCommonName
    uniformResourceIdentifiers = certificate.uniformResourceIdentifiers
    notBefore = certificate.notBefore
    notAfter = certificate.notAfter
    self.verdict = verdict
  }
}
