// One COPY connection: takes batches from its queue, interprets CopyStateMachine, tells every push its outcome.
//
//   disconnected --connect--> connecting --connected--> preparing (session settings, staging tables) --> idle
//   idle --a batch--> copying --committed / failed--> idle;  lost anywhere --> disconnected, back-off, connect
//
// What the ledger says of a push of a batch that is committed: it is new, or known, or uses another's key, and is settled;
// or it may not be judged yet, since another transaction has its server's lock, or has to be judged carefully, and goes back.
//   idle --other time limits--> adjusting --> idle
//
// A batch that was not stored goes back to the queue: the ledger makes sending again safe, whatever the server did.

import Protocol
import Reactor

final class CopyWriter: DatabaseConnectionDelegate, DeadlineHandler {
  enum State {
    case disconnected
    case connecting
    /// Session statements run; how many are to come.
    case preparing
    case idle
    /// The session statements run again, with other time limits.
    case adjusting
    case copying(Batch)
    /// Outcomes are being told. Who hears of one may bring the next push at once: it waits until all are told.
    case settling
    /// Idle, waiting for more pushes by choice (`batch_linger`).
    case lingering
    /// After a failure that time may cure, or while partitions are being made.
    case resting
    case closed
  }

  /// How far the batch in flight is, for who watches.
  enum Progress {
    case ledger
    /// COPYs that have not ended.
    case copying(left: Int)
  }

  let index: Int
  private let loop: EventLoop
  private unowned let owner: any CopyWriterOwner
  private let targets: CopyTargets
  private var settings: Settings
  private let session: any CopySession
  /// Whether the session's time limits are others than the settings'.
  private var isSessionStale = false
  private var machine = CopyStateMachine()
  private(set) var state = State.disconnected
  private(set) var queue: Batcher
  private var backOff = ReconnectBackoff()
  private var random: QuickRandom
  private(set) var timer: TimerID?
  /// When a push that is set aside may be in a batch again; armed only while the writer is idle.
  private var returnTimer: TimerID?
  /// What the ledger said of the batch in flight, so far.
  private var ledger = LedgerReading(pushCount: 0)
  /// The error of the batch in flight, until ReadyForQuery.
  private var batchError: DatabaseError?
  private var batchBegunAt: MonotonicTime
  /// When its last COPY so far was ended, or it began.
  private var copyEndedAt: MonotonicTime
  private(set) var progress = Progress.ledger

  init(
    index: Int, loop: EventLoop, owner: any CopyWriterOwner, targets: CopyTargets, settings: Settings,
    session: any CopySession, random: QuickRandom = QuickRandom()
  ) {
    self.index = index
    self.loop = loop
    self.owner = owner
    self.targets = targets
    self.settings = settings
    queue = Batcher(settings: settings)
    self.session = session
    self.random = random
    batchBegunAt = loop.now
    copyEndedAt = loop.now
  }

  /// Follows the settings: for batches to come, and at once if there is none in flight.
  func use(_ settings: Settings) {
    let isSame = settings.lockTimeout == self.settings.lockTimeout && settings.copyTimeout == self.settings.copyTimeout
    isSessionStale = isSessionStale || !isSame
    self.settings = settings
    queue.use(settings)
    if case .idle = state { pump() }
  }

  private func sendSessionSetup() {
    isSessionStale = false
    session.send(WriterSession.setup(lockTimeout: settings.lockTimeout, statementTimeout: settings.copyTimeout))
  }

  func start() {
    state = .connecting
    session.connect(self)
  }

  /// Ends the connection. Pushes that are not settled stay unanswered.
  func close() {
    if let timer { loop.cancel(timer) }
    if let returnTimer { loop.cancel(returnTimer) }
    state = .closed
    session.close()
  }

  func submit(_ push: Push) {
    queue.append(push)
    switch state {
    case .idle: pump()
    case .lingering: if queue.count >= settings.batchPushes { wake() }
    case .disconnected, .connecting, .preparing, .adjusting, .copying, .settling, .resting, .closed: break
    }
  }

  /// Refuses queued pushes whose commit deadline has passed; called by the owner now and then.
  func expire() {
    for push in queue.takeExpired(at: loop.now) { giveUp(push) }
    if queue.isEmpty { armReturn() }
  }

  func partitionsAreReady() { wake() }

  // MARK: Batches

