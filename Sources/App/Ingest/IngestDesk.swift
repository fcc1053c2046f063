// Where the pushes of one loop become rows: from the last byte to the outcome after the commit.
//
//   PushIntake ─▶ accept ─▶ [predecessors end] ─▶ [partitions] ─▶ writer ─▶ settled ─▶ PushAnswering
//
// The desk knows tickets, and neither connections nor HTTP answers.

import Ground
import Protocol
import Reactor

/// What all desks of a process have in common: immutable, or safe to share.
struct IngestSurroundings: Sendable {
  let catalog: CompiledCatalog
  let errands: any IngestErrands
  let log: ServerLog
  let pacing: QueryPacing
  let legacyLedger: LegacyLedger
  /// How many loops share the limits of the settings.
  let loops: Int
}

/// Owns the writers of one loop, and each push from `accept` until it is answered.
final class IngestDesk {
  private static let touchInterval = Duration.seconds(10)

  let intake: PushIntake
  let records: PushRecords
  private(set) var writers: [CopyWriter] = []
  /// Has the connections, and answers there. Set once, by the owner of both.
  weak var answers: (any PushAnswering)? { didSet { intake.answers = answers } }
  private let loop: EventLoop
  private let clock: LoopClock
  private let surroundings: IngestSurroundings
  private let partitions: PartitionGate
  private var settings: Settings
  /// The body of one answer.
  private var answerBody = ReusedBuffer(keptBytes: EventLoop.scratchBytes)
  /// For jitter.
  private var random: QuickRandom
  /// Collectors that pushed, until the database knows.
  private var pushedCollectors: Set<UUID> = []
  /// What was rejected of pushes, until the database knows.
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
  /// - Parameter spares: one a writer, for when its session is left to itself.
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

  /// Follows the settings that can change: at once, but for what is in work by the old ones.
  func apply(_ settings: Settings) {
    self.settings = settings
    intake.apply(settings)
    records.apply(settings)
    for writer in writers { writer.apply(settings) }
  }

  var isDatabaseReachable: Bool { writers.contains(where: \.isConnected) }
  /// Whether no push waits for its commit, nor for anything else here.
  var isDrained: Bool { writers.allSatisfy(\.isDrained) }
  func close() { for writer in writers { writer.close() } }

  // MARK: Memory

  /// Whether reading should wait until something is stored. Two kinds of bytes are held: of pushes that are complete, which
  /// go as soon as they are stored, and of pushes that are being read, which go when their clients have sent the rest. A
  /// client can take its time, so nobody else may have to wait for the second kind: with nothing to be stored, pushes are read
  /// to their end instead, or refused at the hard mark.
  var mustPause: Bool { intake.admission.isPressed && writers.contains { $0.backlogPushes > 0 } }

  /// Whether connections whose reading is paused may go on: there is room, or nothing left to wait for.
  var mayResume: Bool { intake.admission.isRelieved || !mustPause }

  // MARK: From the last byte to the writer

  /// Takes over a push that the intake has finished, and answers `ticket`, now or later.
  /// - Parameter isChunked: its head did not announce its size.
  func accept(_ push: Push, _ ticket: PushTicket, isChunked: Bool) {
    records.complete(push)
    if isChunked { intake.charge(push) }
    push.ticket = ticket
    pushedCollectors.insert(push.collectorID)
    if push.isSuccession { endPredecessors(before: push) } else { store(push) }
  }

  /// The collectors whose place this one takes end now: its identity works. What they still send is refused before the
  /// answer to this push says that it is stored.
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

  /// Hands a push to its writer once the days of its rows have partitions, or answers at once.
  private func store(_ push: Push) {
    if push.rows.rowCount == 0 {
      // Nothing to store, hence nothing to store twice.
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

  /// Answers a push that is stored or parked, and lets go of it.
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

  /// Jittered by a tenth either way, so that a fleet that started together spreads out.
  private func nextCheckIn() -> Int {
    let seconds = Double(settings.checkInInterval.wholeSeconds)
    return max(1, Int(seconds * Double.random(in: 0.9...1.1, using: &random)))
  }

  // MARK: Housekeeping

  func expire() { for writer in writers { writer.expire() } }

  /// Has written down which collectors pushed and what was rejected of them, now and then. Called once a second.
  func settleNotes() {
    if loop.now - touchedAt <= Self.touchInterval || pushedCollectors.isEmpty { return }
    touchedAt = loop.now
    let pushed = Array(pushedCollectors)
    pushedCollectors.removeAll(keepingCapacity: true)
    surroundings.errands.touch(pushed)
    if !rejects.isEmpty { surroundings.errands.record(rejects.take()) }
  }
}

extension IngestDesk: CopyWriterOwner {
  func settled(_ push: Push) {
    guard let outcome = push.outcome else { preconditionFailure("a push was settled without an outcome") }
    if push.isAnswered { return settledLate(push, outcome) }
    switch outcome {
    case .stored(let duplicate):
      if !duplicate {
        // Of a repeat they may never have been stored: its first may have been parked.
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

  /// The client of `push` had the answer before that nobody knows, and the push was counted then.
  private func settledLate(_ push: Push, _ outcome: PushOutcome) {
    if case .stored(duplicate: false) = outcome {
      records.storedLate(push)
      for id in push.rows.pendingIDs { intake.known.insert(id) }
    }
    intake.release(push)
  }

  func needsPartitions(for days: [Int32], _ writer: CopyWriter) {
    // Whether it worked or not, the writer tries again.
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
    // Whoever restored the database from a backup did so while we were away: nothing is known for certain any more.
    if case .disconnected = event { intake.known.removeAll() }
    records.report(event)
  }
}
