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
  private enum State {
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
  private enum Progress {
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
  private var state = State.disconnected
  private var queue: Batcher
  private var backOff = ReconnectBackoff()
  private var random: QuickRandom
  private var timer: TimerID?
  /// The error of the batch in flight, until ReadyForQuery.
  private var batchError: DatabaseError?
  private var batchBegunAt: MonotonicTime
  /// When its last COPY so far was ended, or it began.
  private var copyEndedAt: MonotonicTime
  private var progress = Progress.ledger

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

  /// Encoded bytes waiting or in flight.
  var backlogBytes: Int {
    switch state {
    case .copying(let batch): queue.queuedBytes + batch.pushes.reduce(0) { $0 + $1.encodedBytes }
    case .disconnected, .connecting, .preparing, .idle, .adjusting, .settling, .lingering, .resting, .closed:
      queue.queuedBytes
    }
  }

  /// Pushes waiting or in flight.
  var backlogPushes: Int {
    if case .copying(let batch) = state { queue.count + batch.pushes.count + batch.repeats.count } else { queue.count }
  }

  /// What it is at, for who watches it.
  var observed: LaneSnapshot.WriterState {
    switch state {
    case .disconnected, .connecting, .preparing, .closed: .disconnected
    case .idle, .adjusting: .idle
    case .copying:
      switch progress {
      case .ledger: .ledger
      case .copying(left: 0): .committing
      case .copying: .copying
      }
    case .settling: .committing
    case .lingering: .lingering
    // Without a timer it waits for who makes partitions.
    case .resting: timer == nil ? .partitions : .resting
    }
  }

  var isConnected: Bool {
    switch state {
    case .idle, .adjusting, .copying, .settling, .lingering, .resting: true
    case .disconnected, .connecting, .preparing, .closed: false
    }
  }

  /// Whether everything handed in has been settled.
  var isDrained: Bool {
    switch state {
    case .copying, .settling: false
    case .disconnected, .connecting, .preparing, .idle, .adjusting, .lingering, .resting, .closed: queue.isEmpty
    }
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
    if queue.isEmpty { return }
    if mayLinger, settings.batchLinger > .zero, queue.count < settings.batchPushes {
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
    owner.report(
      .batchCommitted(batch, copying: copyEndedAt - batchBegunAt, committing: loop.readClock() - copyEndedAt))
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
    Array(Set(batch.pushes.flatMap { $0.rows.days + [$0.day] })).sorted()
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
      for row in 0..<rows.count {
        guard let id = rows.uuid(row: row, column: 0), let push = batch.index(of: id)
        else { preconditionFailure("the ledger returned an id that was not sent") }
        machine.pushIsNew(push)
      }
      progress = .copying(left: batch.copies)
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
    perform(machine.resume { batch.pushes[$1].byteCount(of: $0) }, batch)
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
