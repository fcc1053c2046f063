// Why a connection is refused before there is a request.

import Protocol

/// Why a connection is refused, or given up, before there is a request. The raw value is stable: it is a label of /metrics
/// and a field of the log.
enum ConnectionRefusal: String, CaseIterable, Sendable {
  case plainHTTP = "plain_http"
  case proxyHeaderMissing = "proxy_header_missing"
  case proxyHeaderMalformed = "proxy_header_malformed"
  case proxyHeaderUnexpected = "proxy_header_unexpected"
  case noApplicationProtocol = "no_application_protocol"
  /// The client gave up with an alert.
  case alert = "tls_alert"
  case brokenTLS = "tls_broken"
  case rekeying = "tls_rekeying"
  /// The client's network has more connections than its share, and another network needs the room.
  case addressShare = "address_share"
  /// There is no room, and the client's network has more connections than its share.
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

  /// The answer without TLS, to who can be expected to understand it.
  var problem: Problem? {
    switch self {
    case .plainHTTP: Problem(.plainHTTP)
    case .proxyHeaderUnexpected: Problem(.proxyHeaderUnexpected)
    case .proxyHeaderMissing, .proxyHeaderMalformed, .noApplicationProtocol, .alert, .brokenTLS, .rekeying,
      .addressShare, .connectionShare:
      nil
    }
  }

  /// Whether somebody here has to change something: else it is the client's affair.
  var isOurs: Bool { self == .proxyHeaderMissing || self == .proxyHeaderMalformed }
}

extension ConnectionPreface.Refusal {
  /// For the log.
  var details: String? {
    switch self {
    case .proxyHeaderMalformed(let defect): defect.rawValue
    case .proxyHeaderMissing: "proxy_protocol_from names the address, so a PROXY header has to come first"
    case .plainHTTP, .proxyHeaderUnexpected: nil
    }
  }
}
