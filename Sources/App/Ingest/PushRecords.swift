// What is counted and logged of the pushes and batches of one loop. No secret is in a line: neither tokens nor fields of the
// request, but for its own `X-Request-ID`.

import Ground
import Protocol
import Reactor

/// The counters of pushes, and the lines about them. Owned by the ingest desk.
final class PushRecords {
  private(set) var counters: PushCounters
  /// When a batch of this loop was last committed.
  private(set) var committedAt: MonotonicTime
  private let loop: EventLoop
  private let log: ServerLog
  private let pacing: QueryPacing
  private let loops: Int
  private var settings: Settings
  private var lines: PushLog

  /// - Parameters:
  ///   - targets: how many tables there are to copy into.
  ///   - pacing: hears how long pushes waited for their commits.
  ///   - loops: among which the permitted lines are shared out.
  init(loop: EventLoop, targets: Int, settings: Settings, loops: Int, log: ServerLog, pacing: QueryPacing) {
    self.loop = loop
    self.log = log
    self.pacing = pacing
    self.loops = loops
    self.settings = settings
    counters = PushCounters(targets: targets)
    committedAt = loop.now
    lines = PushLog(settings: settings, loops: loops, now: loop.now)
  }

  func apply(_ settings: Settings) {
    self.settings = settings
    lines.apply(settings, loops: loops)
  }

  // MARK: Pushes

  /// The head of a push is complete.
  func received() { counters.pushesReceived += 1 }

  /// The client went away before its push was complete.
  func abandoned() { counters.pushesAbandoned += 1 }

  /// A push was refused, at whatever point. Its line is written when its request ends, see `logRefusal`.
  func refused(_ kind: Problem.Kind) { counters.pushesRefused[kind, default: 0] += 1 }

  /// The body of a push is complete.
  func complete(_ push: Push) { counters.complete(push) }

  /// A push has nothing to store.
  func empty() { counters.pushesEmpty += 1 }

  func parked() { counters.pushesParked += 1 }

  /// Nobody knows what became of a push, and its client is told so.
  func unknown() { counters.pushesUnknown += 1 }

  /// A push is stored, now or before. - Parameter requestID: nil if its client is gone.
  func stored(_ push: Push, isDuplicate: Bool, requestID: @autoclosure () -> String?) {
    if isDuplicate { counters.pushesDuplicate += 1 } else { counters.stored(push, now: loop.readClock()) }
    counters.addDefects(of: push)
    logStored(push, isDuplicate, requestID)
    logPartial(push, requestID)
  }

  /// A push was stored after its client had been told that nobody knows: it was counted then, its rows are counted now.
  func storedLate(_ push: Push) { counters.addRows(of: push) }

  // MARK: Lines

  /// A line for one in `push_log_sample` pushes.
  private func logStored(_ push: Push, _ isDuplicate: Bool, _ requestID: () -> String?) {
    guard lines.stored() else { return }
    log.info(
      "push",
      [
        "request_id": requestID() ?? "", "push_id": push.id, "collector_id": push.collectorID, "duplicate": isDuplicate,
        "metrics": push.summary.metricsStored, "rejected": push.summary.rejectedTotal,
        "rows": push.summary.rows, "bytes": push.wireBytes,
        "ms": push.startedAt.duration(to: loop.readClock()).wholeMilliseconds,
      ])
  }

  /// A line for a push some of whose metrics were rejected, with the first of them, as far as
  /// `push_log_refusals_per_second` permits.
  private func logPartial(_ push: Push, _ requestID: () -> String?) {
    guard push.summary.rejectedTotal > 0, let more = lines.faulty(.partial, now: loop.now) else { return }
    var fields: ServerLog.Fields = [
      "request_id": requestID() ?? "", "push_id": push.id, "collector_id": push.collectorID,
      "metrics": push.summary.metricsStored, "rejected": push.summary.rejectedTotal,
    ]
    if let first = push.summary.rejected.first {
      fields["first"] = "metric \(first.index) (\(first.type)): \(first.code.rawValue), \(first.message)"
    }
    if more > 0 { fields["more"] = "and \(more) more like it" }
    log.info("push partial", fields)
  }

