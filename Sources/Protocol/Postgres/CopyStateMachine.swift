// The steps of one batch on one connection: ledger, COPYs, commit.
//
// A batch is one simple-query message and thus one implicit transaction (PostgreSQL manual, "Multiple Statements in a
// Simple Query"). The ledger's statements come first. Their answers name the pushes that are new, and for each the
// first metric that is not stored yet. Then each step follows: a COPY that takes only the rows of the new pushes, or a
// plain statement. ReadyForQuery is the commit. libpq forbids COPY in pipeline mode, so a connection carries one batch
// at a time, and several connections work at once.
//
//     idle --begin--> ledger --its last answer--> opening(0) --copyOpened--> streaming --> ending --commandCompleted-->
//          opening(1) ... --> committing --finished--> idle (committed)
//     any state: errorReceived --> failing --finished--> idle (failed);  connectionLost --> idle (abandoned)

/// The conversation with PostgreSQL about one batch. The machine holds no bytes: its actions name steps, pushes and
/// offsets.
public struct CopyStateMachine: ~Copyable {
  /// A part of the message after the ledger.
  public enum Step: Equatable, Sendable {
    /// A `COPY ... FROM STDIN (FORMAT binary)` into the copy target with this index.
    case copy(target: Int)
    /// A statement that is no COPY: nothing is sent to PostgreSQL for this step.
    case statement
  }

  /// What the caller does next.
  public enum Action: Equatable, Sendable {
    /// Do nothing until the next event.
    case wait
    /// Give libpq the file header of binary COPY, then call `headerAccepted`.
    case putHeader
    /// Give libpq bytes of `push`'s rows for `target` from `offset` on, then call `rowsAccepted`.
    case putRows(target: Int, push: Int, offset: Int)
    /// Give libpq the file trailer and end this COPY, then call `copyEnded`.
    case endCopy
    /// The transaction is durable. `isNew(push)` tells whether a push was stored now or is a repeat.
    case committed
    /// PostgreSQL refused the batch and rolled it back. The connection is usable.
    case failed
    /// The connection is broken. `outcomeUnknown`: the commit may have happened, and only the ledger can tell.
    case abandoned(outcomeUnknown: Bool)
  }

  private enum State: Equatable {
    /// There is no batch. → ledger
    case idle
    /// The message is sent. PGASYNC_BUSY until the ledger's answers are complete. → ledger, opening, committing,
    /// failing
    case ledger(answersDue: Int)
    /// The result that opens this step is due: CopyInResponse, or CommandComplete of a statement. → streaming, opening
    case opening(step: Int)
    /// PGASYNC_COPY_IN: the header is due. → streaming
    case header(step: Int)
    /// PGASYNC_COPY_IN: the rows of the new pushes are sent, in order. → streaming, ending
    case streaming(step: Int, push: Int, offset: Int)
    /// CopyDone is sent and CommandComplete is due. → opening, committing
    case ending(step: Int)
    /// All steps are complete. ReadyForQuery, which is the commit, is due. → idle
    case committing
    /// ErrorResponse came and ReadyForQuery is due. → idle
    case failing
  }

  private var state = State.idle
  private var steps: [Step] = []
  /// Whether each push is new. The bytes that a step takes of a push come from `rowBytes`.
  private var newPushes: [Bool] = []

  /// Makes a machine for a new connection.
  public init() {}

  /// Whether there is no batch, so that `begin` may be called.
  public var isIdle: Bool { state == .idle }

  /// Begins a batch when its message is sent.
  /// - Parameters:
  ///   - ledgerAnswers: the number of results of the ledger's statements, at least 1.
  ///   - pushCount: the number of pushes, in the order of the ledger's parameters.
  public mutating func begin(steps: [Step], ledgerAnswers: Int = 1, pushCount: Int) {
    precondition(state == .idle, "a batch begins while another is in flight")
    precondition(ledgerAnswers > 0, "a batch without a ledger")
    self.steps = steps
    newPushes.removeAll(keepingCapacity: true)
    newPushes.append(contentsOf: repeatElement(false, count: pushCount))
    state = .ledger(answersDue: ledgerAnswers)
  }

  /// Call it when the ledger names `push` as new.
  public mutating func pushIsNew(_ push: Int) {
    guard case .ledger = state else { preconditionFailure("the ledger answered out of turn") }
    newPushes[push] = true
  }

  /// Whether the ledger named `push` as new in the latest batch. Valid until the next `begin`.
  public func isNew(_ push: Int) -> Bool { newPushes[push] }

  /// Call it after `pushIsNew` was called for all rows of one of the ledger's answers.
  public mutating func ledgerReturned() -> Action {
    guard case .ledger(let due) = state else { preconditionFailure("the ledger answered out of turn") }
    if due == 1 { return open(step: 0) }
    state = .ledger(answersDue: due - 1)
    return .wait
  }

