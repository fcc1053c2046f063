// What a writer does when the database does not answer: a commit that waits for a standby, a PostgreSQL that is stopped. Each push
// is answered at its own deadline; the batch may go on, as one that is slow and works has to be stored. Only a session that shows
// no sign of life for `commit_deadline` is left to itself (`UnansweredCommit`), and the writer goes on with its spare one.

import Protocol
import Reactor

extension CopyWriter {
  /// Since when the database has not answered what it was asked for; nil while nothing is.
  var waitingSince: MonotonicTime? {
    if let unanswered { return unanswered.commit.since }
    if case .copying = state { return heardAt }
    return nil
  }

  /// Answers pushes whose commit deadline has passed, and leaves a session to itself that has been silent for as long;
  /// called by the owner now and then.
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
    // The settings of a session make a temporary table, and that is a commit, too.
    case .preparing, .adjusting: if isSilent { leave(nil) }
    case .disconnected, .connecting, .idle, .settling, .lingering, .resting, .closed: break
    }
  }

  /// Goes on without the session, and without `batch` if one is in flight, provided that there is a spare session: of two that
  /// are silent nothing is gained by a third.
  private func leave(_ batch: Batch?) {
    guard let next = spare else { return }
    let mayBeStored = isOutcomeUnknown(machine.connectionLost())
    if let batch, !mayBeStored {
      // It waits for rows of ours: it would wait for ever, and nothing of it can be committed.
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

  /// Settles a batch without an answer of the database.
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
