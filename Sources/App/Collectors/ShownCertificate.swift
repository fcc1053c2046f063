import Protocol

/// What each request asks of the certificate its connection was opened with: read once, at the handshake. An object, so that
/// a request touches one reference count; and no texts, because ten thousand connections keep one each. What else a
/// certificate says is read from the session's own when an endpoint asks (`RequestContext.peerCertificate`).
final class ShownCertificate: Sendable {
  let verdict: CertificateVerdict
  /// Whom it names, trusted or not.
  let collector: UUID?
  let fingerprint: CertificateFingerprint?
  /// As `PeerCertificate.authorityKeyIDHex`; shared among connections if it is one of ours.
  private let authorityKeyIDHex: String?
  private let notAfter: Int64

  init(_ peer: PeerCertificate) {
    verdict = peer.verdict
    collector = peer.collector
    fingerprint = CertificateFingerprint(peer.fingerprintHex)
    authorityKeyIDHex = peer.authorityKeyIDHex
    notAfter = peer.notAfter
  }

  /// Whether our authority signed it for a collector, however long ago it ended, or begins later than now.
  var isGenuine: Bool {
    switch verdict {
    case .trusted, .untrusted(.expired), .untrusted(.notYetValid): true
    case .untrusted: false
    }
  }

  /// - Parameter keyIDs: of authorities, as `TLSContext.clientAuthorityKeyIDs`.
  func isSigned(byOneOf keyIDs: Set<String>) -> Bool { authorityKeyIDHex.map(keyIDs.contains) ?? false }

  /// Its end is `grace` seconds ago, or longer. A connection may outlive the certificate it was opened with.
  func hasEnded(now: Int64, grace: Int64 = 0) -> Bool { now - grace >= notAfter }
}
