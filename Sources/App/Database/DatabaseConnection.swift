// One PostgreSQL session on a loop: libpq in nonblocking mode (manual, "Asynchronous Command Processing"), with this
// loop's epoll in place of its select. It decides nothing about what is sent and what a failure means: its owner does.
//
// libpq may close its socket whenever it likes and tells nobody, so the loop watches a duplicate that is ours.
// While connecting, each poll may also have moved on to another socket: the duplicate is renewed after each.

internal import CEpoll.Postgres
internal import Reactor

/// Hears of one connection. Never called from within a method of the connection, always from the loop.
protocol DatabaseConnectionDelegate: AnyObject {
  /// The session takes statements.
  func connected()
  /// One result. `.failed` leaves the session usable; the rest of its message or pipeline is not executed.
  func received(_ result: consuming DatabaseResult)
  /// Everything sent is answered: the server is ready for the next.
  func finished()
  /// After `putCopy` said `.full`: there is room again.
  func drained()
  func notified(channel: String, payload: String)
  /// The session is gone, or never came to be; what was in flight may have happened. `connect` starts anew.
  func disconnected(_ error: DatabaseError)
}

final class DatabaseConnection {
  /// COPY data that libpq may hold unsent. Beyond, `putCopy` takes no more until all of it has left.
  static let maximumUnflushedCopyBytes = 262_144
  /// What one `putCopy` may bring.
  static let maximumCopyChunkBytes = 65_536

  enum CopyAcceptance: Equatable {
    case accepted
    /// Nothing was taken: offer the same bytes again when `drained` was called.
    case full
  }

  private enum State {
    /// No session. → connecting
    case closed
    /// → idle, failed
    case connecting
    /// → busy, pipelining, failed
    case idle
    /// Results are due. → idle, copying, failed
    case busy
    /// Statements are being gathered. → pipelined, failed
    case pipelining
    /// The Sync is sent. → idle, failed
    case pipelined
    /// The server takes COPY data. → busy, failed
    case copying
    /// To be reported in the next turn. → closed
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
  /// An upper bound of what libpq holds unsent of this COPY.
  private var unflushedCopyBytes = 0
  private var owesDrained = false
  /// The owner takes no rows for now: what the server has to say stays in the socket.
  private var isPaused = false

  init(loop: EventLoop, settings: DatabaseSettings) {
    self.loop = loop
    self.settings = settings
  }

  deinit { PQfinish(session) }

  // MARK: Session

  /// Starts to connect. - Parameter delegate: held until the connection is closed or lost.
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

  /// Takes no more rows until `resumeRows`: the server has to wait once the socket is full.
  func pauseRows() {
    guard expectsResults else { return }
    isPaused = true
    want([])
  }

  func resumeRows() {
    guard isPaused else { return }
    isPaused = false
    want(.read)
    // What libpq holds already is reported by nobody else.
    loop.nextTurn(self)
  }

  /// From here on `delegate` hears, in the place of who heard until now.
  func handOver(to delegate: any DatabaseConnectionDelegate) { self.delegate = delegate }

  /// Ends the session. The delegate hears no more.
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

  /// Whether a transaction is open that its owner began.
  var isInTransaction: Bool { session.map { PQtransactionStatus($0) != PQTRANS_IDLE } ?? false }
  /// Whether a statement of that transaction failed, so that COMMIT would roll it back and call that a success.
  var isTransactionFailed: Bool { session.map { PQtransactionStatus($0) == PQTRANS_INERROR } ?? false }

  // MARK: Statements

  /// What follows is sent without waiting for answers, as one transaction, until `endPipeline`.
  func beginPipeline() {
    guard enterStatement() else { return }
    state = .pipelining
    if PQenterPipelineMode(session) == 0 { fail(.connectionLost, sessionError()) }
  }

  /// `finished` comes when all of the pipeline is answered. After a `.failed` its remaining statements have no result.
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

  /// Offers COPY data, at most `maximumCopyChunkBytes`. Taken bytes are copied.
  func putCopy(_ bytes: Span<UInt8>) -> CopyAcceptance {
    precondition(bytes.count <= Self.maximumCopyChunkBytes)
    guard isCopying else { return .accepted }  // lost meanwhile: `disconnected` is on its way
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
  /// Ends this COPY so that the server refuses it and all that came with it in one message (57014).
  func failCopy(_ reason: String) { endCopy(failing: reason) }

  private func endCopy(failing reason: String?) {
    guard isCopying else { return }  // lost meanwhile
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
      // While paused only a broken socket is reported.
      if isPaused { return fail(.connectionLost, "the server closed the connection") }
      if readiness != .write { consume() }
      if token != nil, readiness.contains(.write) { flush() }
    }
  }

  func deadlineReached(_ id: TimerID) {
    connectTimer = nil
    fail(.connectFailed, "no session within \(settings.connectDeadline)")
  }

  /// A failure reaches the delegate here, so that no method calls back into its caller.
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
        // Within a pipeline this ends one statement, else all that was sent.
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
      // Safety: libpq gives us the struct with both texts in it; PQfreemem takes it back.
      let channel = String(cString: notification.pointee.relname)
      let payload = String(cString: notification.pointee.extra)
      PQfreemem(notification)
      delegate?.notified(channel: channel, payload: payload)
    }
  }

  /// Hands the kernel what libpq holds, and asks for room while some is left.
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

  /// libpq has queued what was sent, or has not.
  func sent(_ result: CInt) {
    if result == 1 { flush() } else { fail(.connectionLost, sessionError()) }
  }

  /// - Returns: false if the session is lost, which the owner does not know yet.
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

  /// What libpq says, on one line. It names host, database and user; never the password.
  func sessionError() -> String {
    guard let session else { return "out of memory for a session" }
    let lines = String(cString: PQerrorMessage(session)).split(separator: "\n")
    return lines.isEmpty ? "the connection is gone" : lines.joined(separator: "; ")
  }
}
