// Settles the pushes of a batch once its outcome is known.

import Protocol
import Reactor

extension CopyWriter {
  func committed(_ batch: Batch) {
    backOff.succeeded()
    trouble = nil
    owner.report(
      .batchCommitted(batch, copying: copyEndedAt - batchBegunAt, committing: loop.readClock() - copyEndedAt))
    for refusal in queue.committed(batch.pushes, isNew: { machine.isNew($0) }) { owner.report(.accepting(refusal)) }
    state = .settling
    var related: [Push] = []
    // Repeats go first: a settled push is reset and reused for another.
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

  /// PostgreSQL refused the batch and rolled it back; the connection is intact.
  func failed(_ batch: Batch) {
    guard let error = batchError else { preconditionFailure("a batch failed without an error") }
    let place = batch.place(answered: answeredSteps, error, targets)
    let refusal = targets.refusal(error, at: place)
    let pushes = batch.pushes + batch.repeats
    owner.report(.batchFailed(error, refusal, pushes: batch.pushes.count, isTrial: queue.isTrial))
    trouble = error
    switch error.batchFault {
    case .missingPartition where partitionsRefusedUntil.map({ $0 <= loop.now }) ?? true:
      state = .resting
      queue.putBack(pushes)
      owner.needsPartitions(for: days(of: batch), self)
    case .transient where error.isReadOnly:
      // A session that is read only stays so; a new one may reach a server that accepts writes.
      state = .resting
      queue.putBack(pushes)
      session.close()
      disconnected(error)
    case .transient:
      queue.putBack(pushes)
      rest(until: loop.now + backOff.failed(using: &random))
    case .missingPartition, .lasting:
      state = .settling
      carryOut(
        queue.refused(
          pushes, error, refusal, at: place, traced: traced(in: batch, error, place), now: loop.readClock()))
      state = .idle
      pump()
    }
  }

  /// The push that contains the row named by the error; nil if the error names no row.
  private func traced(in batch: Batch, _ error: DatabaseError, _ place: BatchPlace?) -> Push? {
    guard let line = error.copyLine, case .target(let target) = place else { return nil }
    return batch.push(atLine: line, of: target) { machine.isNew($0) }
  }

  func carryOut(_ verdicts: [BatchDivision.Verdict]) {
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
    Array(Set(batch.pushes.flatMap { $0.partitionDays })).sorted()
  }

  /// The connection broke with the batch in flight. Its pushes are sent again: the ledger knows whether they were
  /// committed.
  func retry(_ batch: Batch, _ isOutcomeUnknown: Bool) {
    if isOutcomeUnknown { owner.report(.batchUnknown(pushes: batch.pushes.count)) }
    queue.putBack(batch.pushes + batch.repeats)
  }

  func refuse(_ push: Push, _ refusal: Refusal) {
    push.outcome = .unavailable(reason: refusal.sentence, retryAfterSeconds: .random(in: 10...15, using: &random))
    owner.settled(push)
  }

  /// Settles a push that was not stored in time, with the reason.
  func giveUp(_ push: Push) {
    if let refusal = push.suspicion?.refusal { return refuse(push, refusal) }
    if push.waits > 0 {
      // Another transaction has the server's lock. It may be an earlier try of this very push.
      push.outcome = .outcomeUnknown
      return owner.settled(push)
    }
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
}
