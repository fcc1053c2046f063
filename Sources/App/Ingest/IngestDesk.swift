// Stores the complete pushes of one loop and answers them.
//
//   PushIntake ─▶ accept ─▶ [predecessors end] ─▶ [partitions] ─▶ writer ─▶ settled ─▶ PushAnswering
//
// The desk knows requests only by their tickets. It knows neither connections nor HTTP answers.

import Ground
import Protocol
import Reactor

/// The objects that all ingest desks of a process share. They are immutable or safe to share.
struct IngestSurroundings: Sendable {
  let catalog: CompiledCatalog
  let errands: any IngestErrands
  let log: ServerLog
  let pacing: QueryPacing
  let legacyLedger: LegacyLedger
  /// The number of loops that share the limits of the settings.
  let loops: Int
}

/// Owns the writers of one loop, and each push from `accept` until it is answered. It is used on its loop only.
final class IngestDesk {
  /// Evaluation of checks begins with this record, and a finding has to open within 15 s of its push.
  private static let touchInterval = Duration.seconds(5)

  let intake: PushIntake
  let records: PushRecords
  private(set) var writers: [CopyWriter] = []
  /// The part that answers the requests. The lane sets it once.
  weak var answers: (any PushAnswering)? { didSet { intake.answers = answers } }
  private let loop: EventLoop
  private let clock: LoopClock
  private let surroundings: IngestSurroundings
  private let partitions: PartitionGate
  private var settings: Settings
  /// The buffer for the body of an answer.
  private var answerBody = ReusedBuffer(keptBytes: EventLoop.scratchBytes)
  /// The source of jitter.
  private var random: QuickRandom
  /// Collectors that pushed and that the database does not know of yet.
  private var pushedCollectors: Set<UUID> = []
  /// Rejected parts of pushes that the database does not know of yet.
  private var rejects = RejectNotes()
  private var touchedAt: MonotonicTime

  init(
    loop: EventLoop, clock: LoopClock, settings: Settings, surroundings: IngestSurroundings, random: QuickRandom
  ) {
    self.loop = loop
    self.clock = clock
    self.settings = settings
    self.surroundings = surroundings
    self.random = random
    intake = PushIntake(
      loop: loop, clock: clock, settings: settings, catalog: surroundings.catalog,
      legacyLedger: surroundings.legacyLedger, loops: surroundings.loops, random: QuickRandom(seed: self.random.next()))
    records = PushRecords(
      loop: loop, targets: surroundings.catalog.targets.count, settings: settings, loops: surroundings.loops,
      log: surroundings.log, pacing: surroundings.pacing)
    partitions = PartitionGate(loop: loop, errands: surroundings.errands, log: surroundings.log)
    touchedAt = loop.now
  }

  /// Starts a writer on each of `sessions`.
  /// - Parameter spares: one session per writer. It replaces the writer's session if that one is set aside.
  func begin(_ sessions: [any CopySession], spares: [any CopySession]) {
    let targets = CopyTargets(surroundings.catalog)
    for (index, session) in sessions.enumerated() {
      let writer = CopyWriter(
        index: index, loop: loop, owner: self, targets: targets, settings: settings, session: session,
        spare: spares[index], random: QuickRandom(seed: random.next()))
      writers.append(writer)
      writer.start()
    }
  }

  /// Uses `settings` from now on. Pushes in work keep the old ones.
  func apply(_ settings: Settings) {
    self.settings = settings
    intake.apply(settings)
    records.apply(settings)
    for writer in writers { writer.apply(settings) }
  }

  /// Whether at least one writer is connected.
  var isDatabaseReachable: Bool { writers.contains(where: \.isConnected) }
  /// Whether no writer has a push that still needs an answer.
  var isDrained: Bool { writers.allSatisfy(\.isDrained) }
  /// Closes the writers.
  func close() { for writer in writers { writer.close() } }

  // MARK: Memory

