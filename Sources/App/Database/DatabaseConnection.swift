// One PostgreSQL session on a loop: libpq in nonblocking mode (manual, "Asynchronous Command Processing"), with the
// loop's epoll in place of select. The owner decides what to send and what a failure means.
//
// libpq may close its socket at any time without notice, so the loop watches a duplicate that this object owns. While
// connecting, libpq may also change to another socket; the duplicate is renewed after each poll.

internal import CEpoll.Postgres
internal import Reactor

/// Receives the events of one connection. All calls come from the loop, never from within a method of the connection.
protocol DatabaseConnectionDelegate: AnyObject {
  /// The session accepts statements.
  func connected()
  /// One result arrived. After `.failed` the session is usable; the rest of its message or pipeline is not executed.
  func received(_ result: consuming DatabaseResult)
  /// Everything that was sent is answered. The session accepts the next statement.
  func finished()
  /// There is room again after `putCopy` returned `.full`.
  func drained()
  func notified(channel: String, payload: String)
  /// The session is lost or could not be made. A statement in flight may have taken effect. `connect` starts again.
  func disconnected(_ error: DatabaseError)
}

/// A connection. Its owner calls it on the loop's thread only.
final class DatabaseConnection {
  /// The largest number of bytes of COPY data that libpq may hold unsent. `putCopy` returns `.full` until all are sent.
  static let maximumUnflushedCopyBytes = 262_144
  /// The largest number of bytes for one `putCopy`.
  static let maximumCopyChunkBytes = 65_536

  enum CopyAcceptance: Equatable {
    case accepted
    /// No byte was taken. Offer the same bytes again after `drained`.
    case full
  }

  private enum State {
    /// No session. → connecting
    case closed
    /// → idle, failed
    case connecting
    /// → busy, pipelining, failed
    case idle
    /// Waiting for results. → idle, copying, failed
    case busy
    /// Statements are being gathered. → pipelined, failed
    case pipelining
    /// The Sync is sent. → idle, failed
    case pipelined
    /// The server takes COPY data. → busy, failed
    case copying
    /// The loop's next turn reports the error. → closed
    case failed(DatabaseError)
  }

  private let loop: EventLoop
  private let settings: DatabaseSettings
  private var delegate: (any DatabaseConnectionDelegate)?
  private var state = State.closed
  private(set) var session: OpaquePointer?
  private var socket: FileDescriptor?
  private var token: Token?
  private var connectTimer: TimerID?
  /// An upper bound of the bytes of this COPY that libpq holds unsent.
  private var unflushedCopyBytes = 0
  private var owesDrained = false
  /// The owner has paused rows: the server's data stays in the socket.
  private var isPaused = false

  init(loop: EventLoop, settings: DatabaseSettings) {
    self.loop = loop
    self.settings = settings
  }

  deinit { PQfinish(session) }

  // MARK: Session

  /// Starts to connect. - Parameter delegate: retained until the connection is closed or lost.
  func connect(_ delegate: any DatabaseConnectionDelegate) {
    guard case .closed = state else { preconditionFailure("connect in state \(state)") }
    self.delegate = delegate
    state = .connecting
    connectTimer = loop.schedule(self, at: loop.now.advanced(by: settings.connectDeadline))
    session = settings.startSession()
    guard let session, PQstatus(session) != CONNECTION_BAD else {
      return fail(.connectFailed, sessionError())
    }
    cpostgres_ignore_notices(session)
    watch(.write)
  }

  /// Stops reading rows until `resumeRows`. The server has to wait once the socket is full.
  func pauseRows() {
    guard expectsResults else { return }
    isPaused = true
    want([])
  }

  func resumeRows() {
    guard isPaused else { return }
    isPaused = false
    want(.read)
    // The loop reports only the socket; rows that libpq holds already need this extra turn.
    loop.nextTurn(self)
  }

  /// Replaces the delegate: all later events go to `delegate`.
  func handOver(to delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }

  /// Ends the session. The delegate gets no further events.
  func close() {
    state = .closed
    release()
    delegate = nil
  }

  /// Whether a statement may be sent now.
  var isIdle: Bool {
    if case .idle = state { return true }
    return false
  }

