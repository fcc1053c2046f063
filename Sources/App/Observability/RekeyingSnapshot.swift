import Protocol

/// Certificates and keys at one moment, for metrics.
struct RekeyingSnapshot: Sendable {
  /// The ends of the certificates, in unix seconds.
  let notAfter: [(name: String, seconds: Int64)]
  let signingKeys: Int
  let refusals: Int
  /// Whether the data directory currently holds invalid certificates or keys.
  let isRefused: Bool

  init(_ identity: ServerIdentity, _ keys: SigningKeys) {
    let snapshot = identity.snapshot
    let authority = snapshot.authority
    let signers =
      [
        ("authority", authority.current), ("authority_next", authority.next),
        ("authority_previous", authority.previous),
      ]
      as [(String, Authority.Signer?)]
    self.init(
      notAfter: [("server", snapshot.leaf.notAfter)]
        + signers.compactMap { name, signer in signer.map { (name, $0.certificate.notAfter) } },
      signingKeys: keys.tokens.keys.ids.count, refusals: identity.refusals.count,
      isRefused: identity.refusals.isPresent)
  }

  init(notAfter: [(name: String, seconds: Int64)], signingKeys: Int, refusals: Int, isRefused: Bool) {
    self.notAfter = notAfter
    self.signingKeys = signingKeys
    self.refusals = refusals
    self.isRefused = isRefused
  }
}
