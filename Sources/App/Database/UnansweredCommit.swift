// A session whose commit, or statement, got no answer in time. Whoever waited was told that the outcome is unknown; the session
// is left to itself until the server has answered or is gone.
//
// It is not closed: PostgreSQL does not look at a connection while a commit waits for a standby, so that closing one frees
// nothing, and each replacement would leave one more backend behind, until there are no connections left. (Cancelling the
// wait would commit without the standby.) Kept, there is one such session a writer, and `admin_connections` of the pool's,
// however long it takes; and it is known at once when commits end again.

import Reactor

final class UnansweredCommit: DatabaseConnectionDelegate {
  private let session: any CopySession
  /// Since when the server has been silent.
  let since: MonotonicTime
  private var whenOver: (() -> Void)?

  /// Takes `session` over. - Parameter whenOver: the session is closed by then.
  init(_ session: any CopySession, since: MonotonicTime, whenOver: @escaping () -> Void) {
    self.session = session
    self.since = since
    self.whenOver = whenOver
    session.handOver(to: self)
  }

  func isOf(_ session: any CopySession) -> Bool { self.session === session }

  /// Lets go of it, whatever becomes of the statement.
  func close() {
    whenOver = nil
    session.close()
  }

  private func end() {
    let whenOver = whenOver
    close()
    whenOver?()
  }

  func connected() {}
  func received(_ result: consuming DatabaseResult) {
    // Of a batch that asks for rows: nobody has them any more, and without them nothing is committed.
    if case .copyIn = consume result { end() }
  }
  func finished() { end() }
  func drained() {}
  func notified(channel: String, payload: String) {}
  func disconnected(_ error: DatabaseError) { end() }
}