  /// Starts a batch if the writer is idle and there is one.
  private func pump(mayLinger: Bool = true) {
    if isSessionStale {
      state = .adjusting
      return sendSessionSetup()
    }
    state = .settling
    expire()
    state = .idle
    queue.returnAside(at: loop.now)
    armReturn()
    if !queue.hasReady { return }
    if mayLinger, settings.batchLinger > .zero, queue.count < settings.batchPushes {
      state = .lingering
      arm(at: loop.now + settings.batchLinger)
      return
    }
    let batch = Batch(queue.takeBatch(), targets: targets)
    if !batch.later.isEmpty { queue.putBack(batch.later) }
    for push in batch.pushes { push.storeAll() }
    machine.begin(steps: batch.steps, ledgerAnswers: batch.ledgerAnswers.count, pushCount: batch.pushes.count)
    ledger = LedgerReading(pushCount: batch.pushes.count)
    batchError = nil
    state = .copying(batch)
    batchBegunAt = loop.readClock()
    copyEndedAt = batchBegunAt
    progress = .ledger
    owner.report(.batchBegun(batch))
    session.send(batch.message)
  }

  private func rest(until time: MonotonicTime) {
    state = .resting
    arm(at: time)
  }

  /// One timer: a session that is lost while the writer rests or lingers ends that, too.
  private func arm(at time: MonotonicTime) {
    if let timer { loop.cancel(timer) }
    timer = loop.schedule(self, at: time)
  }

  /// Pushes that are set aside come back by a timer, should nothing else start a batch.
  private func armReturn() {
    if let returnTimer { loop.cancel(returnTimer) }
    returnTimer = queue.nextReturn.map { loop.schedule(self, at: $0) }
  }

  private func wake() {
    if let timer { loop.cancel(timer) }
    timer = nil
    switch state {
    case .resting:
      state = .idle
      pump()
    case .lingering:
      state = .idle
      pump(mayLinger: false)
    case .disconnected: start()
    case .connecting, .preparing, .idle, .adjusting, .copying, .settling, .closed: break
    }
  }

  func deadlineReached(_ id: TimerID) {
    if id == returnTimer {
      returnTimer = nil
      if case .idle = state { pump() }
      return
    }
    timer = nil
    wake()
  }

  /// Carries out what the machine decides until it has to wait.
  private func perform(_ first: CopyStateMachine.Action, _ batch: Batch) {
    var action = first
    while true {
      switch action {
      case .wait: return
      case .putHeader:
        guard put(PostgresBinary.copyHeader) == .accepted else { return }
        action = machine.headerAccepted { batch.pushes[$1].newBytes(of: $0) }
      case .putRows(let target, let push, let offset):
        let available = batch.pushes[push].byteCount(of: target) - offset
        let count = min(DatabaseConnection.maximumCopyChunkBytes, available)
        guard put(batch.pushes[push], target, offset..<offset + count) == .accepted else { return }
        action = machine.rowsAccepted(count) { batch.pushes[$1].newBytes(of: $0) }
      case .endCopy:
        guard put(PostgresBinary.copyTrailer) == .accepted else { return }
        session.endCopy()
        copyEnded()
        action = machine.copyEnded()
      case .committed: return committed(batch)
      case .failed: return failed(batch)
      case .abandoned(let isOutcomeUnknown): return retry(batch, isOutcomeUnknown)
      }
    }
  }

  private func copyEnded() {
    copyEndedAt = .now()
    switch progress {
    case .ledger: preconditionFailure("a COPY ended before the ledger answered")
    case .copying(let left): progress = .copying(left: left - 1)
    }
  }

  private func put(_ push: Push, _ target: Int, _ range: Range<Int>) -> DatabaseConnection.CopyAcceptance {
    push.withTuples(of: target) { session.putCopy($0.extracting(range)) }
  }

  private func put(_ bytes: [UInt8]) -> DatabaseConnection.CopyAcceptance {
    bytes[...].withSpan { session.putCopy($0) }
  }

  private func committed(_ batch: Batch) {
    backOff.succeeded()
    owner.report(.batchCommitted(copying: copyEndedAt - batchBegunAt, committing: loop.readClock() - copyEndedAt))
    state = .settling
    var related: [Push] = []
    // By their numbers: a settled push is used for another.
    for push in batch.repeats {
      guard let index = batch.index(of: push.id) else { preconditionFailure("the repeat of no push") }
      let verdict = ledger.verdicts[index]
      if case .new = verdict { settle(push, .known, &related) } else { settle(push, verdict, &related) }
    }
    for (push, verdict) in zip(batch.pushes, ledger.verdicts) { settle(push, verdict, &related) }
    queue.putBack(related)
    pump()
  }

