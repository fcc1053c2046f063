import Protocol

/// The properties of a connection's certificate that each request needs, read once at the handshake. It is a class, so
/// that a request touches one reference count. It contains no large texts, because ten thousand connections keep one
/// each. An endpoint reads other properties from the TLS session's certificate (`RequestContext.peerCertificate`).
final class ShownCertificate: Sendable {
  let verdict: CertificateVerdict
  /// The collector that the certificate names, whether or not it is trusted.
  let collector: UUID?
  let fingerprint: CertificateFingerprint?
  /// The same as `PeerCertificate.authorityKeyIDHex`. Connections share the text if it is that of one of our
  /// authorities.
  private let authorityKeyIDHex: String?
  private let notAfter: Int64

  init(_ peer: PeerCertificate) {
    verdict = peer.verdict
    collector = peer.collector
    fingerprint = CertificateFingerprint(peer.fingerprintHex)
    authorityKeyIDHex = peer.authorityKeyIDHex
    notAfter = peer.notAfter
  }

  /// Whether our authority signed it for a collector. The certificate may have ended or begin later.
  var isGenuine: Bool {
    switch verdict {
    case .trusted, .untrusted(.expired), .untrusted(.notYetValid): true
    case .untrusted: false
    }
  }

  /// - Parameter keyIDs: the key ids of authorities, as in `TLSContext.clientAuthorityKeyIDs`.
  func isSigned(byOneOf keyIDs: Set<String>) -> Bool { authorityKeyIDHex.map(keyIDs.contains) ?? false }

  /// Whether the certificate ended at least `grace` seconds ago. A connection may outlive its certificate.
  func hasEnded(now: Int64, grace: Int64 = 0) -> Bool { now - grace >= notAfter }
}
