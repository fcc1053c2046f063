// A session whose commit or other statement got no answer in time. The clients were answered that the outcome is
// unknown. The session waits until the server has answered or the connection is gone.
//
// The session is not closed: PostgreSQL does not check a connection while a commit waits for a standby. So closing it
// would free nothing, and each replacement would leave another backend behind until no connections are left.
// (Cancelling the wait would commit without the standby.) By keeping it, each writer has at most one such session and
// the pool at most `admin_connections`, however long it takes. The kept session also shows at once when commits end
// again.

import Reactor

/// Owns such a session until it ends.
final class UnansweredCommit: DatabaseConnectionDelegate {
  private let session: any CopySession
  /// The time since which the server has been silent.
  let since: MonotonicTime
  private var whenOver: (() -> Void)?

  /// Takes over `session`. - Parameter whenOver: called once, after the session is closed.
  init(_ session: any CopySession, since: MonotonicTime, whenOver: @escaping () -> Void) {
    self.session = session
    self.since = since
    self.whenOver = whenOver
    session.handOver(to: self)
  }

  func isOf(_ session: any CopySession) -> Bool { self.session === session }

  /// Closes the session, whatever becomes of the statement.
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
    // The server asks for the rows of a batch. They are gone, and without them nothing is committed.
    if case .copyIn = consume result { end() }
  }
  func finished() { end() }
  func drained() {}
  func notified(channel: String, payload: String) {}
  func disconnected(_ error: DatabaseError) { end() }
}