  private func settle(_ push: Push, _ verdict: LedgerReading.Verdict, _ related: inout [Push]) {
    switch verdict {
    case .new:
      push.outcome = .stored(duplicate: false)
      owner.settled(push)
    case .known:
      push.outcome = .stored(duplicate: true)
      owner.settled(push)
    case .keyReused:
      push.outcome = .keyReused
      owner.settled(push)
    case .related:
      push.isRelated = true
      related.append(push)
    case .waits:
      push.waits += 1
      let most = Duration.milliseconds(5) * (1 << min(push.waits, 6))
      queue.setAside(push, until: loop.now + most * Double.random(in: 0.5...1, using: &random))
    }
  }

  /// PostgreSQL refused the batch and rolled it back; the connection is good.
  private func failed(_ batch: Batch) {
    guard let error = batchError else { preconditionFailure("a batch failed without an error") }
    owner.report(.batchFailed(error, pushes: batch.pushes.count))
    var remaining = batch.pushes + batch.repeats
    state = .resting
    if error.isMissingPartition {
      queue.putBack(remaining)
      owner.needsPartitions(for: days(of: batch), self)
      return
    }
    if error.isAboutData {
      if let guilty = guilty(in: batch, error) {
        remaining.removeAll { $0 === guilty }
        owner.park(guilty, error)
      } else {
        for push in remaining { push.mustTravelAlone = true }
      }
      queue.putBack(remaining)
      state = .idle
      pump()
      return
    }
    queue.putBack(remaining)
    rest(until: loop.now + backOff.failed(using: &random))
  }

  private func days(of batch: Batch) -> [Int32] {
    Array(Set(batch.pushes.flatMap { $0.partitionDays })).sorted()
  }

  private func guilty(in batch: Batch, _ error: DatabaseError) -> Push? {
    if batch.pushes.count == 1 { return batch.pushes[0] }
    guard let line = error.copyLine, let target = targets.index(ofTable: line.table) else { return nil }
    return batch.push(atLine: line.line, of: target) { machine.isNew($0) }
  }

  /// The connection broke with the batch in flight: whether it was committed or not, the ledger sorts it out.
  private func retry(_ batch: Batch, _ isOutcomeUnknown: Bool) {
    if isOutcomeUnknown { owner.report(.batchUnknown(pushes: batch.pushes.count)) }
    queue.putBack(batch.pushes + batch.repeats)
  }

  private func giveUp(_ push: Push) {
    push.outcome = .unavailable(
      reason: isConnected ? "the database is too slow" : "the database is not reachable",
      retryAfterSeconds: isConnected ? 5 : 10)
    owner.settled(push)
  }

  // MARK: DatabaseConnectionDelegate

  func connected() {
    state = .preparing
    sendSessionSetup()
  }

  func received(_ result: consuming DatabaseResult) {
    guard case .copying(let batch) = state else {
      if case .failed(let error) = consume result { batchError = error }
      return
    }
    switch consume result {
    case .rows(let rows):
      ledger.read(rows, of: batch)
      if ledger.isComplete(of: batch) {
        for (index, verdict) in ledger.verdicts.enumerated() {
          guard case .new(let repeated) = verdict else { continue }
          if repeated > 0 { batch.pushes[index].skip(repeated) }
          machine.pushIsNew(index)
        }
        progress = .copying(left: batch.copies)
      }
      perform(machine.ledgerReturned(), batch)
    case .row: preconditionFailure("a writer asks for no single rows")
    case .copyIn: perform(machine.copyOpened(), batch)
    case .command: perform(machine.commandCompleted(), batch)
    case .failed(let error):
      batchError = error
      perform(machine.errorReceived(), batch)
    }
  }

  func notified(channel: String, payload: String) {}

  func finished() {
    switch state {
    case .copying(let batch): perform(machine.finished(), batch)
    case .preparing, .adjusting:
      if let error = batchError {
        batchError = nil
        session.close()
        disconnected(error)
        return
      }
      if case .preparing = state { owner.report(.connected) }
      state = .idle
      pump()
    case .disconnected, .connecting, .idle, .settling, .lingering, .resting, .closed: break
    }
  }

  func drained() {
    guard case .copying(let batch) = state else { return }
    perform(machine.resume(), batch)
  }

  func disconnected(_ error: DatabaseError) {
    let action = machine.connectionLost()
    if case .copying(let batch) = state { perform(action, batch) }
    if case .closed = state { return }
    state = .disconnected
    let pause = backOff.failed(using: &random)
    arm(at: loop.now + pause)
    owner.report(.disconnected(error, retryIn: pause))
  }
}
