// The lines of connections that are refused and of requests that break HTTP. Whoever sends nonsense can send it without end, so each
// reason gets one line a second; how many more there were is said with the next.

import Protocol
import Reactor

/// Owned by the lane. Reasons are of closed lists.
struct RefusalLines {
  struct Unsaid: Equatable {
    let reason: String
    let count: Int
  }

  static let interval = Duration.seconds(1)

  private var reasons: [String: (saidAt: MonotonicTime, unsaid: Int)] = [:]

  /// - Returns: nil: there is no line; else how many like it had none since the last line.
  mutating func take(_ reason: String, now: MonotonicTime) -> Int? {
    if let last = reasons[reason], now - last.saidAt < Self.interval {
      reasons[reason]!.unsaid += 1
      return nil
    }
    let unsaid = reasons[reason]?.unsaid ?? 0
    reasons[reason] = (now, 0)
    return unsaid
  }

  /// What no line has said for an interval; called now and then.
  mutating func takeUnsaid(now: MonotonicTime) -> [Unsaid] {
    var all: [Unsaid] = []
    for (reason, last) in reasons where now - last.saidAt >= Self.interval {
      if last.unsaid > 0 { all.append(Unsaid(reason: reason, count: last.unsaid)) }
      reasons[reason] = nil
    }
    return all.sorted { $0.reason < $1.reason }
  }
}

extension Lane {
  /// A connection is refused, or has to go, before it is asked for anything.
  func refused(_ refusal: ConnectionRefusal, from peer: SocketAddress, _ details: String? = nil) {
    counters.connectionsRefused[refusal, default: 0] += 1
    guard let fields = refusalFields(refusal.rawValue, peer, details) else { return }
    if refusal.isOurs {
      context.log.warning("connection refused", fields)
    } else {
      context.log.info("connection refused", fields)
    }
  }

  /// A request breaks HTTP, or is beyond its limits.
  func broke(_ error: HTTPError, _ peer: SocketAddress) {
    counters.framingErrors[error.reason, default: 0] += 1
    guard let fields = refusalFields(error.reason.rawValue, peer, nil) else { return }
    context.log.info("request refused", fields)
  }

  private func refusalFields(_ reason: String, _ peer: SocketAddress, _ details: String?) -> [String: String]? {
    guard let more = refusalLines.take(reason, now: loop.now) else { return nil }
    var fields = ["reason": reason, "peer": peer.ipString]
    if let details { fields["details"] = details }
    if more > 0 { fields["more"] = "and \(more) more like it" }
    return fields
  }

  /// The refusals that had no line of their own.
  func logUnsaidRefusals() {
    for unsaid in refusalLines.takeUnsaid(now: loop.now) {
      context.log.info("refused", ["reason": unsaid.reason, "more": "\(unsaid.count) more like it"])
    }
  }
}