  /// Whether connections should not be read until something is stored. The desk holds two kinds of bytes. Complete
  /// pushes free their bytes as soon as they are stored. A push that is being read frees its bytes when its client has
  /// sent the rest, and a client can be slow. So no connection may wait for another client's push: with nothing to
  /// store, pushes are read to their end, or refused at the hard limit.
  var mustPause: Bool { intake.admission.isPressed && writers.contains { $0.backlogPushes > 0 } }

  /// Whether paused connections may be read again: there is room, or there is nothing left to wait for.
  var mayResume: Bool { intake.admission.isRelieved || !mustPause }

  // MARK: From the last byte to the writer

  /// Takes over a complete push from the intake, and answers `ticket` now or later.
  /// - Parameter isChunked: whether the push's head did not announce the size of the body.
  func accept(_ push: Push, _ ticket: PushTicket, isChunked: Bool) {
    records.complete(push)
    if isChunked { intake.charge(push) }
    push.ticket = ticket
    pushedCollectors.insert(push.collectorID)
    if push.isSuccession { endPredecessors(before: push) } else { store(push) }
  }

  /// Revokes the collectors that the push's collector replaces, because the push shows that the new identity works. The
  /// old identity is refused before the answer to this push confirms its storage.
  private func endPredecessors(before push: Push) {
    let waiting = LoopBound((desk: self, push: push), on: loop)
    let handle = loop.handle
    surroundings.errands.endPredecessors(of: push.collectorID) { failure in
      handle.submit { loop in
        let (desk, push) = waiting.value(on: loop)
        if failure == nil { return desk.store(push) }
        desk.giveUp(push, "the identity before this one could not be ended")
      }
    }
  }

  /// Passes a push to its writer when its days have partitions. A push without rows is answered at once.
  private func store(_ push: Push) {
    if push.rows.rowCount == 0 {
      // A push without rows stores nothing, so it cannot be stored twice either.
      records.empty()
      push.outcome = .stored(duplicate: false)
      return settled(push)
    }
    push.deadline = loop.now + settings.commitDeadline
    push.date(today: Day(of: Timestamp(unixMicroseconds: clock.unixMicroseconds)), retention: settings.retention)
    let missing = partitions.missingDays(of: push)
    if missing.isEmpty { return submit(push) }
    let waiting = LoopBound((desk: self, push: push), on: loop)
    partitions.prepare(missing) { loop, result in
      let (desk, push) = waiting.value(on: loop)
      switch result {
      case .ready, .refused: desk.submit(push)
      case .failed: desk.giveUp(push, "the partitions of its days could not be made")
      }
    }
  }

  private func submit(_ push: Push) { writers[Int(push.serverID) % writers.count].submit(push) }

  private func giveUp(_ push: Push, _ reason: String) {
    push.outcome = .unavailable(reason: reason, retryAfterSeconds: 10)
    settled(push)
  }

  // MARK: Answers

  /// Answers a push that is stored or parked, and releases it.
  private func answer(_ push: Push, duplicate: Bool, parkedFor refusal: Refusal?) {
    let ticket = push.ticket
    var body = answerBody.lend()
    body = push.answer(
      duplicate: duplicate, parkedFor: refusal, now: loop.readClock(), checkIn: nextCheckIn(), to: body)
    intake.release(push)
    answers?.answer(ticket, with: body.span)
    answerBody.takeBack(body)
  }

  private func refuse(_ push: Push, _ problem: Problem) {
    records.refused(problem.kind)
    answers?.refuse(push.ticket, for: problem)
  }

  /// The check-in interval for an answer, varied by up to a tenth in either direction, so that collectors that started
  /// together spread out.
  private func nextCheckIn() -> Int {
    let seconds = Double(settings.checkInInterval.wholeSeconds)
    return max(1, Int(seconds * Double.random(in: 0.9...1.1, using: &random)))
  }

  // MARK: Housekeeping

  /// Ends pushes whose deadline has passed. The lane calls it once a second.
  func expire() { for writer in writers { writer.expire() } }