  /// Whether the owner has a transaction open.
  var isInTransaction: Bool { session.map { PQtransactionStatus($0) != PQTRANS_IDLE } ?? false }
  /// Whether a statement of that transaction failed. COMMIT would then roll it back and report success.
  var isTransactionFailed: Bool { session.map { PQtransactionStatus($0) == PQTRANS_INERROR } ?? false }

  // MARK: Statements

  /// Begins a pipeline: statements are sent without waiting for answers, as one transaction, until `endPipeline`.
  func beginPipeline() {
    guard enterStatement() else { return }
    state = .pipelining
    if PQenterPipelineMode(session) == 0 { fail(.connectionLost, sessionError()) }
  }

  /// Ends the pipeline. `finished` follows when all of it is answered. After a `.failed` the remaining statements have
  /// no result.
  func endPipeline() {
    switch state {
    case .pipelining:
      state = .pipelined
      sent(PQpipelineSync(session))
    case .failed: break
    case .closed, .connecting, .idle, .busy, .pipelined, .copying:
      preconditionFailure("end of a pipeline in state \(state)")
    }
  }

  // MARK: COPY

  /// Offers COPY data, at most `maximumCopyChunkBytes`. libpq copies the bytes that it takes.
  func putCopy(_ bytes: Span<UInt8>) -> CopyAcceptance {
    precondition(bytes.count <= Self.maximumCopyChunkBytes)
    guard isCopying else { return .accepted }  // the session is lost; `disconnected` follows
    if owesDrained { return .full }
    if unflushedCopyBytes + bytes.count > Self.maximumUnflushedCopyBytes {
      flush()
      guard isCopying else { return .accepted }
      if unflushedCopyBytes > 0 {
        owesDrained = true
        return .full
      }
    }
    let result = bytes.withUnsafeBytes {
      // Safety: libpq reads `count` bytes during the call.
      PQputCopyData(session, $0.baseAddress?.assumingMemoryBound(to: CChar.self), CInt($0.count))
    }
    switch result {
    case 1:
      unflushedCopyBytes += bytes.count
      return .accepted
    case 0:
      owesDrained = true
      want([.read, .write])
      return .full
    default:
      fail(.connectionLost, sessionError())
      return .accepted
    }
  }

  /// Ends the data of this COPY; its result follows.
  func endCopy() { endCopy(failing: nil) }
  /// Makes the server reject this COPY and everything else in the same message (57014).
  func failCopy(_ reason: String) { endCopy(failing: reason) }

  private func endCopy(failing reason: String?) {
    guard isCopying else { return }  // the session is lost
    state = .busy
    owesDrained = false
    sent(PQputCopyEnd(session, reason))
  }

  private var isCopying: Bool {
    switch state {
    case .copying: return true
    case .failed: return false
    case .closed, .connecting, .idle, .busy, .pipelining, .pipelined: preconditionFailure("COPY data in state \(state)")
    }
  }
}

// MARK: - Events

extension DatabaseConnection: EventHandler, DeadlineHandler, TurnStartHandler {
  func ready(_ readiness: Readiness) {
    switch state {
    case .closed, .failed: break
    case .connecting: poll()
    case .idle, .busy, .pipelining, .pipelined, .copying:
      // While paused the loop reports only a broken socket.
      if isPaused { return fail(.connectionLost, "the server closed the connection") }
      if readiness != .write { consume() }
      if token != nil, readiness.contains(.write) { flush() }
    }
  }

  func deadlineReached(_ id: TimerID) {
    connectTimer = nil
    fail(.connectFailed, "no session within \(settings.connectDeadline)")
  }

  /// Reports a failure to the delegate. It happens here, so that no method calls back into its caller.
  func turnStarting() {
    guard case .failed(let error) = state else { return takeResults() }
    let delegate = delegate
    close()
    delegate?.disconnected(error)
  }

  private func poll() {
    unwatch()
    switch PQconnectPoll(session) {
    case PGRES_POLLING_READING: watch(.read)
    case PGRES_POLLING_WRITING: watch(.write)
    case PGRES_POLLING_OK:
      connectTimer.map(loop.cancel)
      connectTimer = nil
      PQsetnonblocking(session, 1)
      watch(.read)
      guard case .connecting = state else { return }
      state = .idle
      delegate?.connected()
    default: fail(.connectFailed, sessionError())
    }
  }

