// One connection of the pool: it reconnects by itself, prepares statements when they are first used, and runs one
// request at a time.

internal import Reactor

enum SessionStatements {
  /// What every session of the admin lane is set to. $1: milliseconds, as PostgreSQL's settings are texts. A server of
  /// version 14 or later also looks whether we are still there while it works, so that an abandoned query ends.
  static let limit = Statement<String, SingleValue<String>>(
    "session_limit",
    """
    SELECT set_config('statement_timeout', $1, false) || coalesce((
      SELECT set_config('client_connection_check_interval', '1s', false)
      FROM pg_settings WHERE name = 'client_connection_check_interval'), '')
    """)

  static let all = [limit.description]
}

final class DatabaseSession {
  private enum State {
    /// Not yet, or not again, connected. → connecting, closed
    case waiting
    /// → running, waiting, closed
    case connecting
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
  private let connection: DatabaseConnection
  private var state = State.waiting
  private var backoff = ReconnectBackoff()
  private var timer: TimerID?
  private var prepared: Set<String> = []
  /// The statement whose PREPARE was sent before its execution, until it is answered.
  private var preparing: String?
  private var result: DatabaseResult?
  private var failure: DatabaseError?

  init(index: Int, loop: EventLoop, settings: DatabaseSettings, pool: DatabasePool) {
    self.index = index
    self.loop = loop
    self.settings = settings
    self.pool = pool
    connection = DatabaseConnection(loop: loop, settings: settings)
  }

  /// Takes requests, and is nobody's.
  var isFree: Bool {
    if case .idle = state { return !isLeased }
    return false
  }

  /// Neither connected nor about to be.
  var isDown: Bool {
    switch state {
    case .waiting, .closed: true
    case .connecting, .idle, .running: false
    }
  }

  func use(_ settings: DatabaseSettings) {
    isLimitStale = isLimitStale || settings.adminStatementTimeout != self.settings.adminStatementTimeout
    self.settings = settings
  }

  /// Sets the session to its time limit. It must be idle.
  func limit() {
    isLimitStale = false
    run(
      DatabaseRequest(
        id: 0,
        work: .statement(
          SessionStatements.limit.description,
          SessionStatements.limit.encode(settings.adminStatementTimeout.settingText)),
        complete: { _ in }))
  }

  func connect() {
    state = .connecting
    connection.connect(self)
  }

  func run(_ request: DatabaseRequest) {
    guard case .idle = state else { preconditionFailure("a request was given to a session that is not idle") }
    state = .running(request)
    switch request.work {
    case .script(let sql):
      connection.send(sql)
    case .commit:
      if connection.isTransactionFailed {
        failure = DatabaseError(
          .statement, "a statement of the transaction failed", sqlstate: SQLState.failedTransaction)
      }
      connection.send(failure == nil ? "COMMIT" : "ROLLBACK")
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

  /// Takes the session back. One whose transaction was left open starts anew.
  func endLease() {
    isLeased = false
    generation += 1
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
    timer = nil
    connect()
  }

  func connected() {
    state = .idle
    if settings.niceness > 0 { connection.giveWay(settings.niceness) }
    limit()
  }

  func received(_ received: consuming DatabaseResult) {
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
    case .copyIn: connection.failCopy("COPY is not for the admin lane")
    }
  }

  func finished() {
    guard case .running(let request) = state else { preconditionFailure("an answer that nobody asked for") }
    backoff.succeeded()
    state = .idle
    let answer = result.take() ?? .command(affected: 0)
    if let failure {
      self.failure = nil
      request.complete(.failed(failure))
    } else {
      request.complete(answer)
    }
    pool.becameIdle(self)
  }

  func drained() {}
  func notified(channel: String, payload: String) {}

  func disconnected(_ error: DatabaseError) {
    lose(error)
    pool.lost(self, error)
  }
}
