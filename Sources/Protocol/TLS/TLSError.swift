/// The reason that a context cannot be made, or that a session ended. `reason` is OpenSSL's text, for a log.
public enum TLSError: Error, Equatable, Sendable {
  // Errors when a context is made.

  /// The certificate chain or private key of this side cannot be used.
  case unusableIdentity(CertificateError)
  /// The trust anchors cannot be used.
  case unusableTrust(CertificateError)
  /// The name is neither a host name nor an IP address.
  case unusableServerName(String)
  /// OpenSSL refused a setting.
  case unusableSettings(reason: String)

  // Errors that end a session for good.

  /// The peer ended TLS with an alert. `received`: RFC 8446 section 6, for example 48 for `unknown_ca`.
  case alert(received: UInt8)
  /// Client role only: the server's certificate is not trusted, or does not prove the expected name.
  case untrustedPeer(CertificateVerdict.Reason)
  /// The peer offers application protocols by ALPN, and HTTP/1.1 is not among them.
  case noApplicationProtocol
  /// The bytes are not TLS, or not a supported version.
  case protocolViolation(reason: String)
  /// The peer made more key updates and renegotiation attempts than `TLSSession.maximumRekeyAttempts`.
  case tooManyRekeyAttempts

  // Errors of the caller.

  /// `send` was called before the handshake was done.
  case notEstablished
  /// `send` was called after `close`.
  case closed
}

extension TLSError: CustomStringConvertible {
  /// The error in words, for a log.
  public var description: String {
    switch self {
    case .unusableIdentity(let error): "the certificate chain or its private key cannot be used: \(error)"
    case .unusableTrust(let error): "the trusted certificates cannot be used: \(error)"
    case .unusableServerName(let name): "\(name) is neither a host name nor an address"
    case .unusableSettings(let reason): "OpenSSL refuses a setting: \(reason)"
    case .alert(let received): "the peer ended TLS with alert \(received)"
    case .untrustedPeer(let reason): "the server's certificate is not trusted: \(reason)"
    case .noApplicationProtocol: "the peer does not offer http/1.1 (ALPN)"
    case .protocolViolation(let reason): "the peer violates TLS: \(reason)"
    case .tooManyRekeyAttempts: "the peer asks for new keys too often"
    case .notEstablished: "the TLS handshake is not done"
    case .closed: "the TLS session is closed"
    }
  }
}