  /// Records every `touchInterval` which collectors pushed and which parts were rejected. The lane calls it once a
  /// second.
  func settleNotes() {
    // A push can settle after the last push has been read, so there may be rejects without a further push.
    if loop.now - touchedAt <= Self.touchInterval || (pushedCollectors.isEmpty && rejects.isEmpty) { return }
    touchedAt = loop.now
    if !pushedCollectors.isEmpty {
      surroundings.errands.touch(Array(pushedCollectors))
      pushedCollectors.removeAll(keepingCapacity: true)
    }
    if !rejects.isEmpty { surroundings.errands.record(rejects.take()) }
  }
}

extension IngestDesk: CopyWriterOwner {
  func settled(_ push: Push) {
    guard let outcome = push.outcome else { preconditionFailure("a push was settled without an outcome") }
    // The record of the push may have been written before its commit. A later one lets its rows be evaluated.
    pushedCollectors.insert(push.collectorID)
    if push.isAnswered { return settledLate(push, outcome) }
    switch outcome {
    case .stored(let duplicate):
      if !duplicate {
        // Only a first push proves that its names are stored. The first push of a duplicate may have been parked.
        for id in push.rows.pendingIDs { intake.known.insert(id) }
        rejects.add(
          push.summary, of: push.collectorID, push: push.id, at: Timestamp(unixMicroseconds: clock.unixMicroseconds))
      }
      records.stored(push, isDuplicate: duplicate, requestID: answers?.requestID(of: push.ticket))
      answer(push, duplicate: duplicate, parkedFor: nil)
    case .keyReused:
      refuse(push, Problem(.idempotencyKeyReused))
      intake.release(push)
    case .parked(let refusal):
      records.parked()
      answer(push, duplicate: false, parkedFor: refusal)
    case .outcomeUnknown:
      unanswered(push)
      intake.release(push)
    case .unavailable(let reason, let seconds):
      refuse(push, Problem(.databaseUnavailable, reason, retryAfterSeconds: seconds))
      intake.release(push)
    }
  }

  func unanswered(_ push: Push) {
    records.unknown()
    let details = "The push may have been stored. Send the same push again: it is stored once."
    refuse(push, Problem(.outcomeUnknown, details, retryAfterSeconds: intake.jittered(5)))
  }

  /// Settles a push whose client was already told that the outcome is unknown. The push was counted then.
  private func settledLate(_ push: Push, _ outcome: PushOutcome) {
    if case .stored(duplicate: false) = outcome {
      records.storedLate(push)
      for id in push.rows.pendingIDs { intake.known.insert(id) }
    }
    intake.release(push)
  }

  func needsPartitions(for days: [Int32], _ writer: CopyWriter) {
    // The writer tries again, whether the partitions were made or not.
    partitions.forget(days)
    let waiting = LoopBound(writer, on: loop)
    partitions.prepare(days) { loop, result in
      waiting.value(on: loop).partitionsAreReady(areRefused: result == .refused)
    }
  }

  func park(_ push: Push) {
    guard let suspicion = push.suspicion else { preconditionFailure("a push was parked for no reason") }
    let letter = DeadLetter(push, suspicion, targets: surroundings.catalog.targets)
    let waiting = LoopBound((desk: self, push: push), on: loop)
    let handle = loop.handle
    records.parking(push, suspicion)
    surroundings.errands.park(letter) { failure in
      handle.submit { loop in
        let (desk, push) = waiting.value(on: loop)
        push.outcome =
          failure == nil
          ? .parked(letter.refusal)
          : .unavailable(
            reason: letter.refusal.sentence + ", and the push could not be kept aside", retryAfterSeconds: 30)
        desk.settled(push)
      }
    }
  }

  func report(_ event: CopyWriter.Event) {
    // The database may have been restored from a backup while the writer was disconnected, so no name is certain to be
    // stored.
    if case .disconnected = event { intake.known.removeAll() }
    records.report(event)
  }
}
