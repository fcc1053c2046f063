// One connection of the pool. It reconnects by itself, prepares statements at their first use and runs one request at a
// time.

internal import Protocol
internal import Reactor

final class DatabaseSession {
  /// How long the client waits after PostgreSQL should have cancelled a statement by `statement_timeout`.
  static let margin = Duration.seconds(2)

  private enum State {
    /// Never connected, because the pool has not needed it. → connecting, closed
    case unused
    /// Waiting before the next attempt to connect. → connecting, closed
    case waiting
    /// → preparing, waiting, closed
    case connecting
    /// The statements that set up the session are running. → idle, waiting, closed
    case preparing
    /// → running, waiting, closed
    case idle
    /// → idle, waiting, closed
    case running(DatabaseRequest)
    case closed
  }

  let index: Int
  /// Counts how often the session was lent or lost. A lease holds the number of its lending.
  private(set) var generation: UInt64 = 0
  private(set) var isLeased = false {
    didSet {
      switch (oldValue, isLeased) {
      case (false, true): settings.pacing?.began(at: loop.now)
      case (true, false): settings.pacing?.ended(at: loop.now)
      case (true, true), (false, false): break
      }
    }
  }

  private let loop: EventLoop
  private var settings: DatabaseSettings
  /// Whether the session has another `statement_timeout` than the settings.
  private(set) var isLimitStale = false
  private unowned let pool: DatabasePool
  private var connection: DatabaseConnection
  private var state = State.unused
  private var backoff = ReconnectBackoff()
  private var timer: TimerID?
  private var prepared: Set<String> = []
  /// The statement whose PREPARE was sent and is not answered yet.
  private var preparing: String?
  private var result: DatabaseResult?
  private var failure: DatabaseError?
  /// Bytes of a COPY's tuples that were taken; nil until its header was taken.
  private var copied: Int?
  /// When to stop waiting for the answer to the current request.
  private var answerTimer: TimerID?
  /// How long the current request may take, see `DatabaseLease.allow`.
  private var allowance: Duration?
  /// Whether the current request commits something if it succeeds.
  private var mayCommit = false
  private var askedAt = MonotonicTime(nanoseconds: 0)

  init(index: Int, loop: EventLoop, settings: DatabaseSettings, pool: DatabasePool) {
    self.index = index
    self.loop = loop
    self.settings = settings
    self.pool = pool
    allowance = settings.adminStatementTimeout
    connection = DatabaseConnection(loop: loop, settings: settings)
  }

  /// Whether the session is idle and not lent.
  var isFree: Bool {
    if case .idle = state { return !isLeased }
    return false
  }

  var isUnused: Bool {
    if case .unused = state { return true }
    return false
  }

  /// Whether the session is neither connected nor connecting.
  var isDown: Bool {
    switch state {
    case .unused, .waiting, .closed: true
    case .connecting, .preparing, .idle, .running: false
    }
  }

  var isConnected: Bool {
    switch state {
    case .unused, .waiting, .closed, .connecting: false
    case .preparing, .idle, .running: true
    }
  }

  func apply(_ settings: DatabaseSettings) {
    isLimitStale = isLimitStale || settings.adminStatementTimeout != self.settings.adminStatementTimeout
    self.settings = settings
    if !isLeased { allowance = settings.adminStatementTimeout }
  }

  /// Sends the session defaults and the time limit. The session is idle.
  func prepare() {
    isLimitStale = false
    state = .preparing
    mayCommit = false
    answerTimer = loop.schedule(self, at: loop.now + settings.adminStatementTimeout + Self.margin)
    connection.send(SessionDefaults.script(.init(statement: settings.adminStatementTimeout)))
  }

  func connect() {
    state = .connecting
    connection.connect(self)
  }

  func run(_ request: DatabaseRequest) {
    guard case .idle = state else { preconditionFailure("a request was given to a session that is not idle") }
    if request.work.isChange, pool.hasStalled {
      return request.complete(.failed(DatabaseError(.unanswered, "earlier commits have no answer yet")))
    }
    state = .running(request)
    askedAt = loop.now
    switch request.work {
    case .commit: mayCommit = !connection.isTransactionFailed
    case .statement, .script, .stream, .copy: mayCommit = request.work.isChange && !connection.isInTransaction
    }
    answerTimer = allowance.map { loop.schedule(self, at: loop.now + $0 + Self.margin) }
    switch request.work {
    case .script(let sql):
      connection.send(sql)
    case .commit:
      if connection.isTransactionFailed {
        failure = DatabaseError(
          .statement, "a statement of the transaction failed", sqlstate: SQLState.failedTransaction)
      }
      connection.send(failure == nil ? "COMMIT" : "ROLLBACK")
    case .copy(let sql, _):
      copied = nil
      connection.send(sql)
    case .stream(let statement, let parameters, _):
      connection.sendRowByRow(statement.sql, statement.parameterTypes, parameters)
    case .statement(let statement, let parameters):
      if prepared.contains(statement.name) {
        connection.sendExecute(statement.name, parameters)
      } else {
        preparing = statement.name
        connection.beginPipeline()
        connection.sendPrepare(statement.name, statement.sql, statement.parameterTypes)
        connection.sendExecute(statement.name, parameters)
        connection.endPipeline()
      }
    }
  }

