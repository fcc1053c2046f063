// What is counted and logged of the connections and requests of one loop.

import Ground
import Protocol
import Reactor

/// Something that happened to a connection and is only counted.
enum ConnectionEvent {
  case accepted
  case closed
  /// Whether it led to a session or not.
  case handshakeEnded
  /// A session is established; the time since the connection was accepted.
  case established(after: Duration)
  case tlsFailed
  case deadlineReached
  /// A head is complete, for an endpoint other than the push, or for none.
  case requested
  /// The collector or its certificate was revoked, or the certificate's authority is trusted no longer.
  case revoked
  /// The rest of a streamed answer could not be read.
  case streamBroken
  /// It was cut off because answers that clients do not take filled the budget.
  case answerCut
}

/// The counters of connections, and the lines about them. Shared by the parts of one lane.
final class ConnectionRecords {
  private(set) var counters = ConnectionCounters()
  private let loop: EventLoop
  private let log: ServerLog
  private var lines = RefusalLines()

  init(loop: EventLoop, log: ServerLog) {
    self.loop = loop
    self.log = log
  }

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

  /// A connection is refused, or has to go, before it is asked for anything.
  func refused(_ refusal: ConnectionRefusal, from peer: SocketAddress, _ details: String? = nil) {
    counters.connectionsRefused[refusal, default: 0] += 1
    guard let fields = refusalFields(refusal.rawValue, peer, details) else { return }
    if refusal.isOurs { log.warning("connection refused", fields) } else { log.info("connection refused", fields) }
  }

  /// A request breaks HTTP, or is beyond its limits.
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

  /// Writes how many refusals had no line of their own. Called once a second.
  func logUnwritten() {
    for unsaid in lines.takeUnsaid(now: loop.now) {
      log.info("refused", ["reason": unsaid.reason, "more": "\(unsaid.count) more like it"])
    }
  }

  /// One line for each request but pushes; health checks at `debug`. - Parameter isBroken: the answer's body was cut off.
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
