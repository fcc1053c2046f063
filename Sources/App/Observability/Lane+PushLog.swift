// The lines of pushes. No secret is in them: neither tokens nor fields of the request, but for its own `X-Request-ID`.

import Ground
import Protocol
import Reactor

extension Lane {
  /// A line for one in `push_log_sample` pushes.
  func logStored(_ push: Push, isDuplicate: Bool) {
    guard pushLog.stored() else { return }
    context.log.info(
      "push",
      [
        "request_id": exchange(of: push)?.requestID ?? "", "push_id": push.id,
        "collector_id": push.collectorID, "duplicate": isDuplicate,
        "metrics": push.summary.metricsStored, "rejected": push.summary.rejectedTotal,
        "rows": push.summary.rows, "bytes": push.wireBytes,
        "ms": push.startedAt.duration(to: loop.readClock()).wholeMilliseconds,
      ])
  }

  /// A line for a push some of whose metrics were rejected, with the first of them, as far as
  /// `push_log_refusals_per_second` permits.
  func logPartial(_ push: Push) {
    guard push.summary.rejectedTotal > 0, let more = pushLog.faulty(.partial, now: loop.now) else { return }
    var fields: ServerLog.Fields = [
      "request_id": exchange(of: push)?.requestID ?? "", "push_id": push.id, "collector_id": push.collectorID,
      "metrics": push.summary.metricsStored, "rejected": push.summary.rejectedTotal,
    ]
    if let first = push.summary.rejected.first {
      fields["first"] = "metric \(first.index) (\(first.type)): \(first.code.rawValue), \(first.message)"
    }
    if more > 0 { fields["more"] = "and \(more) more like it" }
    context.log.info("push partial", fields)
  }

  /// A line for a push that was refused, as far as `push_log_refusals_per_second` permits.
  /// - Parameter claimed: the collector of the connection, for a push that was refused before it was anybody's.
  func logRefusal(of exchange: Exchange, _ peer: SocketAddress, claimed: UUID?) {
    guard let refusal = exchange.refusal, let more = pushLog.faulty(.refused(refusal.kind), now: loop.now) else {
      return
    }
    var fields: ServerLog.Fields = [
      "request_id": exchange.requestID, "reason": refusal.kind.slug, "status": Int(refusal.kind.status.code),
      "peer": peer.ipString, "ms": exchange.startedAt.duration(to: loop.now).wholeMilliseconds,
    ]
    if let details = refusal.details { fields["details"] = details }
    if let cause = refusal.cause { fields["cause"] = cause }
    if let collector = exchange.collector ?? claimed { fields["collector_id"] = collector }
    if more > 0 { fields["more"] = "and \(more) more like it" }
    context.log.info("push refused", fields)
  }

  /// The refusals that got no line of their own.
  func logUnwritten() {
    for unwritten in pushLog.takeUnwritten(now: loop.now) {
      let fields: ServerLog.Fields = ["reason": unwritten.reason.slug, "more": "\(unwritten.count) more like it"]
      switch unwritten.reason {
      case .refused: context.log.info("pushes refused", fields)
      case .partial: context.log.info("pushes partial", fields)
      }
    }
  }
}
