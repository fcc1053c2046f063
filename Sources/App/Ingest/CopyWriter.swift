// One COPY connection. It takes batches from its queue, carries out the actions of `CopyStateMachine` and settles every
// push.
//
//   disconnected --connect--> connecting --connected--> preparing (session settings, staging tables) --> idle
//   idle --a batch--> copying --committed / failed--> idle;  lost in any state --> disconnected, back-off, connect
//
//   idle --other time limits--> adjusting --> idle
//   copying --no sign of life for commit_deadline--> (its session is set aside) connecting, with the spare session
//
// The ledger gives a verdict on each push of a committed batch. A push that is new, known, or uses the key of another
// push is settled. A push goes back to the queue if another transaction has its server's lock, or if the ledger has to
// judge it carefully.
//
// A batch that was not stored goes back to the queue. Because of the ledger a second try is safe, whatever PostgreSQL
// did.

import Ground
import Protocol
import Reactor

/// A writer of one loop. All calls happen on the loop's thread.
final class CopyWriter: DatabaseConnectionDelegate, DeadlineHandler {
  enum State {
    case disconnected
    case connecting
    /// The statements that set up the session are running.
    case preparing
    case idle
    /// The same statements run again, because time limits changed.
    case adjusting
    case copying(Batch)
    /// Outcomes are being reported. A receiver may submit the next push at once; that push waits until all outcomes are
    /// reported.
    case settling
    /// Idle, and waiting for more pushes because of `batch_linger`.
    case lingering
    /// Waiting after a failure that may pass, or until partitions are made.
    case resting
    case closed
  }

  /// How far the batch in flight is, for the lane's snapshot.
  enum Progress {
    case ledger
    /// The number of COPYs that have not ended.
    case copying(left: Int)
  }

  let index: Int
  let loop: EventLoop
  unowned let owner: any CopyWriterOwner
  let targets: CopyTargets
  private(set) var settings: Settings
  var session: any CopySession
  /// The session that replaces one that is set aside. Nil while a session is set aside.
  var spare: (any CopySession)?
  /// The session that was set aside, and the ids of its pushes. Until their outcome is known, another try of one of
  /// them would wait in the ledger for the first try and delay its whole batch.
  var unanswered: (commit: UnansweredCommit, ids: Set<UUID>)?
  /// Whether the session has other time limits than the settings.
  private var isSessionStale = false
  var machine = CopyStateMachine()
  var state = State.disconnected
  var queue: BatchDivision
  var backOff = ReconnectBackoff()
  var random: QuickRandom
  private(set) var timer: TimerID?
  /// Fires when a push that is set aside may be in a batch again. Armed only while the writer is idle.
  private var returnTimer: TimerID?
  /// The ledger's verdicts on the batch in flight, as far as they have arrived.
  var ledger = LedgerReading(pushCount: 0)
  /// The error of the batch in flight, kept until ReadyForQuery.
  var batchError: DatabaseError?
  var batchBegunAt: MonotonicTime
  /// When the latest COPY of the batch ended, or when the batch began if none has.
  var copyEndedAt: MonotonicTime
  private(set) var progress = Progress.ledger
  /// Until this time a missing partition counts as a lasting fault of its table, and the writer does not ask for it
  /// again.
  var partitionsRefusedUntil: MonotonicTime?
  /// The number of answered steps of the batch in flight; nil until the ledger has answered.
  var answeredSteps: Int?
  /// Why the latest batch was not stored; nil once a batch is stored.
  var trouble: DatabaseError?
  /// When the database last showed a sign of life: an answer, or rows taken.
  private(set) var heardAt: MonotonicTime

  /// Creates a writer without a connection; `start` connects it.
  init(
    index: Int, loop: EventLoop, owner: any CopyWriterOwner, targets: CopyTargets, settings: Settings,
    session: any CopySession, spare: (any CopySession)? = nil, random: QuickRandom = QuickRandom()
  ) {
    self.index = index
    self.loop = loop
    self.owner = owner
    self.targets = targets
    self.settings = settings
    queue = BatchDivision(settings: settings)
    self.session = session
    self.spare = spare
    self.random = random
    heardAt = loop.now
    batchBegunAt = loop.now
    copyEndedAt = loop.now
  }

  /// Applies changed settings to later batches; if the writer is idle, at once.
  func apply(_ settings: Settings) {
    let isSame = settings.lockTimeout == self.settings.lockTimeout && settings.copyTimeout == self.settings.copyTimeout
    isSessionStale = isSessionStale || !isSame
    self.settings = settings
    queue.apply(settings)
    if case .idle = state { pump() }
  }

  private func sendSessionSetup() {
    isSessionStale = false
    session.send(WriterSession.setup(lockTimeout: settings.lockTimeout, statementTimeout: settings.copyTimeout))
  }

  /// Whether every push that was submitted has been answered.
  var isDrained: Bool {
    switch state {
    case .copying(let batch): queue.isEmpty && batch.isAnswered
    case .settling: false
    case .disconnected, .connecting, .preparing, .idle, .adjusting, .lingering, .resting, .closed: queue.isEmpty
    }
  }

