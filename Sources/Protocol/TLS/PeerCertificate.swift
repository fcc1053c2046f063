/// The certificate a peer proved to hold the key of, and whether we trust who it says it is. Times are unix seconds.
public struct PeerCertificate: Equatable, Sendable {
  /// SHA-256 of the DER form, 64 hex digits.
  public let fingerprintHex: String
  /// Lower-case hex without leading zeros.
  public let serialHex: String
  /// The key it says it is signed with, as `Certificate.authorityKeyIDHex`.
  public let authorityKeyIDHex: String?
  /// CN of the subject.
  public let commonName: String?
  /// The URIs among the subject's alternative names.
  public let uniformResourceIdentifiers: [String]
  public let notBefore: Int64
  /// A connection may outlive it: compare at each request.
  public let notAfter: Int64
  /// Judged once, at the handshake.
  public let verdict: CertificateVerdict

  /// The collector it names (`CollectorURN`); nil for none, and for several. Means nothing unless `verdict` is `.trusted`.
  public var collector: UUID? { CollectorURN.collector(among: uniformResourceIdentifiers) }

  init(_ certificate: Certificate, verdict: CertificateVerdict) {
    fingerprintHex = certificate.fingerprintHex
    serialHex = certificate.serialHex
    authorityKeyIDHex = certificate.authorityKeyIDHex
    commonName = certificate.subjectCommonName
    uniformResourceIdentifiers = certificate.uniformResourceIdentifiers
    notBefore = certificate.notBefore
    notAfter = certificate.notAfter
    self.verdict = verdict
  }
}