  /// Call it when PGRES_COPY_IN arrives.
  public mutating func copyOpened() -> Action {
    guard case .opening(let step) = state, case .copy = steps[step] else {
      preconditionFailure("COPY_IN in state \(state)")
    }
    state = .header(step: step)
    return .putHeader
  }

  /// Call it when libpq has taken the header.
  /// - Parameter rowBytes: the next range of a push's bytes for a target that are to be stored, at or after an offset;
  ///   empty if there are none.
  public mutating func headerAccepted(
    rowBytes: (_ target: Int, _ push: Int, _ offset: Int) -> Range<Int>
  ) -> Action {
    guard case .header(let step) = state else { preconditionFailure("header in state \(state)") }
    return stream(step: step, push: 0, offset: 0, rowBytes)
  }

  /// Call it when libpq has taken `count` bytes of the rows. `rowBytes` as above.
  public mutating func rowsAccepted(
    _ count: Int, rowBytes: (_ target: Int, _ push: Int, _ offset: Int) -> Range<Int>
  ) -> Action {
    guard case .streaming(let step, let push, let offset) = state else {
      preconditionFailure("rows in state \(state)")
    }
    return stream(step: step, push: push, offset: offset + count, rowBytes)
  }

  /// The next action for a caller that had to stop because libpq's buffer was full.
  public func resume() -> Action {
    switch state {
    case .header: return .putHeader
    case .streaming(let step, let push, let offset):
      guard case .copy(let target) = steps[step] else { preconditionFailure("streaming into a statement") }
      return push < newPushes.count ? .putRows(target: target, push: push, offset: offset) : .endCopy
    case .idle, .ledger, .opening, .ending, .committing, .failing: return .wait
    }
  }

  /// Call it when libpq has taken the trailer and the end of the COPY.
  public mutating func copyEnded() -> Action {
    guard case .streaming(let step, _, _) = state else { preconditionFailure("end of COPY in state \(state)") }
    state = .ending(step: step)
    return .wait
  }

  /// Call it when PGRES_COMMAND_OK arrives, for a COPY or for a statement.
  public mutating func commandCompleted() -> Action {
    switch state {
    case .ending(let step): return open(step: step + 1)
    case .opening(let step):
      guard steps[step] == .statement else { preconditionFailure("a COPY completed before it opened") }
      return open(step: step + 1)
    case .idle, .ledger, .header, .streaming, .committing, .failing:
      preconditionFailure("command completed in state \(state)")
    }
  }

  /// Call it when PGRES_FATAL_ERROR arrives and the connection is still usable. During COPY_IN libpq leaves the copy
  /// state by itself.
  public mutating func errorReceived() -> Action {
    precondition(state != .idle, "an error without a batch")
    state = .failing
    return .wait
  }

  /// Call it when PQgetResult returns NULL: PostgreSQL is ready for the next query.
  public mutating func finished() -> Action {
    switch state {
    case .committing:
      state = .idle
      return .committed
    case .failing:
      state = .idle
      return .failed
    case .idle, .ledger, .opening, .header, .streaming, .ending:
      preconditionFailure("ready for query in state \(state)")
    }
  }

  /// Call it when the connection is broken.
  public mutating func connectionLost() -> Action {
    let outcomeUnknown: Bool
    switch state {
    case .idle: return .wait
    case .failing: outcomeUnknown = false
    case .committing: outcomeUnknown = true
    // Once the last COPY has ended, PostgreSQL can run the remaining statements and commit before an answer arrives.
    case .ending(let step): outcomeUnknown = steps[(step + 1)...].allSatisfy { $0 == .statement }
    case .opening(let step): outcomeUnknown = steps[step...].allSatisfy { $0 == .statement }
    case .ledger: outcomeUnknown = steps.allSatisfy { $0 == .statement }
    case .header, .streaming: outcomeUnknown = false
    }
    state = .idle
    return .abandoned(outcomeUnknown: outcomeUnknown)
  }

  private mutating func open(step: Int) -> Action {
    state = step < steps.count ? .opening(step: step) : .committing
    return .wait
  }

  /// Finds the next byte to send: it passes over repeated pushes and over pushes without further rows.
  private mutating func stream(
    step: Int, push: Int, offset: Int, _ rowBytes: (_ target: Int, _ push: Int, _ offset: Int) -> Range<Int>
  ) -> Action {
    guard case .copy(let target) = steps[step] else { preconditionFailure("streaming into a statement") }
    var push = push
    var offset = offset
    while push < newPushes.count {
      if newPushes[push] {
        let due = rowBytes(target, push, offset)
        if !due.isEmpty {
          offset = due.lowerBound
          break
        }
      }
      push += 1
      offset = 0
    }
    state = .streaming(step: step, push: push, offset: offset)
    return push < newPushes.count ? .putRows(target: target, push: push, offset: offset) : .endCopy
  }
}