  func start() {
    state = .connecting
    session.connect(self)
  }

  /// Ends the connections and settles every push that is not settled. The outcome of a batch in flight is unknown.
  func close() {
    if let timer { loop.cancel(timer) }
    if let returnTimer { loop.cancel(returnTimer) }
    timer = nil
    let last = state
    state = .closed
    session.close()
    unanswered?.commit.close()
    unanswered = nil
    if case .copying(let batch) = last { settle(batch, mayBeStored: isOutcomeUnknown(machine.connectionLost())) }
    for push in queue.takeAll() { giveUp(push) }
  }

  func submit(_ push: Push) {
    if case .closed = state { return giveUp(push) }
    if unanswered?.ids.contains(push.id) == true {
      push.outcome = .outcomeUnknown
      return owner.settled(push)
    }
    if let refusal = queue.submit(push, at: loop.now) { return refuse(push, refusal) }
    switch state {
    case .idle: pump()
    case .lingering: if !queue.mayGrow { wake() }
    case .disconnected, .connecting, .preparing, .adjusting, .copying, .settling, .resting, .closed: break
    }
  }

  /// Ends the wait that `needsPartitions` began, whether or not the partitions were made.
  /// - Parameter areRefused: whether PostgreSQL refuses some table's partitions; a missing one then counts as that
  ///   table's fault for `division_rest`.
  func partitionsAreReady(areRefused: Bool) {
    if areRefused { partitionsRefusedUntil = loop.now + settings.divisionRest }
    wake()
  }

  // MARK: Batches

  /// Starts a batch if there are pushes for one. The writer is idle.
  func pump(mayLinger: Bool = true) {
    if isSessionStale {
      state = .adjusting
      return sendSessionSetup()
    }
    state = .settling
    carryOut(queue.expire(at: loop.now))
    state = .idle
    queue.returnAside(at: loop.now)
    armReturn()
    if !queue.hasBatch { return }
    if mayLinger, settings.batchLinger > .zero, queue.mayGrow {
      state = .lingering
      arm(at: loop.now + settings.batchLinger)
      return
    }
    let batch = Batch(queue.takeBatch(), targets: targets)
    queue.keep(batch.later)
    for push in batch.pushes { push.storeAll() }
    machine.begin(steps: batch.steps, ledgerAnswers: batch.ledgerAnswers.count, pushCount: batch.pushes.count)
    ledger = LedgerReading(pushCount: batch.pushes.count)
    batchError = nil
    state = .copying(batch)
    batchBegunAt = loop.readClock()
    copyEndedAt = batchBegunAt
    heardAt = loop.now
    progress = .ledger
    answeredSteps = nil
    owner.report(.batchBegun(batch))
    session.send(batch.message)
  }

  func rest(until time: MonotonicTime) {
    state = .resting
    arm(at: time)
  }

  /// There is one timer. If the session is lost while the writer rests or lingers, the reconnect timer replaces it.
  private func arm(at time: MonotonicTime) {
    if let timer { loop.cancel(timer) }
    timer = loop.schedule(self, at: time)
  }

  /// Arms the timer that brings back pushes that are set aside, in case nothing else starts a batch.
  func armReturn() {
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

  /// Carries out the machine's actions until the machine has to wait.
  private func perform(_ first: CopyStateMachine.Action, _ batch: Batch) {
    var action = first
    while true {
      switch action {
      case .wait: return
      case .putHeader:
        guard put(PostgresBinary.copyHeader) == .accepted else { return }
        action = machine.headerAccepted { batch.pushes[$1].newBytes(of: $0, from: $2) }
      case .putRows(let target, let push, let offset):
        let due = batch.pushes[push].newBytes(of: target, from: offset)
        let count = min(DatabaseConnection.maximumCopyChunkBytes, due.count)
        guard put(batch.pushes[push], target, offset..<offset + count) == .accepted else { return }
        action = machine.rowsAccepted(count) { batch.pushes[$1].newBytes(of: $0, from: $2) }
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
    recorded(push.withTuples(of: target) { session.putCopy($0.extracting(range)) })
  }

  private func put(_ bytes: [UInt8]) -> DatabaseConnection.CopyAcceptance {
    recorded(bytes[...].withSpan { session.putCopy($0) })
  }

  private func recorded(_ acceptance: DatabaseConnection.CopyAcceptance) -> DatabaseConnection.CopyAcceptance {
    if acceptance == .accepted { heardAt = loop.now }
    return acceptance
  }

  // MARK: DatabaseConnectionDelegate

  func connected() {
    heardAt = loop.now
    state = .preparing
    sendSessionSetup()
  }

  func received(_ result: consuming DatabaseResult) {
    heardAt = loop.now
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
          batch.pushes[index].skip(repeated, logEnds: ledger.logEnds(of: index))
          machine.pushIsNew(index)
        }
        progress = .copying(left: batch.copies)
        answeredSteps = 0
      }
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
    heardAt = loop.now
    guard case .copying(let batch) = state else { return }
    perform(machine.resume(), batch)
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
