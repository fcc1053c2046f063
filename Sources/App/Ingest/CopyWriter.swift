// One COPY connection: takes batches from its queue, interprets CopyStateMachine, tells every push its outcome.
//
//   disconnected --connect--> connecting --connected--> preparing (session settings, staging tables) --> idle
//   idle --a batch--> copying --committed / failed--> idle;  lost anywhere --> disconnected, back-off, connect
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
  private(set) var queue: BatchDivision
  private var backOff = ReconnectBackoff()
  private var random: QuickRandom
  private(set) var timer: TimerID?
  /// The error of the batch in flight, until ReadyForQuery.
  private var batchError: DatabaseError?
  private var batchBegunAt: MonotonicTime
  /// When its last COPY so far was ended, or it began.
  private var copyEndedAt: MonotonicTime
  private(set) var progress = Progress.ledger
  /// Steps of the batch in flight that were answered; nil: the ledger was not.
  private var answeredSteps: Int?
  /// Why the latest batch was not stored, until one is.
  private var trouble: DatabaseError?

  init(
    index: Int, loop: EventLoop, owner: any CopyWriterOwner, targets: CopyTargets, settings: Settings,
    session: any CopySession, random: QuickRandom = QuickRandom()
  ) {
    self.index = index
    self.loop = loop
    self.owner = owner
    self.targets = targets
    self.settings = settings
    queue = BatchDivision(settings: settings)
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
    state = .closed
    session.close()
  }

  func submit(_ push: Push) {
    if let refusal = queue.submit(push, at: loop.now) { return refuse(push, refusal) }
    switch state {
    case .idle: pump()
    case .lingering: if !queue.mayGrow { wake() }
    case .disconnected, .connecting, .preparing, .adjusting, .copying, .settling, .resting, .closed: break
    }
  }

  /// Refuses queued pushes whose commit deadline has passed; called by the owner now and then.
  func expire() {
    carryOut(queue.expire(at: loop.now))
    if case .idle = state, queue.hasBatch { pump() }
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
    carryOut(queue.expire(at: loop.now))
    state = .idle
    if !queue.hasBatch { return }
    if mayLinger, settings.batchLinger > .zero, queue.mayGrow {
      state = .lingering
      arm(at: loop.now + settings.batchLinger)
      return
    }
    let batch = Batch(queue.takeBatch(), targets: targets)
    machine.begin(steps: batch.steps, pushCount: batch.pushes.count)
    batchError = nil
    state = .copying(batch)
    batchBegunAt = loop.readClock()
    copyEndedAt = batchBegunAt
    progress = .ledger
    answeredSteps = nil
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
        action = machine.headerAccepted { batch.pushes[$1].byteCount(of: $0) }
      case .putRows(let target, let push, let offset):
        let available = batch.pushes[push].byteCount(of: target) - offset
        let count = min(DatabaseConnection.maximumCopyChunkBytes, available)
        guard put(batch.pushes[push], target, offset..<offset + count) == .accepted else { return }
        action = machine.rowsAccepted(count) { batch.pushes[$1].byteCount(of: $0) }
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
    trouble = nil
    owner.report(.batchCommitted(copying: copyEndedAt - batchBegunAt, committing: loop.readClock() - copyEndedAt))
    for refusal in queue.committed(batch.pushes, isNew: { machine.isNew($0) }) { owner.report(.accepting(refusal)) }
    state = .settling
    for (index, push) in batch.pushes.enumerated() {
      push.outcome = .stored(duplicate: !machine.isNew(index))
      owner.settled(push)
    }
    for push in batch.repeats {
      push.outcome = .stored(duplicate: true)
      owner.settled(push)
    }
    pump()
  }

  /// PostgreSQL refused the batch and rolled it back; the connection is good.
  private func failed(_ batch: Batch) {
    guard let error = batchError else { preconditionFailure("a batch failed without an error") }
    let place = batch.place(answered: answeredSteps, error, targets)
    let refusal = targets.refusal(error, at: place)
    let pushes = batch.pushes + batch.repeats
    owner.report(.batchFailed(error, refusal, pushes: batch.pushes.count, isTrial: queue.isTrial))
    trouble = error
    switch error.batchFault {
    case .missingPartition:
      state = .resting
      queue.putBack(pushes)
      owner.needsPartitions(for: days(of: batch), self)
    case .transient where error.isReadOnly:
      // The session stays what it is: another one may reach a server that writes.
      state = .resting
      queue.putBack(pushes)
      session.close()
      disconnected(error)
    case .transient:
      queue.putBack(pushes)
      rest(until: loop.now + backOff.failed(using: &random))
    case .lasting:
      state = .settling
      carryOut(
        queue.refused(
          pushes, error, refusal, at: place, traced: traced(in: batch, error, place), now: loop.readClock()))
      state = .idle
      pump()
    }
  }

  /// The push whose row the error speaks of, if it tells the row.
  private func traced(in batch: Batch, _ error: DatabaseError, _ place: BatchPlace?) -> Push? {
    guard let line = error.copyLine, case .target(let target) = place else { return nil }
    return batch.push(atLine: line, of: target) { machine.isNew($0) }
  }

  private func carryOut(_ verdicts: [BatchDivision.Verdict]) {
    for verdict in verdicts {
      switch verdict {
      case .park(let push): owner.park(push)
      case .refuse(let push, let refusal): refuse(push, refusal)
      case .fault(let refusal): owner.report(.refusing(refusal))
      case .expire(let push): giveUp(push)
      }
    }
  }

  private func days(of batch: Batch) -> [Int32] {
    Array(Set(batch.pushes.flatMap { $0.rows.days + [$0.day] })).sorted()
  }

  /// The connection broke with the batch in flight: whether it was committed or not, the ledger sorts it out.
  private func retry(_ batch: Batch, _ isOutcomeUnknown: Bool) {
    if isOutcomeUnknown { owner.report(.batchUnknown(pushes: batch.pushes.count)) }
    queue.putBack(batch.pushes + batch.repeats)
  }

  private func refuse(_ push: Push, _ refusal: Refusal) {
    push.outcome = .unavailable(reason: refusal.sentence, retryAfterSeconds: .random(in: 10...15, using: &random))
    owner.settled(push)
  }

  /// The push was not stored in time: says why.
  private func giveUp(_ push: Push) {
    if let refusal = push.suspicion?.refusal { return refuse(push, refusal) }
    let reason: String
    switch trouble {
    case .some(let error) where error.isReadOnly: reason = "the database is read only"
    case .some(let error) where error.batchFault == .missingPartition:
      reason = "the partitions of its days could not be made"
    case .some(let error) where error.kind == .statement: return refuse(push, targets.refusal(error, at: nil))
    case .some, .none: reason = isConnected ? "the database is too slow" : "the database is not reachable"
    }
    push.outcome = .unavailable(reason: reason, retryAfterSeconds: isConnected ? 5 : 10)
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
      for row in 0..<rows.count {
        guard let id = rows.uuid(row: row, column: 0), let push = batch.index(of: id)
        else { preconditionFailure("the ledger returned an id that was not sent") }
        machine.pushIsNew(push)
      }
      progress = .copying(left: batch.copies)
      answeredSteps = 0
      perform(machine.ledgerReturned(), batch)
    case .row: preconditionFailure("a writer asks for no single rows")
    case .copyIn: perform(machine.copyOpened(), batch)
    case .command:
      answeredSteps = answeredSteps.map { $0 + 1 }
      perform(machine.commandCompleted(), batch)
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
    perform(machine.resume { batch.pushes[$1].byteCount(of: $0) }, batch)
  }

  func disconnected(_ error: DatabaseError) {
    let action = machine.connectionLost()
    if case .copying(let batch) = state { perform(action, batch) }
    if case .closed = state { return }
    state = .disconnected
    trouble = error
    let pause = backOff.failed(using: &random)
    arm(at: loop.now + pause)
    owner.report(.disconnected(error, retryIn: pause))
  }
}
