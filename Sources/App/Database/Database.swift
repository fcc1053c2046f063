internal import Reactor
internal import Synchronization

/// The admin lane's database client: pooled sessions on a loop of their own, reached from any task.
final class Database: DatabaseClient {
  private let thread: LoopThread
  private let pool: LoopBound<DatabasePool>
  private let lastID = Atomic<UInt64>(0)
  private let signs: DatabaseSigns

  private init(thread: LoopThread, pool: LoopBound<DatabasePool>, signs: DatabaseSigns) {
    self.thread = thread
    self.pool = pool
    self.signs = signs
  }

  /// When it last answered anything.
  var answeredAt: MonotonicTime { signs.last }

  /// Starts the thread and begins to connect; requests may come at once. End it with `shutDown`.
  /// - Parameter index: the loop's number, for statistics.
  static func start(_ settings: DatabaseSettings, index: Int = 0) throws -> Database {
    let birth = PoolBirth()
    let signs = DatabaseSigns()
    let thread = try LoopThread.start(name: "database", index: index) { loop in
      let pool = DatabasePool(loop: loop, settings: settings, signs: signs)
      pool.start()
      birth.pool.withLock { $0 = LoopBound(pool, on: loop) }
    }
    guard let pool = birth.pool.withLock({ $0 }) else { preconditionFailure("the loop started without its pool") }
    return Database(thread: thread, pool: pool, signs: signs)
  }

  /// Fails what waits, closes the sessions (what is in flight may have happened), ends the thread and waits for it: a
  /// few milliseconds.
  func shutDown() {
    thread.handle.submit { [pool] loop in pool.value(on: loop).shutDown() }
    thread.stop()
    thread.join()
  }

  func answer<Value: Sendable>(
    _ work: DatabaseRequest.Work,
    _ read: @escaping @Sendable (consuming DatabaseResult) -> Result<Value, DatabaseError>
  ) async throws(DatabaseError) -> Value {
    try await wait { pool, id, resume in
      pool.submit(DatabaseRequest(id: id, work: work) { resume(read($0)) })
    }
  }

  fileprivate func answer<Value: Sendable>(
    _ work: DatabaseRequest.Work, on lease: LeaseID,
    _ read: @escaping @Sendable (consuming DatabaseResult) -> Result<Value, DatabaseError>
  ) async throws(DatabaseError) -> Value {
    try await wait { pool, id, resume in
      pool.submit(DatabaseRequest(id: id, work: work) { resume(read($0)) }, on: lease)
    }
  }

  /// Delivers the notifications of a channel, over a session of its own that reconnects by itself.
  /// - Parameter onEvent: called on the database's loop; it must not block.
  func listen(channel: NotificationListener.Channel, _ onEvent: @escaping NotificationListener.EventHandler) {
    thread.handle.submit { [pool] loop in pool.value(on: loop).listen(channel, onEvent) }
  }

  /// Follows limits and time limits; address, number of connections and pacing stay as they were at the start.
  func use(_ settings: DatabaseSettings) { withPool { $0.use(settings) } }

  fileprivate func withPool(_ work: @escaping @Sendable (DatabasePool) -> Void) {
    thread.handle.submit { [pool] loop in work(pool.value(on: loop)) }
  }

  /// Suspends until `begin`, run on the loop, or what it started, has called `resume`.
  private func wait<Value: Sendable>(
    _ begin:
      @escaping @Sendable (
        _ pool: DatabasePool, _ id: UInt64, _ resume: @escaping @Sendable (Result<Value, DatabaseError>) -> Void
      ) -> Void
  ) async throws(DatabaseError) -> Value {
    if Task.isCancelled { throw DatabaseError(.cancelled, "cancelled before it was asked") }
    let id = lastID.add(1, ordering: .relaxed).newValue
    let result: Result<Value, DatabaseError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let accepted = thread.handle.submit { [pool] loop in
          begin(pool.value(on: loop), id) { continuation.resume(returning: $0) }
        }
        if !accepted {
          continuation.resume(returning: .failure(DatabaseError(.shutDown, "the database client was shut down")))
        }
      }
    } onCancel: {
      thread.handle.submit { [pool] loop in pool.value(on: loop).cancel(id: id) }
    }
    return try result.get()
  }
}

/// Carries the pool from the thread it is born on to who starts the thread.
private final class PoolBirth: Sendable {
  let pool = Mutex<LoopBound<DatabasePool>?>(nil)
}

/// One session, for a while: for transactions and for what must not change sessions in between.
struct DatabaseLease: DatabaseClient {
  fileprivate let database: Database
  fileprivate let id: LeaseID

