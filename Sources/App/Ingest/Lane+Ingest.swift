// The lane as owner of pushes: from an admitted head to the answer after the commit.

import Ground
import Protocol
import Reactor

extension Lane: CopyWriterOwner {
  /// Admission of a push from its head, and the means to read it.
  func admitPush(_ collector: Principal.Collector, _ head: HTTPRequestHead) -> Result<(PushReader, Push), Problem> {
    guard let record = collectors[collector.id] else { return .failure(Problem(.collectorRevoked)) }
    if head.count(named: "idempotency-key") > 1 {
      return .failure(Problem(.malformedRequest, "Idempotency-Key is there more than once"))
    }
    let coding = head.contentCoding
    if coding == .unsupported {
      return .failure(Problem(.unsupportedContentCoding, "gzip and identity are supported"))
    }
    var length = 0
    if case .length(let announced) = head.framing { length = announced }
    if length > settings.bodyBytes {
      return .failure(Problem(.bodyTooLarge, "body_bytes is \(settings.bodyBytes)"))
    }
    let verdict = admission.admit(
      serverID: record.serverID, contentLength: length, isDatabaseReachable: writers.contains(where: \.isConnected),
      now: loop.now)
    switch verdict {
    case .admitted: break
    case .throttled(let limit, let seconds):
      return .failure(Problem(.rateLimited, limit, retryAfterSeconds: seconds))
    case .overloaded(let reason, let seconds):
      return .failure(Problem(.overloaded, reason, retryAfterSeconds: seconds))
    case .databaseAway(let seconds):
      return .failure(Problem(.databaseUnavailable, "the push was not read", retryAfterSeconds: seconds))
    }
    let push = borrowPush()
    push.collectorID = record.id
    push.serverID = record.serverID
    push.isSuccession = record.hasPredecessors
    push.announcedBytes = length
    push.configVersion = record.configVersion
    push.startedAt = loop.now
    let now = unixMicroseconds
    let oldest = now - settings.retention.wholeNanoseconds / 1000
    let newest = now + settings.clockSkew.wholeNanoseconds / 1000
    let reader = borrowReader()
    reader.begin(
      serverID: record.serverID, timeWindow: oldest...newest, isLegacyRead: context.legacyLedger.isRead)
    return .success((reader, push))
  }

  /// The body is complete: checks the envelope, and hands the push to its writer or answers at once.
  func complete(_ push: Push, _ reader: PushReader, _ exchange: Exchange, on connection: HTTPConnection) {
    let begun = loop.readClock()
    do throws(PushRefusal) {
      try reader.finish(key: exchange.head.first(named: "idempotency-key").map { Array($0) }, into: push, known: &known)
      guard push.summary.collectorID.flatMap({ UUID($0) }) == push.collectorID else { throw .foreignCollector }
    } catch {
      if case .foreignCollector = error {
        noted(Problem(error), exchange, on: connection, claimed: push.summary.collectorID.flatMap { UUID($0) })
      }
      recycle(push, reader)
      connection.complete(exchange.number, refusal(Problem(error), on: connection))
      return
    }
    account(push, reader)
    recycle(reader)
    // From here on its outcome is counted where it is settled: the connection may be gone by then.
    connection.exchange?.isOpenPush = false
    push.receivedAt = loop.readClock()
    push.decodeTime += push.receivedAt - begun
    counters.received(push)
    if case .chunked = exchange.head.framing {
      admission.charge(serverID: push.serverID, bytes: push.wireBytes, now: loop.now)
    }
    push.ticket = Ticket(connection: connection.id, exchange: exchange.number)
    saw(push.collectorID)
    if push.isSuccession { endPredecessors(before: push) } else { accept(push) }
  }

  /// The collectors whose place this one takes end now: its identity works. What they still send is refused before the
  /// answer to this push says that it is stored.
  private func endPredecessors(before push: Push) {
    let waiting = LoopBound(push, on: loop)
    let handle = handle
    context.errands.endPredecessors(of: push.collectorID) { failure in
      handle.submit { lane in
        let push = waiting.value(on: lane.loop)
        if failure == nil { return lane.accept(push) }
        lane.giveUp(push, "the identity before this one could not be ended")
      }
    }
  }

  /// Hands a push that was read to its writer, or answers at once.
  private func accept(_ push: Push) {
    if push.rows.rowCount == 0 {
      // Nothing to store, hence nothing to store twice.
      counters.pushesEmpty += 1
      push.outcome = .stored(duplicate: false)
      settled(push)
      return
    }
    push.deadline = loop.now + settings.commitDeadline
    date(push)
    let missing = missingDays(of: push)
    if missing.isEmpty { return submit(push) }
    let waiting = LoopBound(push, on: loop)
    prepareDays(missing) { lane, result in
      let push = waiting.value(on: lane.loop)
      switch result {
      case .ready, .refused: lane.submit(push)
      case .failed: lane.giveUp(push, "the partitions of its days could not be made")
      }
    }
  }

