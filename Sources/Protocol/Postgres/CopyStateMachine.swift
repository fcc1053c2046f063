// The life of one batch on one connection: ledger, COPYs, commit.
//
// A batch is one simple-query message, hence one implicit transaction (PostgreSQL manual, "Multiple Statements in a
// Simple Query"): the ledger's statements come first, and their answers tell which pushes are new, and from which metric on;
// then each step in turn, a COPY that takes the rows of the new pushes only, or a plain statement; ReadyForQuery is the
// commit. libpq forbids COPY in pipeline mode, so one connection carries one batch at a time and several connections
// overlap.
//
//     idle --begin--> ledger --its last answer--> opening(0) --copyOpened--> streaming --> ending --commandCompleted-->
//          opening(1) ... --> committing --finished--> idle (committed)
//     any state: errorReceived --> failing --finished--> idle (failed);  connectionLost --> idle (abandoned)

/// One batch's conversation with the server. Bytes stay with the owner: actions name steps, pushes and offsets.
public struct CopyStateMachine: ~Copyable {
  /// What follows the ledger in the message.
  public enum Step: Equatable, Sendable {
    /// A `COPY ... FROM STDIN (FORMAT binary)`; the associated value is the copy target's index.
    case copy(target: Int)
    /// A statement without data of ours.
    case statement
  }

  public enum Action: Equatable, Sendable {
    /// Nothing to do until the next event.
    case wait
    /// Hand libpq the file header of binary COPY, then call `headerAccepted`.
    case putHeader
    /// Hand libpq bytes of `push`'s rows for `target` from `offset` on, then call `rowsAccepted`.
    case putRows(target: Int, push: Int, offset: Int)
    /// Hand libpq the file trailer and end this COPY, then call `copyEnded`.
    case endCopy
    /// The transaction is durable; `isNew(push)` tells stored from repeated.
    case committed
    /// The server refused the batch and rolled it back. The connection is usable.
    case failed
    /// The connection is gone. `outcomeUnknown`: the commit may have happened; only the ledger can tell.
    case abandoned(outcomeUnknown: Bool)
  }

  private enum State: Equatable {
    /// No batch. → ledger
    case idle
    /// The message is sent; PGASYNC_BUSY until the ledger's answers are complete. → ledger, opening, committing, failing
    case ledger(answersDue: Int)
    /// Waiting for the result that opens step n: CopyInResponse, or CommandComplete of a statement. → streaming, opening
    case opening(step: Int)
    /// PGASYNC_COPY_IN: the header is due. → streaming
    case header(step: Int)
    /// PGASYNC_COPY_IN: rows of the new pushes go out, in order. → streaming, ending
    case streaming(step: Int, push: Int, offset: Int)
    /// CopyDone is sent; waiting for CommandComplete. → opening, committing
    case ending(step: Int)
    /// All steps are complete; waiting for ReadyForQuery, which is the commit. → idle
    case committing
    /// ErrorResponse came; waiting for ReadyForQuery. → idle
    case failing
  }

  private var state = State.idle
  private var steps: [Step] = []
  /// Which bytes of each push the step in work takes is asked for through `rowBytes`.
  private var newPushes: [Bool] = []

  public init() {}

  public var isIdle: Bool { state == .idle }

  /// Starts a batch whose message is being sent.
  /// - Parameters:
  ///   - ledgerAnswers: how many results the ledger's statements have, 1 and up.
  ///   - pushCount: pushes in the batch, in the order in which the ledger's parameters name them.
  public mutating func begin(steps: [Step], ledgerAnswers: Int = 1, pushCount: Int) {
    precondition(state == .idle, "a batch was begun while another is in flight")
    precondition(ledgerAnswers > 0, "a batch without a ledger")
    self.steps = steps
    newPushes.removeAll(keepingCapacity: true)
    newPushes.append(contentsOf: repeatElement(false, count: pushCount))
    state = .ledger(answersDue: ledgerAnswers)
  }

  /// The ledger named `push` as new.
  public mutating func pushIsNew(_ push: Int) {
    guard case .ledger = state else { preconditionFailure("the ledger answered out of turn") }
    newPushes[push] = true
  }

  /// Whether the ledger took `push` as new in the latest batch. Valid until the next `begin`.
  public func isNew(_ push: Int) -> Bool { newPushes[push] }

  /// All rows of one of the ledger's answers have been given to `pushIsNew`.
  public mutating func ledgerReturned() -> Action {
    guard case .ledger(let due) = state else { preconditionFailure("the ledger answered out of turn") }
    if due == 1 { return open(step: 0) }
    state = .ledger(answersDue: due - 1)
    return .wait
  }

  /// PGRES_COPY_IN arrived.
  public mutating func copyOpened() -> Action {
    guard case .opening(let step) = state, case .copy = steps[step] else {
      preconditionFailure("COPY_IN in state \(state)")
    }
    state = .header(step: step)
    return .putHeader
  }

  /// libpq took the header.
  /// - Parameter rowBytes: the next of the bytes that a push has for a target that are to be stored, from an offset on; empty if
  ///   there are none.
  public mutating func headerAccepted(
    rowBytes: (_ target: Int, _ push: Int, _ offset: Int) -> Range<Int>
  ) -> Action {
    guard case .header(let step) = state else { preconditionFailure("header in state \(state)") }
    return stream(step: step, push: 0, offset: 0, rowBytes)
  }

  /// libpq took `count` bytes of the rows it was offered.
  public mutating func rowsAccepted(
    _ count: Int, rowBytes: (_ target: Int, _ push: Int, _ offset: Int) -> Range<Int>
  ) -> Action {
    guard case .streaming(let step, let push, let offset) = state else {
      preconditionFailure("rows in state \(state)")
    }
    return stream(step: step, push: push, offset: offset + count, rowBytes)
  }

  /// What to do next, for an owner that had to stop because libpq's buffer was full.
  public func resume() -> Action {
    switch state {
    case .header: return .putHeader
    case .streaming(let step, let push, let offset):
      guard case .copy(let target) = steps[step] else { preconditionFailure("streaming into a statement") }
      return push < newPushes.count ? .putRows(target: target, push: push, offset: offset) : .endCopy
    case .idle, .ledger, .opening, .ending, .committing, .failing: return .wait
    }
  }

  /// libpq took the trailer and the end of the COPY.
  public mutating func copyEnded() -> Action {
    guard case .streaming(let step, _, _) = state else { preconditionFailure("end of COPY in state \(state)") }
    state = .ending(step: step)
    return .wait
  }

  /// PGRES_COMMAND_OK arrived: a COPY's or a statement's.
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

  /// PGRES_FATAL_ERROR arrived and the connection is still good. During COPY_IN libpq has left the copy state itself.
  public mutating func errorReceived() -> Action {
    precondition(state != .idle, "an error without a batch")
    state = .failing
    return .wait
  }

  /// PQgetResult returned NULL: the server is ready for the next query.
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

  /// The connection broke.
  public mutating func connectionLost() -> Action {
    let outcomeUnknown: Bool
    switch state {
    case .idle: return .wait
    case .failing: outcomeUnknown = false
    case .committing: outcomeUnknown = true
    // The server commits by itself once the last COPY has all it needs, whatever statements follow, before we hear of it.
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

  /// Moves past repeated pushes and exhausted rows to the next byte that is due.
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
