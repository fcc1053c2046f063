// The connections of the endpoints and tasks, and the queue of requests for them. It lives on the database's own loop.

internal import Reactor

final class DatabasePool {
  /// How often requests that pacing has delayed are tried again.
  private static let pacingInterval = Duration.milliseconds(20)

  private struct Waiting {
    enum Wish {
      case request(DatabaseRequest)
      case lease(@Sendable (Result<LeaseID, DatabaseError>) -> Void)
    }

    let id: UInt64
    let wish: Wish
    let since: MonotonicTime
    let deadline: MonotonicTime
    /// A session was free, but `QueryPacing` delayed the request for the sake of pushes.
    var wasPutOff = false

    func fail(_ error: DatabaseError) {
      switch wish {
      case .request(let request): request.complete(.failed(error))
      case .lease(let complete): complete(.failure(error))
      }
    }
  }

  private let loop: EventLoop
  private var settings: DatabaseSettings
  private var sessions: [DatabaseSession] = []
  private var listeners: [NotificationListener] = []
  private var queue: [Waiting] = []
  private var timer: TimerID?
  /// Set while a request is delayed by pacing.
  private var pacingTimer: TimerID?
  private var isShutDown = false
  /// Sessions whose commits got no answer, at most `admin_connections`. At that number the pool refuses every change
  /// until one of them ends, because the change would hang as well.
  private var unanswered: [UnansweredCommit] = []
  private let signs: DatabaseSigns

  init(loop: EventLoop, settings: DatabaseSettings, signs: DatabaseSigns = DatabaseSigns()) {
    self.loop = loop
    self.settings = settings
    self.signs = signs
  }

  func start() {
    sessions = (0..<settings.adminConnections).map {
      DatabaseSession(index: $0, loop: loop, settings: settings, pool: self)
    }
    sessions.first?.connect()
  }

  /// Connects another session if one is still unused. Sessions are connected only when they are needed, so that a
  /// server with few requests leaves the database's connections to others, above all to writers.
  private func grow() { sessions.first(where: \.isUnused)?.connect() }

  /// Applies changed settings to later requests. A busy session takes over its new time limit when it is free.
  func apply(_ settings: DatabaseSettings) {
    var settings = settings
    settings.pacing = self.settings.pacing
    self.settings = settings
    for session in sessions {
      session.apply(settings)
      becameIdle(session)
    }
  }

  /// Starts a listener, on a session beside the pooled ones.
  func listen(_ channel: NotificationListener.Channel, _ onEvent: @escaping NotificationListener.EventHandler) {
    if isShutDown { return }
    let listener = NotificationListener(channel: channel, loop: loop, settings: settings, onEvent)
    listeners.append(listener)
    listener.connect()
  }

  func submit(_ request: DatabaseRequest) { enqueue(.request(request), id: request.id) }

  /// Lends a session. `complete` is called with the lease's id, or with the error.
  func lease(id: UInt64, _ complete: @escaping @Sendable (Result<LeaseID, DatabaseError>) -> Void) {
    enqueue(.lease(complete), id: id)
  }

  /// Runs a request on a session that was lent.
  func submit(_ request: DatabaseRequest, on lease: LeaseID) {
    if sessions.indices.contains(lease.session), sessions[lease.session].isHeld(by: lease) {
      sessions[lease.session].run(request)
    } else {
      request.complete(.failed(DatabaseError(.connectionLost, "the leased session is gone")))
    }
  }

  func allow(_ time: Duration?, _ lease: LeaseID) {
    guard sessions.indices.contains(lease.session), sessions[lease.session].isOf(lease) else { return }
    sessions[lease.session].allow(time)
  }

  func resumeRows(of lease: LeaseID) {
    guard sessions.indices.contains(lease.session), sessions[lease.session].isOf(lease) else { return }
    sessions[lease.session].resumeRows()
  }

  /// Ends what a lent session is doing, by closing its connection.
  func abandon(_ lease: LeaseID) {
    guard sessions.indices.contains(lease.session), sessions[lease.session].isOf(lease) else { return }
    sessions[lease.session].abandon()
  }

  func endLease(_ lease: LeaseID) {
    guard sessions.indices.contains(lease.session) else { return }
    let session = sessions[lease.session]
    if session.isHeld(by: lease) {
      session.endLease()
      becameIdle(session)
    }
  }

  /// Cancels a waiting request. A running request continues; `statement_timeout` bounds it.
  func cancel(id: UInt64) {
    guard let index = queue.firstIndex(where: { $0.id == id }) else { return }
    queue.remove(at: index).fail(DatabaseError(.cancelled, "cancelled while waiting"))
  }