  private func submit(_ push: Push) { writers[Int(push.serverID) % writers.count].submit(push) }

  private func giveUp(_ push: Push, _ reason: String) {
    push.outcome = .unavailable(reason: reason, retryAfterSeconds: 10)
    settled(push)
  }

  /// Finds where in the ledger the push belongs. The day is its own, whenever it comes; only whether it is kept under its day
  /// depends on the clock, and who looks for it looks in both places.
  private func date(_ push: Push) {
    let today = Day(of: Timestamp(unixMicroseconds: unixMicroseconds))
    if let time = push.summary.firstTime {
      let day = PostgresBinary.day(of: time)
      push.day = day
      push.isDated = (today.advanced(by: -StorageSettings.ledgerDaysBack)...today.advanced(by: 1)).contains(
        Day(word: day))
    }
    if push.legacy == nil { return }
    let oldest = today.advanced(by: -Int32(settings.retention.wholeSeconds / 86_400))
    push.legacy?.days = LegacyIdentity.days(timestamp: push.summary.timestamp, in: oldest...today.advanced(by: 1))
  }

  // MARK: CopyWriterOwner

  func settled(_ push: Push) {
    guard let outcome = push.outcome else { preconditionFailure("a push was settled without an outcome") }
    if push.isAnswered { return settledLate(push, outcome) }
    switch outcome {
    case .stored(let duplicate):
      if duplicate {
        counters.pushesDuplicate += 1
      } else {
        counters.stored(push, now: loop.readClock())
        // Of a repeat they may never have been stored: its first may have been parked.
        for id in push.rows.pendingIDs { known.insert(id) }
        rejects.add(
          push.summary, of: push.collectorID, push: push.id,
          at: Timestamp(unixMicroseconds: unixMicroseconds))
      }
      counters.metricsRejected.merge(push.summary.rejectedByCode, uniquingKeysWith: +)
      counters.rowsRejected.merge(push.summary.rowsRejectedByCode, uniquingKeysWith: +)
      counters.valuesAltered.merge(push.summary.alteredByKind, uniquingKeysWith: +)
      logStored(push, isDuplicate: duplicate)
      logPartial(push)
      answer(push, duplicate: duplicate, parkedFor: nil)
    case .keyReused:
      refuse(push, Problem(.idempotencyKeyReused))
      recycle(push)
    case .parked(let refusal):
      counters.pushesParked += 1
      answer(push, duplicate: false, parkedFor: refusal)
    case .outcomeUnknown:
      unanswered(push)
      recycle(push)
    case .unavailable(let reason, let seconds):
      refuse(push, Problem(.databaseUnavailable, reason, retryAfterSeconds: seconds))
      recycle(push)
    }
  }

  func unanswered(_ push: Push) {
    counters.pushesUnknown += 1
    let details = "The push may have been stored. Send the same push again: it is stored once."
    refuse(push, Problem(.outcomeUnknown, details, retryAfterSeconds: admission.jittered(5)))
  }

  /// Tells whoever still waits for the push, and counts it.
  private func refuse(_ push: Push, _ problem: Problem) {
    counters.pushesRefused[problem.kind, default: 0] += 1
    let exchange = exchange(of: push)
    exchange?.refusal = problem
    connections[push.ticket.connection]?.complete(
      push.ticket.exchange, problem.response(requestID: exchange?.requestID ?? ""))
  }

  /// Its client was told before that nobody knows, and it was counted then. Its rows are counted now.
  private func settledLate(_ push: Push, _ outcome: PushOutcome) {
    if case .stored(duplicate: false) = outcome {
      for target in counters.rowsStored.indices { counters.rowsStored[target] += push.newRows(of: target) }
      for id in push.rows.pendingIDs { known.insert(id) }
    }
    recycle(push)
  }

  /// Says what became of a push, to whoever still waits for it, and lets go of it.
  private func answer(_ push: Push, duplicate: Bool, parkedFor refusal: Refusal?) {
    let ticket = push.ticket
    var body = answerBody.lend()
    body = push.answer(
      duplicate: duplicate, parkedFor: refusal, now: loop.readClock(), checkIn: nextCheckIn(), to: body)
    recycle(push)
    connections[ticket.connection]?.complete(ticket.exchange, body.span)
    answerBody.takeBack(body)
  }

  /// Jittered by a tenth either way, so that a fleet that started together spreads out.
  private func nextCheckIn() -> Int {
    let seconds = Double(settings.checkInInterval.wholeSeconds)
    return max(1, Int(seconds * Double.random(in: 0.9...1.1, using: &random)))
  }

