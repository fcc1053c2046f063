internal import Reactor
internal import Synchronization

/// The database client of the endpoints and tasks, which run on the cooperative pool. Its pooled sessions live on a
/// loop of their own, and any task may call it.
final class Database: DatabaseClient {
  /// The loop and the pool on it; nil for a client that was never started.
  private let home: (thread: LoopThread, pool: LoopBound<DatabasePool>)?
  private let lastID = Atomic<UInt64>(0)
  private let signs: DatabaseSigns

  private init(thread: LoopThread, pool: LoopBound<DatabasePool>, signs: DatabaseSigns) {
    home = (thread, pool)
    self.signs = signs
  }

  private init() {
    home = nil
    signs = DatabaseSigns()
  }

  /// A client without a database, for declarations that need one: every request fails with `.shutDown`.
  static let none = Database()

  /// When the database last answered a request.
  var answeredAt: MonotonicTime { signs.last }

  /// Starts the loop's thread and begins to connect. Requests may be made at once. End the client with `shutDown`.
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

  /// Fails waiting requests, closes the sessions, stops the thread and waits for its end, which takes a few
  /// milliseconds. Requests in flight may have taken effect.
  func shutDown() {
    withPool { $0.shutDown() }
    home?.thread.stop()
    home?.thread.join()
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

  /// Delivers the notifications of a channel, over a separate session that reconnects by itself.
  /// - Parameter onEvent: called on the database's loop; it must not block.
  func listen(channel: NotificationListener.Channel, _ onEvent: @escaping NotificationListener.EventHandler) {
    withPool { $0.listen(channel, onEvent) }
  }

  /// Applies changed limits and time limits. Address, number of connections and pacing keep their values from the
  /// start.
  func apply(_ settings: DatabaseSettings) { withPool { $0.apply(settings) } }

  /// The state of the pool; nil if the client was shut down, or never started. It does not return while the loop hangs.
  func poolState() async -> DatabasePoolState? {
    await withCheckedContinuation { continuation in
      if !withPool({ continuation.resume(returning: $0.state) }) { continuation.resume(returning: nil) }
    }
  }

  /// Runs `work` on the loop. - Returns: false if the client was shut down, or never started.
  @discardableResult
  fileprivate func withPool(_ work: @escaping @Sendable (DatabasePool) -> Void) -> Bool {
    guard let home else { return false }
    return home.thread.handle.submit { [pool = home.pool] loop in work(pool.value(on: loop)) }
  }

  /// Suspends the task until `resume` is called. `begin` runs on the loop and calls it, or starts the work that calls
  /// it.
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
        let accepted = withPool { pool in begin(pool, id) { continuation.resume(returning: $0) } }
        if !accepted {
          continuation.resume(returning: .failure(DatabaseError(.shutDown, "the database client was shut down")))
        }
      }
    } onCancel: {
      withPool { $0.cancel(id: id) }
    }
    return try result.get()
  }
}

/// Hands the pool from the loop's thread, which creates it, to the thread that calls `start`.
private final class PoolBirth: Sendable {
  let pool = Mutex<LoopBound<DatabasePool>?>(nil)
}

/// A session lent to one caller: for transactions, and for statements that have to run on the same session.
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
  /// Executes a statement and hands its rows to `sink` one by one as they arrive. Returns after the last row.
  /// - Throws: the error that ended the stream early, such as `.cancelled` after `abandon`. `sink` may have received
  ///   rows before.
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

  /// Runs a `COPY ... FROM STDIN (FORMAT binary)`. - Parameter tuples: the tuples without header and trailer.
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

  /// Sets how long later statements of this lease may take before the client gives up waiting; nil: without limit. For
  /// a caller that has set `statement_timeout` to the same time.
  func allow(_ time: Duration?) {
    database.withPool { [id] in $0.allow(time, id) }
  }

  /// Resumes a stream whose sink returned `.pause`. May be called from any thread.
  func resumeRows() {
    database.withPool { [id] in $0.resumeRows(of: id) }
  }

  /// Ends the statement that runs on the session by closing the connection. The server stops its work within a second
  /// (`client_connection_check_interval`). May be called from any thread.
  func abandon() {
    database.withPool { [id] in $0.abandon(id) }
  }

  /// Runs `body` between BEGIN and COMMIT. If `body` throws, sends ROLLBACK and rethrows the error.
  /// - Parameter begin: the BEGIN statement, with the modes of the transaction.
  nonisolated(nonsending) func transaction<Value, Failure: DatabaseFailure>(
    _ begin: StaticString = "BEGIN", _ body: (DatabaseLease) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    do throws(DatabaseError) { try await script(begin.description) } catch { throw Failure(error) }
    let value: Value
    do throws(Failure) {
      value = try await body(self)
    } catch {
      // If the rollback fails, the session is lost and the transaction with it. The first error is the useful one.
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
  /// Lends a session to `body`. If `body` leaves a transaction open, the session is closed, which rolls it back.
  nonisolated(nonsending) func lease<Value, Failure: DatabaseFailure>(
    _ body: (DatabaseLease) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let id: LeaseID
    do throws(DatabaseError) {
      id = try await wait { pool, id, resume in pool.lease(id: id, resume) }
    } catch {
      throw Failure(error)
    }
    defer { withPool { $0.endLease(id) } }
    return try await body(DatabaseLease(database: self, id: id))
  }

  /// Runs `body` in a transaction on a session of its own. The body's error type needs the initialiser `init(_:
  /// DatabaseError)`.
  ///
  ///     try await database.transaction { session throws(Problem) in ... }
  nonisolated(nonsending) func transaction<Value, Failure: DatabaseFailure>(
    _ body: (DatabaseLease) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    try await lease { session throws(Failure) in try await session.transaction("BEGIN", body) }
  }
}
