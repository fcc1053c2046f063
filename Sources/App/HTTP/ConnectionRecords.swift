// Counts and logs the connections of one loop and their requests.

import Ground
import Protocol
import Reactor

/// An event of a connection that is counted and not logged.
enum ConnectionEvent {
  case accepted
  case closed
  /// A handshake has ended, with or without a session.
  case handshakeEnded
  /// A session is established. `after` counts from accept.
  case established(after: Duration)
  case tlsFailed
  /// A deadline of the connection has passed.
  case deadlineReached
  /// The head of a request is complete, and the request is not a push. It may match no endpoint.
  case requested
  /// The connection is cut off because its collector or certificate is revoked, or because the certificate's authority
  /// is no longer trusted.
  case revoked
  /// The rest of a streamed answer could not be produced.
  case streamBroken
  /// The connection is cut off because unsent answers have filled their budget.
  case answerCut
}

/// The counters and log lines of one loop's connections. The parts of a lane share one instance.
final class ConnectionRecords {
  private(set) var counters = ConnectionCounters()
  private let loop: EventLoop
  private let log: ServerLog
  private var lines = RefusalLines()

  init(loop: EventLoop, log: ServerLog) {
    self.loop = loop
    self.log = log
  }

  /// Counts an event.
  func count(_ event: ConnectionEvent) {
    switch event {
    case .accepted: counters.connectionsAccepted += 1
    case .closed: counters.connectionsClosed += 1
    case .handshakeEnded: counters.handshakes += 1
    case .established(let duration): counters.handshaking.observe(duration)
    case .tlsFailed: counters.tlsFailures += 1
    case .deadlineReached: counters.deadlines += 1
    case .requested: counters.requests += 1
    case .revoked: counters.connectionsRevoked += 1
    case .streamBroken: counters.streamsBroken += 1
    case .answerCut: counters.answersCut += 1
    }
  }

  /// Counts and logs a connection that is refused, or closed to make room, before it has a request.
  func refused(_ refusal: ConnectionRefusal, from peer: SocketAddress, _ details: String? = nil) {
    counters.connectionsRefused[refusal, default: 0] += 1
    guard let fields = refusalFields(refusal.rawValue, peer, details) else { return }
    if refusal.isOurs { log.warning("connection refused", fields) } else { log.info("connection refused", fields) }
  }

  /// Counts and logs a request that violates HTTP or exceeds its limits.
  func broken(_ error: HTTPError, from peer: SocketAddress) {
    counters.framingErrors[error.reason, default: 0] += 1
    guard let fields = refusalFields(error.reason.rawValue, peer, nil) else { return }
    log.info("request refused", fields)
  }

  private func refusalFields(_ reason: String, _ peer: SocketAddress, _ details: String?) -> [String: String]? {
    guard let more = lines.take(reason, now: loop.now) else { return nil }
    var fields = ["reason": reason, "peer": peer.ipString]
    if let details { fields["details"] = details }
    if more > 0 { fields["more"] = "and \(more) more like it" }
    return fields
  }

  /// Logs how many refusals got no line of their own. The lane calls it once a second.
  func logUnwritten() {
    for unsaid in lines.takeUnsaid(now: loop.now) {
      log.info("refused", ["reason": unsaid.reason, "more": "\(unsaid.count) more like it"])
    }
  }

  /// Logs one line for a request that is not a push. Health checks are logged at `debug`.
  /// - Parameter isBroken: whether the answer's body was cut off.
  func answered(_ exchange: Exchange, _ response: HTTPResponse, _ peer: SocketAddress, isBroken: Bool) {
    var fields: ServerLog.Fields = [
      "request_id": exchange.requestID, "method": exchange.head.method.name,
      "path": String(decoding: exchange.head.target.rawPath, as: UTF8.self), "status": Int(response.status.code),
      "peer": peer.ipString, "ms": exchange.startedAt.duration(to: loop.now).wholeMilliseconds,
    ]
    if let user = exchange.user { fields["user"] = user }
    if let collector = exchange.collector { fields["collector_id"] = collector }
    if let refusal = exchange.refusal {
      fields["reason"] = refusal.kind.slug
      if let details = refusal.details { fields["details"] = details }
    }
    if isBroken { fields["cut_off"] = true }
    if exchange.isProbe { log.debug("request", fields) } else { log.info("request", fields) }
  }
}
