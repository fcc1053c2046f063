import Protocol

/// The identity that the client of one connection has proved.
struct ClientIdentity {
  /// The certificate of the TLS handshake; nil if the client has shown none.
  var certificate: ShownCertificate?
  /// The last bearer token that was verified on the connection. A client that keeps its connection sends the same token
  /// each time.
  var verifiedToken: VerifiedToken?

  /// The collectors whose identity the client has proved, by certificate and then by token. If they are two different
  /// collectors, each request of the connection is refused.
  var collectors: [UUID] {
    let certified = certificate.flatMap { $0.isGenuine ? $0.collector : nil }
    return [certified, verifiedToken?.collector].compactMap { $0 }
  }
}
