// One connection of the pool: it reconnects by itself, prepares statements when they are first used, and runs one
// request at a time.

internal import Protocol
internal import Reactor

final class DatabaseSession {
  /// From when PostgreSQL should have cancelled a statement by itself to when we give up waiting for that.
  static let margin = Duration.seconds(2)

  private enum State {
    /// Never connected: the pool has not needed it. → connecting, closed
    case unused
    /// Not again connected. → connecting, closed
    case waiting
    /// → preparing, waiting, closed
    case connecting
    /// What every session is set to is on its way. → idle, waiting, closed
    case preparing
    /// → running, waiting, closed
    case idle
    /// → idle, waiting, closed
    case running(DatabaseRequest)
    case closed
  }

  let index: Int
  /// How often it was lent or lost: a lease names its own.
  private(set) var generation: UInt64 = 0
  private(set) var isLeased = false {
    didSet {
      switch (oldValue, isLeased) {
      case (false, true): settings.pacing?.began()
      case (true, false): settings.pacing?.ended(at: loop.now)
      case (true, true), (false, false): break
      }
    }
  }

  private let loop: EventLoop
  private var settings: DatabaseSettings
  /// Whether its `statement_timeout` is another than the settings'.
  private(set) var isLimitStale = false
  private unowned let pool: DatabasePool
  private var connection: DatabaseConnection
  private var state = State.unused
  private var backoff = ReconnectBackoff()
  private var timer: TimerID?
  private var prepared: Set<String> = []
  /// The statement whose PREPARE was sent before its execution, until it is answered.
  private var preparing: String?
  private var result: DatabaseResult?
  private var failure: DatabaseError?
  /// Bytes of a COPY's tuples that were taken; nil: its header was not.
  private var copied: Int?
  /// When to give up waiting for the answer of what runs.
  private var answerTimer: TimerID?
  /// How long what runs may take: see `DatabaseLease.allow`.
  private var allowance: Duration?
  /// Whether what runs is committed if it is answered well.
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

  /// Takes requests, and is nobody's.
  var isFree: Bool {
    if case .idle = state { return !isLeased }
    return false
  }

  var isUnused: Bool {
    if case .unused = state { return true }
    return false
  }

  /// Neither connected nor about to be.
  var isDown: Bool {
    switch state {
    case .unused, .waiting, .closed: true
    case .connecting, .preparing, .idle, .running: false
    }
  }

  func use(_ settings: DatabaseSettings) {
    isLimitStale = isLimitStale || settings.adminStatementTimeout != self.settings.adminStatementTimeout
    self.settings = settings
    if !isLeased { allowance = settings.adminStatementTimeout }
  }

  /// Sets the session to what every session has, and to its time limit. It must be idle.
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
      return request.complete(.failed(DatabaseError(.unanswered, "commits of before have no answer yet")))
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

  /// Takes the session back. One whose transaction was left open starts anew.
  func endLease() {
    isLeased = false
    generation += 1
    allowance = settings.adminStatementTimeout
    if case .idle = state, connection.isInTransaction { lose(DatabaseError(.connectionLost, "transaction left open")) }
  }

  /// Whether `lease` still holds this session, and it is not at work for it.
  func isHeld(by lease: LeaseID) -> Bool {
    if case .idle = state { return isLeased && lease.generation == generation }
    return false
  }

  /// Whether `lease` is the one that holds this session, at work or not.
  func isOf(_ lease: LeaseID) -> Bool { isLeased && lease.generation == generation }

  func resumeRows() { connection.resumeRows() }

  /// Drops the connection with what runs on it.
  func abandon() { lose(DatabaseError(.cancelled, "the client went away")) }

  func close() {
    if case .closed = state { return }
    lose(DatabaseError(.connectionLost, "shut down"))
    timer.map(loop.cancel)
    timer = nil
    state = .closed
  }

  /// Drops the connection, fails what ran on it, and tries again after a while.
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

  /// PostgreSQL has neither answered nor cancelled the statement. What may be committed is left to itself (`UnansweredCommit`),
  /// and the session begins anew on another connection; what can't be is closed.
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
    pool.heard()
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

  /// Offers the rest of a COPY until it is taken or there is no room.
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
        // It stays read only: another session may reach a server that writes.
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