  /// A line for a push that was refused, as far as `push_log_refusals_per_second` permits.
  /// - Parameters:
  ///   - peer: where its client is.
  ///   - startedAt: when its head was complete.
  ///   - collector: nil if nobody knows whose the push is.
  func logRefusal(
    _ refusal: Problem, requestID: @autoclosure () -> String, peer: SocketAddress, startedAt: MonotonicTime,
    collector: @autoclosure () -> UUID?
  ) {
    guard let more = lines.faulty(.refused(refusal.kind), now: loop.now) else { return }
    var fields: ServerLog.Fields = [
      "request_id": requestID(), "reason": refusal.kind.slug, "status": Int(refusal.kind.status.code),
      "peer": peer.ipString, "ms": startedAt.duration(to: loop.now).wholeMilliseconds,
    ]
    if let details = refusal.details { fields["details"] = details }
    if let cause = refusal.cause { fields["cause"] = cause }
    if let collector = collector() { fields["collector_id"] = collector }
    if more > 0 { fields["more"] = "and \(more) more like it" }
    log.info("push refused", fields)
  }

  /// Writes how many refusals got no line of their own. Called once a second.
  func logUnwritten() {
    for unwritten in lines.takeUnwritten(now: loop.now) {
      let fields: ServerLog.Fields = ["reason": unwritten.reason.slug, "more": "\(unwritten.count) more like it"]
      switch unwritten.reason {
      case .refused: log.info("pushes refused", fields)
      case .partial: log.info("pushes partial", fields)
      }
    }
  }

  /// A push is going to be kept aside.
  func parking(_ push: Push, _ suspicion: Suspicion) {
    var fields = suspicion.refusal.logFields
    fields["push_id"] = push.id.description
    fields["collector_id"] = push.collectorID.description
    fields["error"] = "\(suspicion.error)"
    log.error("push parked", fields)
  }

  // MARK: Writers

  func report(_ event: CopyWriter.Event) {
    switch event {
    case .connected: log.info("writer connected", ["loop": loop.index])
    case .disconnected(let error, let pause):
      log.warning(
        "writer disconnected",
        ["loop": loop.index, "error": "\(error)", "retry_in_ms": pause.wholeMilliseconds])
    // The clock itself: `loop.now` is the turn's begin, and a push may have come in this turn.
    case .batchBegun(let batch): counters.begun(batch, now: loop.readClock())
    case .batchUnanswered(let pushes):
      log.error(
        "batch unanswered",
        ["loop": loop.index, "pushes": pushes, "after_ms": settings.commitDeadline.wholeMilliseconds])
    case .unansweredEnded(let duration):
      log.warning("unanswered batch ended", ["loop": loop.index, "after_ms": duration.wholeMilliseconds])
    case .batchCommitted(let batch, let copying, let committing):
      committedAt = loop.now
      counters.copying.observe(copying)
      counters.committing.observe(committing)
      pace(after: batch)
    case .batchUnknown(let pushes): counters.pushesUnknown += pushes
    case .batchFailed(let error, let refusal, let pushes, let isTrial):
      counters.batchFailures += 1
      var fields = refusal.logFields
      (fields["loop"], fields["error"], fields["pushes"]) = (loop.index, "\(error)", pushes)
      if isTrial { log.debug("trial failed", fields) } else { log.warning("batch failed", fields) }
    case .refusing(let refusal):
      counters.tablesRefusing += 1
      log.error("a table refuses rows", refusal.logFields)
    case .accepting(let refusal): log.info("a table takes rows again", refusal.logFields)
    }
  }

  /// Says to the pacing of queries how long the pushes of a batch have waited for its commit, which is now.
  private func pace(after batch: Batch) {
    let now = loop.readClock()
    var (waited, since) = (Duration.zero, now)
    for push in batch.pushes {
      waited += now - push.receivedAt
      since = min(since, push.receivedAt)
    }
    pacing.committed(after: waited / batch.pushes.count, since: since)
  }
}

extension Refusal {
  fileprivate var logFields: ServerLog.Fields { ["sqlstate": sqlstate, "table": table ?? "unknown"] }
}
