/// Why a context could not be made, or a session ended. Reasons are OpenSSL's words, for a log.
public enum TLSError: Error, Equatable, Sendable {
  // Making a context.

  /// The certificate chain or private key of our own side.
  case unusableIdentity(CertificateError)
  /// The trust anchors.
  case unusableTrust(CertificateError)
  /// Neither a host name nor an address.
  case unusableServerName(String)
  /// OpenSSL refused a setting.
  case unusableSettings(reason: String)

  // Ending a session. None of these can be recovered from.

  /// The peer gave up. - `received`: RFC 8446 section 6, for instance 48 for `unknown_ca`.
  case alert(received: UInt8)
  /// Client role only: the server's certificate does not prove the name asked for.
  case untrustedPeer(CertificateVerdict.Reason)
  /// The peer offered protocols by ALPN, and ours is not among them.
  case noApplicationProtocol
  /// What came in is no TLS, or no TLS we speak.
  case protocolViolation(reason: String)
  /// More key updates and renegotiation attempts than `TLSSession.maximumRekeyAttempts`.
  case tooManyRekeyAttempts

  // Used at the wrong time.

  /// `send` before the handshake was done.
  case notEstablished
  /// `send` after `close`.
  case closed
}

extension TLSError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unusableIdentity(let error): "the certificate chain or its private key cannot be used: \(error)"
    case .unusableTrust(let error): "the trusted certificates cannot be used: \(error)"
    case .unusableServerName(let name): "\(name) is neither a host name nor an address"
    case .unusableSettings(let reason): "OpenSSL refuses a setting: \(reason)"
    case .alert(let received): "the peer ended TLS with alert \(received)"
    case .untrustedPeer(let reason): "the server's certificate is not trusted: \(reason)"
    case .noApplicationProtocol: "the peer offers no application protocol that we speak (ALPN)"
    case .protocolViolation(let reason): "the peer violates TLS: \(reason)"
    case .tooManyRekeyAttempts: "the peer asks for new keys too often"
    case .notEstablished: "the TLS handshake is not done"
    case .closed: "the TLS session is closed"
    }
  }
}