  func shutDown() {
    isShutDown = true
    timer.map(loop.cancel)
    timer = nil
    pacingTimer.map(loop.cancel)
    pacingTimer = nil
    failAll(DatabaseError(.shutDown, "the database client was shut down"))
    for session in sessions { session.close() }
    sessions.removeAll()
    for commit in unanswered { commit.close() }
    unanswered.removeAll()
    for listener in listeners { listener.close() }
    listeners.removeAll()
  }

  /// The numbers of sessions and waiting requests.
  var state: DatabasePoolState {
    DatabasePoolState(
      sessions: sessions.count, connected: sessions.count { $0.isConnected },
      busy: sessions.count { $0.isConnected && !$0.isFree }, waiting: queue.count, unanswered: unanswered.count)
  }

  /// Called when a session may be free again.
  func becameIdle(_ session: DatabaseSession) {
    if session.isFree, session.isLimitStale { return session.prepare() }
    while !queue.isEmpty, session.isFree, mayServe(&queue[0]) { serve(queue.removeFirst(), by: session) }
    settings.pacing?.setWaiting(queue.count)
  }

  /// Notes the time at which the database has answered something.
  func recordAnswer() { signs.record(loop.now) }

  /// Whether the pool keeps as many unanswered commits as it may. It then begins no further change.
  var hasStalled: Bool { unanswered.count >= settings.adminConnections }

  /// Keeps a connection as an `UnansweredCommit`. - Returns: false if there are `admin_connections` of them already.
  func setAside(_ connection: DatabaseConnection, silentSince time: MonotonicTime) -> Bool {
    if isShutDown || hasStalled { return false }
    unanswered.append(
      UnansweredCommit(connection, since: time) { [unowned self, unowned connection] in
        unanswered.removeAll { $0.isOf(connection) }
      })
    return true
  }

  /// A session is lost, or an attempt to connect failed. Waiting requests fail if no session is connected or
  /// connecting.
  func lost(_ session: DatabaseSession, _ error: DatabaseError) {
    if sessions.allSatisfy(\.isDown) { failAll(error) }
  }

  private func enqueue(_ wish: Waiting.Wish, id: UInt64) {
    var waiting = Waiting(
      id: id, wish: wish, since: loop.now, deadline: loop.now.advanced(by: settings.adminQueueDeadline))
    if isShutDown {
      waiting.fail(DatabaseError(.shutDown, "the database client was shut down"))
    } else if queue.isEmpty, let session = sessions.first(where: \.isFree), mayServe(&waiting) {
      serve(waiting, by: session)
    } else if queue.count >= settings.adminQueueLimit {
      waiting.fail(
        DatabaseError(.overloaded(limit: settings.adminQueueLimit), "too many requests wait for the database"))
    } else {
      queue.append(waiting)
      settings.pacing?.setWaiting(queue.count)
      armTimer()
      grow()
    }
  }

  /// Whether pacing lets this request begin, now that a session is free. If not, a timer tries it again soon.
  private func mayServe(_ waiting: inout Waiting) -> Bool {
    guard let pacing = settings.pacing else { return true }
    let may = pacing.mayBegin(
      since: waiting.since, of: sessions.count, wasPutOff: waiting.wasPutOff, at: loop.now)
    if may { return true }
    waiting.wasPutOff = true
    if pacingTimer == nil { pacingTimer = loop.schedule(self, at: loop.now + Self.pacingInterval) }
    return false
  }

  private func serve(_ waiting: Waiting, by session: DatabaseSession) {
    switch waiting.wish {
    case .request(let request): session.run(request)
    case .lease(let complete): complete(.success(session.lend()))
    }
  }

  private func failAll(_ error: DatabaseError) {
    let failed = queue
    queue.removeAll()
    for waiting in failed { waiting.fail(error) }
  }

  private func armTimer() {
    guard timer == nil, let first = queue.first else { return }
    timer = loop.schedule(self, at: first.deadline)
  }
}

extension DatabasePool: DeadlineHandler {
  func deadlineReached(_ id: TimerID) {
    if id == pacingTimer {
      pacingTimer = nil
      for session in sessions { becameIdle(session) }
      return
    }
    timer = nil
    while let first = queue.first, first.deadline <= loop.now {
      queue.removeFirst().fail(DatabaseError(.waitedTooLong, "no database connection became free"))
    }
    armTimer()
  }
}
