// What happens on a connection before TLS: it waits for its turn; a balancer's header says whose it is; what is neither that
// nor TLS is told so and let go.

import Protocol
import Reactor

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

extension HTTPConnection {
  /// Whether a balancer still has to say whom it speaks for. To read that costs nothing, so it waits for no turn.
  var awaitsProxyHeader: Bool { preface?.expectsHeader ?? false }

  /// The connection's turn to go on with its handshake.
  func proceedWithHandshake() {
    guard case .handshaking = phase else { return }
    var early = ByteBuffer()
    swap(&early, &pending)
    afterwards {
      if !early.isEmpty { early.withUnsafeBytes { receive($0) } }
      if isOver { return }
      setReading(true)
      read()
    }
  }

  /// Looks at bytes that come before TLS. - Returns: whether those from `position` on are TLS.
  func arrive(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
    while true {
      guard let step = preface?.next(bytes, &position) else { return true }
      switch step {
      case .needInput: return false
      case .tls:
        preface = nil
        link.begin(desk.gatekeeper.tlsContext, now: desk.clock.unixSeconds)
        arrivals.moved(self, to: .handshakeBegun)
        return true
      case .refused(let refusal):
        refuse(ConnectionRefusal(refusal), refusal.details)
        return false
      case .proxied(let header):
        speaks(for: header)
        if position == bytes.count { return false }
        // The client's own bytes wait for the turn of its own network.
        pending.append(bytes.extracting(position...))
        setReading(false)
        arrivals.moved(self, to: .handshakeDue)
        return false
      }
    }
  }

  private func speaks(for header: ProxyHeader) {
    if let source = header.source, let address = SocketAddress(octets: source.octets, port: source.port) {
      peerAddress = address
      arrivals.moved(self, to: .arrived)
    }
    guard case .handshaking(let begin) = phase else { return }
    arm(at: begin + desk.settings.handshakeDeadline)
  }

  /// Ends a connection that never came to TLS.
  private func refuse(_ refusal: ConnectionRefusal, _ details: String?) {
    desk.records.refused(refusal, from: peerAddress, details)
    guard let problem = refusal.problem else { return destroy() }
    preface = nil
    arrivals.moved(self, to: .handshakeEnded(isVerified: false))
    desk.renderer.encode(problem.response(requestID: ""), nil, http.exchange, .close) { outbound.append($0) }
    beginClose()
  }
}
