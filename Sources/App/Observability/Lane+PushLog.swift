// The lines of pushes. No secret is in them: neither tokens nor fields of the request, but for its own `X-Request-ID`.

import Protocol
import Reactor

extension Lane {
  /// A line for one in `push_log_sample` pushes.
  func logStored(_ push: Push, isDuplicate: Bool) {
    guard pushLog.stored() else { return }
    context.log.info(
      "push",
      [
        "request_id": exchange(of: push)?.requestID ?? "", "push_id": push.id.description,
        "collector_id": push.collectorID.description, "duplicate": String(isDuplicate),
        "metrics": String(push.summary.metricsStored), "rejected": String(push.summary.rejectedTotal),
        "rows": String(push.summary.rows), "bytes": String(push.wireBytes),
        "ms": String(push.startedAt.duration(to: loop.readClock()).wholeMilliseconds),
      ])
  }

  /// A line for a push that was refused, as far as `push_log_refusals_per_second` permits.
  func logRefusal(of exchange: Exchange, _ peer: SocketAddress) {
    guard let reason = exchange.refusal, let more = pushLog.refused(reason, now: loop.now) else { return }
    var fields = [
      "request_id": exchange.requestID, "reason": reason.slug, "status": String(reason.status.code),
      "peer": peer.ipString, "ms": String(exchange.startedAt.duration(to: loop.now).wholeMilliseconds),
    ]
    if let collector = exchange.collector { fields["collector_id"] = collector.description }
    if more > 0 { fields["more"] = "and \(more) more like it" }
    let line = fields
    context.log.info("push refused", line)
  }

  /// The refusals that got no line of their own.
  func logUnwritten() {
    for unwritten in pushLog.takeUnwritten(now: loop.now) {
      context.log.info("pushes refused", ["reason": unwritten.reason.slug, "more": "\(unwritten.count) more like it"])
    }
  }
}
