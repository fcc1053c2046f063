import Protocol

/// The certificate a connection was opened with, and what it says of who is there: read once, at the handshake. An object,
/// so that each request touches one reference count and not one a text.
final class ShownCertificate: Sendable {
  let peer: PeerCertificate
  /// Whom it names, trusted or not.
  let collector: UUID?
  /// Nil for one that cannot be ours.
  let serial: CertificateSerial?

  init(_ peer: PeerCertificate) {
    self.peer = peer
    collector = peer.collector
    serial = CertificateSerial(peer.serialHex)
  }

  /// Whether our authority signed it for a collector, however long ago it ended.
  var isGenuine: Bool {
    switch peer.verdict {
    case .trusted, .untrusted(.expired): true
    case .untrusted: false
    }
  }

  /// - Parameter keyIDs: of authorities, as `TLSContext.clientAuthorityKeyIDs`.
  func isSigned(byOneOf keyIDs: Set<String>) -> Bool { peer.authorityKeyIDHex.map(keyIDs.contains) ?? false }

  /// Its end is `grace` seconds ago, or longer. A connection may outlive the certificate it was opened with.
  func hasEnded(now: Int64, grace: Int64 = 0) -> Bool { now - grace >= peer.notAfter }
}