  private func consume() {
    let isReadable = PQconsumeInput(session) == 1
    let error = isReadable ? "" : sessionError()
    takeResults()
    takeNotifications()
    guard token != nil else { return }
    if !isReadable || PQstatus(session) == CONNECTION_BAD { fail(.connectionLost, error) }
  }

  private func takeResults() {
    while expectsResults, !isPaused, PQisBusy(session) == 0 {
      guard let result = PQgetResult(session) else {
        // Within a pipeline this ends one statement; otherwise it ends everything that was sent.
        if case .busy = state { becomeIdle() }
        continue
      }
      switch PQresultStatus(result) {
      case PGRES_PIPELINE_SYNC:
        PQclear(result)
        if PQexitPipelineMode(session) == 0 { return fail(.connectionLost, sessionError()) }
        becomeIdle()
      case PGRES_PIPELINE_ABORTED:
        PQclear(result)
      case PGRES_COPY_IN:
        state = .copying
        unflushedCopyBytes = 0
        delegate?.received(DatabaseResult(owning: result))
      default:
        if PQstatus(session) == CONNECTION_BAD {
          let error = DatabaseError(owning: result)
          return fail(.connectionLost, error.message, sqlstate: error.sqlstate)
        }
        delegate?.received(DatabaseResult(owning: result))
      }
    }
  }

  private var expectsResults: Bool {
    switch state {
    case .busy, .pipelined: true
    case .closed, .connecting, .idle, .pipelining, .copying, .failed: false
    }
  }

  private func becomeIdle() {
    state = .idle
    delegate?.finished()
  }

  private func takeNotifications() {
    while let session, let notification = PQnotifies(session) {
      // Safety: libpq allocates the struct with both texts in it; PQfreemem frees it.
      let channel = String(cString: notification.pointee.relname)
      let payload = String(cString: notification.pointee.extra)
      PQfreemem(notification)
      delegate?.notified(channel: channel, payload: payload)
    }
  }

  /// Writes what libpq holds to the socket, and waits for writability while some is left.
  private func flush() {
    switch PQflush(session) {
    case 0:
      unflushedCopyBytes = 0
      want(.read)
      if owesDrained {
        owesDrained = false
        delegate?.drained()
      }
    case 1: want([.read, .write])
    default: fail(.connectionLost, sessionError())
    }
  }
}

// MARK: - libpq and the loop

extension DatabaseConnection {
  private func watch(_ interest: Interest) {
    let copy = cpostgres_duplicate_socket(session)
    if copy < 0 { return fail(.connectFailed, "\(SystemCallError(call: "fcntl", errno: -copy))") }
    socket = FileDescriptor(owning: copy)
    do throws(SystemCallError) {
      token = try loop.register(copy, interest, self)
    } catch {
      fail(.connectFailed, "\(error)")
    }
  }

  private func want(_ interest: Interest) {
    guard let token else { return }
    do throws(SystemCallError) {
      try loop.update(token, interest)
    } catch {
      fail(.connectionLost, "\(error)")
    }
  }

  private func unwatch() {
    token.map(loop.deregister)
    token = nil
    socket = nil
  }

  private func release() {
    unwatch()
    connectTimer.map(loop.cancel)
    connectTimer = nil
    PQfinish(session)
    session = nil
    owesDrained = false
    isPaused = false
  }

  /// Handles the return code of a libpq send function.
  func sent(_ result: CInt) {
    if result == 1 { flush() } else { fail(.connectionLost, sessionError()) }
  }

  /// - Returns: false if the session is lost and the owner does not know it yet.
  func enterStatement() -> Bool {
    switch state {
    case .idle:
      state = .busy
      return true
    case .pipelining: return true
    case .failed: return false
    case .closed, .connecting, .busy, .pipelined, .copying:
      preconditionFailure("a statement was sent in state \(state)")
    }
  }

  func fail(_ kind: DatabaseError.Kind, _ message: String, sqlstate: String? = nil) {
    if case .failed = state { return }
    release()
    state = .failed(DatabaseError(kind, message, sqlstate: sqlstate))
    loop.nextTurn(self)
  }

  /// libpq's message, on one line. It names host, database and user, never the password.
  func sessionError() -> String {
    guard let session else { return "out of memory for a session" }
    let lines = String(cString: PQerrorMessage(session)).split(separator: "\n")
    return lines.isEmpty ? "the connection is gone" : lines.joined(separator: "; ")
  }
}