  func answer<Value: Sendable>(
    _ work: DatabaseRequest.Work,
    _ read: @escaping @Sendable (consuming DatabaseResult) -> Result<Value, DatabaseError>
  ) async throws(DatabaseError) -> Value {
    try await database.answer(work, on: id, read)
  }
}

extension DatabaseLease {
  /// Executes a statement and hands its rows to `sink`, one by one as they arrive; returns after the last.
  /// - Throws: what ended it early, `.cancelled` after `abandon` among that. Rows may have been handed over before.
  func stream(
    _ statement: StatementDescription, _ parameters: EncodedParameters, to sink: any RowSink
  ) async throws(DatabaseError) {
    _ = try await answer(.stream(statement, parameters, sink)) { result -> Result<Int, DatabaseError> in
      switch consume result {
      case .rows(let rows): .success(rows.affected)
      case .command(let affected): .success(affected)
      case .failed(let error): .failure(error)
      case .row: .failure(DatabaseError(.unexpectedResult, "a row out of order"))
      case .copyIn: .failure(DatabaseError(.unexpectedResult, "COPY"))
      }
    }
  }

  /// Runs a `COPY ... FROM STDIN (FORMAT binary)`. - Parameter tuples: without header and trailer.
  func copy(_ sql: String, _ tuples: [UInt8]) async throws(DatabaseError) {
    _ = try await answer(.copy(sql, tuples: tuples)) { result -> Result<Int, DatabaseError> in
      switch consume result {
      case .rows(let rows): .success(rows.affected)
      case .command(let affected): .success(affected)
      case .failed(let error): .failure(error)
      case .row: .failure(DatabaseError(.unexpectedResult, "a single row"))
      case .copyIn: .failure(DatabaseError(.unexpectedResult, "COPY"))
      }
    }
  }

  /// How long statements of this lease may take from here on, for a caller who has set `statement_timeout` to that; nil: as
  /// long as they need.
  func allow(_ time: Duration?) {
    database.withPool { [id] in $0.allow(time, id) }
  }

  /// Goes on with a stream whose sink said `.pause`. From any thread.
  func resumeRows() {
    database.withPool { [id] in $0.resumeRows(of: id) }
  }

  /// Gives up what runs on the session, for good: the connection is closed, and the server stops working for it within
  /// a second (`client_connection_check_interval`). From any thread.
  func abandon() {
    database.withPool { [id] in $0.abandon(id) }
  }

  /// Runs `body` between BEGIN and COMMIT; if it throws, ROLLBACK instead, and the error goes on.
  /// - Parameter begin: BEGIN, with the modes of the transaction.
  nonisolated(nonsending) func transaction<Value, Failure: DatabaseFailure>(
    _ begin: StaticString = "BEGIN", _ body: (DatabaseLease) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    do throws(DatabaseError) { try await script(begin.description) } catch { throw Failure(error) }
    let value: Value
    do throws(Failure) {
      value = try await body(self)
    } catch {
      // A rollback that fails has lost its session, and with it the transaction: the first error is the one to tell.
      do throws(DatabaseError) { try await script("ROLLBACK") } catch {}
      throw error
    }
    do throws(DatabaseError) { try await commit() } catch { throw Failure(error) }
    return value
  }

  private func commit() async throws(DatabaseError) {
    _ = try await answer(.commit) { result -> Result<Int, DatabaseError> in
      switch consume result {
      case .failed(let error): .failure(error)
      case .command(let affected): .success(affected)
      case .rows(let rows): .success(rows.affected)
      case .row: .failure(DatabaseError(.unexpectedResult, "a single row"))
      case .copyIn: .failure(DatabaseError(.unexpectedResult, "COPY"))
      }
    }
  }
}

extension Database {
  /// Lends a session for the time of `body`. A transaction left open is rolled back with its session.
  nonisolated(nonsending) func lease<Value, Failure: DatabaseFailure>(
    _ body: (DatabaseLease) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let id: LeaseID
    do throws(DatabaseError) {
      id = try await wait { pool, id, resume in pool.lease(id: id, resume) }
    } catch {
      throw Failure(error)
    }
    defer { thread.handle.submit { [pool] loop in pool.value(on: loop).endLease(id) } }
    return try await body(DatabaseLease(database: self, id: id))
  }

  /// A transaction on a session of its own. The body's error type needs one initialiser: `init(_: DatabaseError)`.
  ///
  ///     try await database.transaction { session throws(Problem) in ... }
  nonisolated(nonsending) func transaction<Value, Failure: DatabaseFailure>(
    _ body: (DatabaseLease) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    try await lease { session throws(Failure) in try await session.transaction("BEGIN", body) }
  }
}