  func lend() -> LeaseID {
    isLeased = true
    return LeaseID(session: index, generation: generation)
  }

  func allow(_ time: Duration?) { allowance = time }

  /// Takes the session back. If a transaction was left open, the session reconnects.
  func endLease() {
    isLeased = false
    generation += 1
    allowance = settings.adminStatementTimeout
    if case .idle = state, connection.isInTransaction { lose(DatabaseError(.connectionLost, "transaction left open")) }
  }

  /// Whether `lease` holds this session and the session is idle.
  func isHeld(by lease: LeaseID) -> Bool {
    if case .idle = state { return isLeased && lease.generation == generation }
    return false
  }

  /// Whether `lease` holds this session, idle or busy.
  func isOf(_ lease: LeaseID) -> Bool { isLeased && lease.generation == generation }

  func resumeRows() { connection.resumeRows() }

  /// Closes the connection together with the running request.
  func abandon() { lose(DatabaseError(.cancelled, "the client went away")) }

  func close() {
    if case .closed = state { return }
    lose(DatabaseError(.connectionLost, "shut down"))
    timer.map(loop.cancel)
    timer = nil
    state = .closed
  }

  /// Closes the connection, fails the running request and schedules the next attempt to connect.
  private func lose(_ error: DatabaseError) {
    connection.close()
    answerTimer.map(loop.cancel)
    answerTimer = nil
    allowance = settings.adminStatementTimeout
    var error = error
    if case .running = state { error.mayHaveHappened = mayCommit && error.isConnectionLoss }
    let lost = state
    state = .waiting
    isLeased = false
    generation += 1
    prepared.removeAll()
    preparing = nil
    result = nil
    failure = nil
    timer = loop.schedule(self, at: loop.now.advanced(by: backoff.failed()))
    if case .running(let request) = lost { request.complete(.failed(error)) }
  }
}

extension DatabaseSession: DatabaseConnectionDelegate, DeadlineHandler {
  func deadlineReached(_ id: TimerID) {
    if id == answerTimer {
      answerTimer = nil
      return giveUpWaiting()
    }
    timer = nil
    connect()
  }

  /// PostgreSQL has neither answered nor cancelled the statement. If it may be committed, the connection is kept as an
  /// `UnansweredCommit` and the session continues on a new one. Otherwise the connection is closed.
  private func giveUpWaiting() {
    if mayCommit, pool.setAside(connection, silentSince: askedAt) {
      connection = DatabaseConnection(loop: loop, settings: settings)
    }
    lose(DatabaseError(.unanswered, "no answer within \((allowance ?? .zero) + Self.margin)"))
  }

  func connected() {
    if settings.niceness > 0 { connection.giveWay(settings.niceness) }
    prepare()
  }

  func received(_ received: consuming DatabaseResult) {
    pool.recordAnswer()
    switch consume received {
    case .failed(let error):
      preparing = nil
      if failure == nil { failure = error }
    case .command(let affected):
      if let name = preparing {
        prepared.insert(name)
        preparing = nil
      } else {
        result = .command(affected: affected)
      }
    case .rows(let rows): result = .rows(rows)
    case .row(let row):
      guard case .running(let request) = state, case .stream(_, _, let sink) = request.work else { return }
      switch sink.receive(row) {
      case .more: break
      case .pause: connection.pauseRows()
      }
    case .copyIn: putTuples()
    }
  }

  /// Offers the rest of a COPY until all of it is taken or there is no room.
  private func putTuples() {
    guard case .running(let request) = state, case .copy(_, let tuples) = request.work else {
      return connection.failCopy("COPY without data")
    }
    if copied == nil {
      if PostgresBinary.copyHeader[...].withSpan({ connection.putCopy($0) }) == .full { return }
      copied = 0
    }
    while let done = copied, done < tuples.count {
      let end = min(tuples.count, done + DatabaseConnection.maximumCopyChunkBytes)
      if tuples[done..<end].withSpan({ connection.putCopy($0) }) == .full { return }
      copied = end
    }
    if PostgresBinary.copyTrailer[...].withSpan({ connection.putCopy($0) }) == .accepted { connection.endCopy() }
  }

  func finished() {
    answerTimer.map(loop.cancel)
    answerTimer = nil
    let failure = failure.take()
    let answer = result.take() ?? .command(affected: 0)
    switch state {
    case .preparing:
      if let failure { return disconnected(failure.asConnectFailure) }
      backoff.succeeded()
      state = .idle
    case .running(let request):
      state = .idle
      guard let failure else {
        request.complete(answer)
        break
      }
      if failure.isReadOnly {
        // A read-only session stays so; a new one may reach a server that accepts writes.
        lose(failure)
        request.complete(.failed(failure))
        return pool.lost(self, failure)
      }
      request.complete(.failed(failure))
    case .unused, .waiting, .connecting, .idle, .closed: preconditionFailure("an answer that nobody asked for")
    }
    pool.becameIdle(self)
  }

  func drained() { putTuples() }
  func notified(channel: String, payload: String) {}

  func disconnected(_ error: DatabaseError) {
    lose(error)
    pool.lost(self, error)
  }
}
