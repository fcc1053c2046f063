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

  /// - Parameter authorities: key ids that are in memory already; thousands of connections share these.
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
