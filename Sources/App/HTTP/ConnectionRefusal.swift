// The reasons why a connection is refused before it has a request.

import Protocol

/// The reason why a connection is refused or closed before it has a request. The raw value is stable: it is a label of
/// /metrics and a field of the log.
enum ConnectionRefusal: String, CaseIterable, Sendable {
  case plainHTTP = "plain_http"
  case proxyHeaderMissing = "proxy_header_missing"
  case proxyHeaderMalformed = "proxy_header_malformed"
  case proxyHeaderUnexpected = "proxy_header_unexpected"
  case noApplicationProtocol = "no_application_protocol"
  /// The client ended the handshake with an alert.
  case alert = "tls_alert"
  case brokenTLS = "tls_broken"
  case rekeying = "tls_rekeying"
  /// The client's network has more connections than its share, and another network needs the room. An open connection
  /// is closed.
  case addressShare = "address_share"
  /// There is no room, and no connection may be closed for this client's network. The new connection is refused.
  case connectionShare = "connection_share"

  init(_ error: TLSError) {
    switch error {
    case .noApplicationProtocol: self = .noApplicationProtocol
    case .alert: self = .alert
    case .tooManyRekeyAttempts: self = .rekeying
    case .unusableIdentity, .unusableTrust, .unusableServerName, .unusableSettings, .untrustedPeer, .protocolViolation,
      .notEstablished, .closed:
      self = .brokenTLS
    }
  }

  init(_ refusal: ConnectionPreface.Refusal) {
    switch refusal {
    case .plainHTTP: self = .plainHTTP
    case .proxyHeaderMissing: self = .proxyHeaderMissing
    case .proxyHeaderMalformed: self = .proxyHeaderMalformed
    case .proxyHeaderUnexpected: self = .proxyHeaderUnexpected
    }
  }

  /// The answer without TLS, for clients that can be expected to understand it; nil for all others.
  var problem: Problem? {
    switch self {
    case .plainHTTP: Problem(.plainHTTP)
    case .proxyHeaderUnexpected: Problem(.proxyHeaderUnexpected)
    case .proxyHeaderMissing, .proxyHeaderMalformed, .noApplicationProtocol, .alert, .brokenTLS, .rekeying,
      .addressShare, .connectionShare:
      nil
    }
  }

  /// Whether the operator of the server has to change something. The other refusals are caused by the client.
  var isOurs: Bool { self == .proxyHeaderMissing || self == .proxyHeaderMalformed }
}

extension ConnectionPreface.Refusal {
  /// An explanation for the log.
  var details: String? {
    switch self {
    case .proxyHeaderMalformed(let defect): defect.rawValue
    case .proxyHeaderMissing: "proxy_protocol_from names the address, so a PROXY header has to come first"
    case .plainHTTP, .proxyHeaderUnexpected: nil
    }
  }
}