  func needsPartitions(for days: [Int32], _ writer: CopyWriter) {
    // Whether it worked or not, the writer tries again.
    let index = writer.index
    knownDays.subtract(days)
    prepareDays(days) { lane, result in lane.writers[index].partitionsAreReady(areRefused: result == .refused) }
  }

  func park(_ push: Push) {
    guard let suspicion = push.suspicion else { preconditionFailure("a push was parked for no reason") }
    let letter = DeadLetter(push, suspicion, targets: catalog.targets)
    var fields = suspicion.refusal.logFields
    fields["push_id"] = push.id.description
    fields["collector_id"] = push.collectorID.description
    fields["error"] = "\(suspicion.error)"
    let handle = handle
    let waiting = LoopBound(push, on: loop)
    context.log.error(
      "push parked",
      fields)
    context.errands.park(letter) { failure in
      handle.submit { lane in
        let push = waiting.value(on: lane.loop)
        push.outcome =
          failure == nil
          ? .parked(letter.refusal)
          : .unavailable(
            reason: letter.refusal.sentence + ", and the push could not be kept aside", retryAfterSeconds: 30)
        lane.settled(push)
      }
    }
  }

  /// How long the pushes of a batch have waited for its commit, which is now.
  private func tellPacing(of batch: Batch) {
    let now = loop.readClock()
    var (waited, since) = (Duration.zero, now)
    for push in batch.pushes {
      waited += now - push.receivedAt
      since = min(since, push.receivedAt)
    }
    context.pacing.committed(after: waited / batch.pushes.count, since: since)
  }

  func report(_ event: CopyWriter.Event) {
    switch event {
    case .connected: context.log.info("writer connected", ["loop": loop.index])
    case .disconnected(let error, let pause):
      // Whoever restored the database from a backup did so while we were away: nothing is known for certain any more.
      known.removeAll()
      context.log.warning(
        "writer disconnected",
        ["loop": loop.index, "error": "\(error)", "retry_in_ms": pause.wholeMilliseconds])
    case .batchBegun(let batch):
      counters.batches += 1
      // The clock itself: `loop.now` is the turn's begin, and a push may have come in this turn.
      let now = loop.readClock()
      var (rows, bytes) = (0, 0)
      for push in batch.pushes {
        counters.queueing.observe(now - push.receivedAt)
        rows += push.rows.rowCount
        bytes += push.encodedBytes
      }
      counters.batchPushes.observe(batch.pushes.count)
      counters.batchRows.observe(rows)
      counters.batchBytes.observe(bytes)
    case .batchUnanswered(let pushes):
      context.log.error(
        "batch unanswered",
        ["loop": loop.index, "pushes": pushes, "after_ms": settings.commitDeadline.wholeMilliseconds])
    case .unansweredEnded(let duration):
      context.log.warning(
        "unanswered batch ended", ["loop": loop.index, "after_ms": duration.wholeMilliseconds])
    case .batchCommitted(let batch, let copying, let committing):
      committedAt = loop.now
      counters.copying.observe(copying)
      counters.committing.observe(committing)
      tellPacing(of: batch)
    case .batchUnknown(let pushes): counters.pushesUnknown += pushes
    case .batchFailed(let error, let refusal, let pushes, let isTrial):
      counters.batchFailures += 1
      var fields = refusal.logFields
      (fields["loop"], fields["error"], fields["pushes"]) = (loop.index, "\(error)", pushes)
      if isTrial { context.log.debug("trial failed", fields) } else { context.log.warning("batch failed", fields) }
    case .refusing(let refusal):
      counters.tablesRefusing += 1
      context.log.error("a table refuses rows", refusal.logFields)
    case .accepting(let refusal): context.log.info("a table takes rows again", refusal.logFields)
    }
  }
}

extension Refusal {
  fileprivate var logFields: ServerLog.Fields { ["sqlstate": sqlstate, "table": table ?? "unknown"] }
}

extension LaneCounters {
  /// A push is complete, whatever becomes of it.
  fileprivate mutating func received(_ push: Push) {
    bytesReceived += push.wireBytes
    receiving.observe(push.receivedAt - push.startedAt)
    inflating.observe(push.inflateTime)
    parsing.observe(push.decodeTime - push.inflateTime)
  }

  /// It was committed, for the first time.
  fileprivate mutating func stored(_ push: Push, now: MonotonicTime) {
    pushesStored += 1
    storing.observe(now - push.startedAt)
    metricsRepeated += push.metricsRepeated
    for target in rowsStored.indices { rowsStored[target] += push.newRows(of: target) }
    rowsRepeated += push.summary.rowsRepeated + push.logLinesRepeated
    rowsAddedUp += push.summary.rowsAddedUp
  }
}
