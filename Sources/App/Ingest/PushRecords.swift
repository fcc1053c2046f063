// Counts and logs the pushes and batches of one loop. A line holds no secrets: no tokens, and no fields of the request
// except its `X-Request-ID`.

import Ground
import Protocol
import Reactor

/// The counters and log lines of one loop's pushes. The ingest desk owns it.
final class PushRecords {
  private(set) var counters: PushCounters
  /// The time of this loop's last commit; before the first one, the time of the start.
  private(set) var committedAt: MonotonicTime
  private let loop: EventLoop
  private let log: ServerLog
  private let pacing: QueryPacing
  private let loops: Int
  private var settings: Settings
  private var lines: PushLog

  /// - Parameters:
  ///   - targets: the number of tables that rows are copied into.
  ///   - pacing: receives the time that pushes waited for their commits.
  ///   - loops: the number of loops that share the permitted log lines.
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

  /// Uses `settings` from now on.
  func apply(_ settings: Settings) {
    self.settings = settings
    lines.apply(settings, loops: loops)
  }

  // MARK: Pushes

  /// Counts a push whose head is complete.
  func received() { counters.pushesReceived += 1 }

  /// Counts a push whose client went away before the push was complete.
  func abandoned() { counters.pushesAbandoned += 1 }

  /// Counts a refused push. Its line is written when its request ends, see `logRefusal`.
  func refused(_ kind: Problem.Kind) { counters.pushesRefused[kind, default: 0] += 1 }

  /// Counts a push whose body is complete.
  func complete(_ push: Push) { counters.complete(push) }

  /// Counts a push that has nothing to store.
  func empty() { counters.pushesEmpty += 1 }

  /// Counts a push that is parked.
  func parked() { counters.pushesParked += 1 }

  /// Counts a push whose client is told that the outcome is unknown.
  func unknown() { counters.pushesUnknown += 1 }

  /// Counts and logs a push that is stored, by this request or an earlier one.
  /// - Parameter requestID: nil if the client is gone.
  func stored(_ push: Push, isDuplicate: Bool, requestID: @autoclosure () -> String?) {
    if isDuplicate { counters.pushesDuplicate += 1 } else { counters.stored(push, now: loop.readClock()) }
    counters.addDefects(of: push)
    logStored(push, isDuplicate, requestID)
    logPartial(push, requestID)
  }

  /// Counts the rows of a push that was stored after its client was told that the outcome is unknown. The push was
  /// counted then.
  func storedLate(_ push: Push) { counters.addRows(of: push) }

  // MARK: Lines

  /// Logs one in `push_log_sample` stored pushes.
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

  /// Logs a push of which some metrics were rejected, with the first rejected metric. `push_log_refusals_per_second`
  /// limits these lines.
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

  /// Logs a refused push. `push_log_refusals_per_second` limits these lines.
  /// - Parameters:
  ///   - peer: the client's address.
  ///   - startedAt: the time at which the head was complete.
  ///   - collector: the collector of the push; nil if it is not known.
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

  /// Logs how many refusals got no line of their own. The lane calls it once a second.
  func logUnwritten() {
    for unwritten in lines.takeUnwritten(now: loop.now) {
      let fields: ServerLog.Fields = ["reason": unwritten.reason.slug, "more": "\(unwritten.count) more like it"]
      switch unwritten.reason {
      case .refused: log.info("pushes refused", fields)
      case .partial: log.info("pushes partial", fields)
      }
    }
  }

  /// Logs a push that is about to be parked.
  func parking(_ push: Push, _ suspicion: Suspicion) {
    var fields = suspicion.refusal.logFields
    fields["push_id"] = push.id.description
    fields["collector_id"] = push.collectorID.description
    fields["error"] = "\(suspicion.error)"
    log.error("push parked", fields)
  }

  // MARK: Writers

  /// Counts and logs an event of a writer.
  func report(_ event: CopyWriter.Event) {
    switch event {
    case .connected: log.info("writer connected", ["loop": loop.index])
    case .disconnected(let error, let pause):
      log.warning(
        "writer disconnected",
        ["loop": loop.index, "error": "\(error)", "retry_in_ms": pause.wholeMilliseconds])
    // Reads the clock itself: a push may have arrived after `loop.now`, which is the start of the turn.
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

  /// Reports to the pacing of queries how long the pushes of a batch have waited for its commit.
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
