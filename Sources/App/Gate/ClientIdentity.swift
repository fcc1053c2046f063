import Protocol

/// What the client of one connection has proved about itself.
struct ClientIdentity {
  var certificate: ShownCertificate?
  /// The last bearer token that was verified on the connection: a keep-alive client sends the same one each time.
  var verifiedToken: VerifiedToken?

  /// The collectors that have proved to be at the other end: by certificate, then by token. Two are one too many, and
  /// each request of such a connection is refused.
  var collectors: [UUID] {
    let certified = certificate.flatMap { $0.isGenuine ? $0.collector : nil }
    return [certified, verifiedToken?.collector].compactMap { $0 }
  }
}
