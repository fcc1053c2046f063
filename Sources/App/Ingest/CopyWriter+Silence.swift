// What a writer does while the database does not answer: a commit waits for a standby, or PostgreSQL is stopped. Each
// push is answered at its own deadline. The batch may continue, because a slow database that still works has to store
// it. A session that shows no sign of life for `commit_deadline` is set aside as an `UnansweredCommit`, and the writer
// continues with its spare session.

import Protocol
import Reactor

extension CopyWriter {
  /// The time since which the database owes an answer; nil while it owes none.
  var waitingSince: MonotonicTime? {
    if let unanswered { return unanswered.commit.since }
    if case .copying = state { return heardAt }
    return nil
  }

  /// Answers pushes whose commit deadline has passed, and sets a session aside that has been silent for
  /// `commit_deadline`. The owner calls it periodically.
  func expire() {
    carryOut(queue.expire(at: loop.now))
    if queue.isEmpty { armReturn() }
    if case .idle = state, queue.hasBatch { pump() }
    let isSilent = loop.now - heardAt >= settings.commitDeadline
    switch state {
    case .copying(let batch):
      for push in batch.all where !push.isAnswered && push.deadline <= loop.now {
        push.isAnswered = true
        owner.unanswered(push)
      }
      if isSilent { leave(batch) }
    // The session setup creates a temporary table, so it ends with a commit, too.
    case .preparing, .adjusting: if isSilent { leave(nil) }
    case .disconnected, .connecting, .idle, .settling, .lingering, .resting, .closed: break
    }
  }

  /// Continues without the current session, and without `batch` if one is in flight. Does nothing without a spare
  /// session: if two sessions are silent, a third one would not help.
  private func leave(_ batch: Batch?) {
    guard let next = spare else { return }
    let mayBeStored = isOutcomeUnknown(machine.connectionLost())
    if let batch, !mayBeStored {
      // The session waits for rows from this writer, which will not come. So it would never end by itself, and none of
      // the batch can be committed.
      session.close()
      (session, spare) = (next, session)
      queue.left()
      owner.report(.batchUnanswered(pushes: batch.all.count))
      state = .settling
      settle(batch, mayBeStored: false)
      return start()
    }
    let commit = UnansweredCommit(session, since: heardAt) { [unowned self, session] in
      guard let ended = unanswered else { return }
      spare = session
      unanswered = nil
      owner.report(.unansweredEnded(after: ended.commit.since.duration(to: loop.now)))
    }
    unanswered = (commit, Set(batch?.pushes.map(\.id) ?? []))
    queue.left()
    session = next
    spare = nil
    owner.report(.batchUnanswered(pushes: batch?.all.count ?? 0))
    state = .settling
    if let batch { settle(batch, mayBeStored: mayBeStored) }
    start()
  }

  /// Settles a batch without an answer from the database.
  func settle(_ batch: Batch, mayBeStored: Bool) {
    for push in batch.all {
      if mayBeStored || push.isAnswered {
        push.outcome = .outcomeUnknown
        owner.settled(push)
      } else {
        giveUp(push)
      }
    }
  }

  func isOutcomeUnknown(_ action: CopyStateMachine.Action) -> Bool {
    if case .abandoned(let isUnknown) = action { return isUnknown }
    return false
  }
}
