// The requirements on a database, checked before a migration and at each start. A database that would make some later
// push fail is refused here, with one sentence that says what to do.

/// The reason why the program cannot work with this database.
enum SurroundingsFault: Error, Hashable {
  case serverTooOld(version: Int)
  case encoding(String, database: String)
  /// A connection pooler gives the backend of a session to other clients between two transactions.
  case sharedSessions
  /// The server is a standby, or refuses writes for another reason.
  case readOnly(database: String)
  /// A restore has filled only a part of the database.
  case restoreUnfinished
  case tooFewConnections(limit: ConnectionLimit, needed: ConnectionNeed)
  case database(DatabaseError)
}

/// The largest number of sessions that the program may have at once, and the setting that limits it.
enum ConnectionLimit: Hashable {
  case role(String, Int)
  case database(String, Int)
  /// `max_connections` without the reserved ones.
  case server(Int)

  var count: Int {
    switch self {
    case .role(_, let count), .database(_, let count), .server(let count): count
    }
  }
}

/// The number of sessions that one pganalytics server uses, by purpose.
struct ConnectionNeed: Hashable {
  let loops: Int
  let writersPerLoop: Int
  let admin: Int
  let queries: Int
  /// A session that listens for changes (LISTEN).
  let listeners = 1

  init(_ settings: Settings) {
    loops = settings.loopCount
    writersPerLoop = settings.writerConnections
    admin = settings.adminConnections
    queries = settings.queryConnections
  }

  var total: Int { loops * writersPerLoop + admin + queries + listeners }
}

/// Checks a database.
struct Surroundings {
  /// The oldest version whose SQL the statements need.
  static let oldestServerVersion = 140_000

  private let settings: DatabaseSettings

  init(_ settings: DatabaseSettings) { self.settings = settings }

  /// Blocks for a few milliseconds, or for `connectDeadline` if the database does not answer. Never call it on a loop.
  /// - Parameter isForRestore: whether a restore asks, which may go on where an earlier one has stopped.
  /// - Throws: the first reason for which the program cannot work here.
  func check(_ need: ConnectionNeed, forRestore isForRestore: Bool = false) throws(SurroundingsFault) {
    let session = try connect()
    if session.serverVersion < Self.oldestServerVersion { throw .serverTooOld(version: session.serverVersion) }
    try checkDatabase(session, need)
    if !isForRestore, try ask(session, "SELECT to_regnamespace('\(RestoreMark.schema)') IS NOT NULL")[0][0] == "t" {
      throw .restoreUnfinished
    }
    try checkSessions(session)
  }

  private func checkDatabase(_ session: borrowing BlockingSession, _ need: ConnectionNeed) throws(SurroundingsFault) {
    let rows = try ask(
      session,
      """
      SELECT current_database(), pg_encoding_to_char(d.encoding), d.datconnlimit, r.rolname, r.rolconnlimit, r.rolsuper,
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true)::int, 0),
        pg_is_in_recovery()
      FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = session_user
      """)
    guard let row = rows.first, row.count == 8, let database = row[0], let encoding = row[1], let role = row[3] else {
      throw .database(DatabaseError(.unexpectedResult, "the server does not describe its database"))
    }
    if encoding != "UTF8" { throw .encoding(encoding, database: database) }
    if row[7] == "t" { throw .readOnly(database: database) }
    func count(_ column: Int) -> Int? { row[column].flatMap { Int($0) } }
    var limits: [ConnectionLimit] = []
    if let count = count(6) { limits.append(.server(count)) }
    // A superuser is limited by max_connections only (manual, CREATE ROLE and CREATE DATABASE).
    if row[5] == "f" {
      if let count = count(4), count >= 0 { limits.append(.role(role, count)) }
      if let count = count(2), count >= 0 { limits.append(.database(database, count)) }
    }
    if let narrowest = limits.min(by: { $0.count < $1.count }), narrowest.count < need.total {
      throw .tooFewConnections(limit: narrowest, needed: need)
    }
  }

  /// Checks that each session keeps its own backend, because statements are prepared and names are staged in a session.
  /// A pooler that lends backends for a transaction gives the first session's backend to the second one, or gives the
  /// first session another one later.
  private func checkSessions(_ first: borrowing BlockingSession) throws(SurroundingsFault) {
    let pid = "SELECT pg_backend_pid()"
    let own = try ask(first, pid)
    let second = try connect()
    do throws(DatabaseError) {
      _ = try second.rows("BEGIN")
      let other = try second.rows(pid)
      if other == own { throw DatabaseError(.unexpectedResult, "two sessions share a backend") }
    } catch {
      // A pooler that lends backends for a statement rejects a transaction with its own message.
      if error.kind == .unexpectedResult || error.message.contains("pooling mode") { throw .sharedSessions }
      throw .database(error)
    }
    if try ask(first, pid) != own { throw .sharedSessions }
  }

  private func connect() throws(SurroundingsFault) -> BlockingSession {
    do throws(DatabaseError) {
      let session = try BlockingSession(settings)
      // A database or a role may have functions with the names of PostgreSQL's functions and a search_path that finds
      // them first.
      _ = try session.rows("SET search_path = pg_catalog")
      return session
    } catch {
      throw .database(error)
    }
  }

  private func ask(_ session: borrowing BlockingSession, _ sql: String) throws(SurroundingsFault) -> [[String?]] {
    do throws(DatabaseError) { return try session.rows(sql) } catch { throw .database(error) }
  }
}

// MARK: - Sentences

extension SurroundingsFault: CustomStringConvertible {
  var description: String {
    switch self {
    case .serverTooOld(let version):
      "PostgreSQL \(version / 10_000) is too old: pgAnalytics needs PostgreSQL "
        + "\(Surroundings.oldestServerVersion / 10_000) or newer."
    case .encoding(let encoding, let database):
      "The database \(database) has the encoding \(encoding), and pgAnalytics stores UTF8: make another one with "
        + "CREATE DATABASE \(database) ENCODING 'UTF8' TEMPLATE template0."
    case .sharedSessions:
      "A connection pooler shares database sessions between transactions, and pgAnalytics needs sessions of its own: "
        + "give its database pool_mode=session in PgBouncer, or connect to PostgreSQL directly."
    case .readOnly(let database):
      "The database \(database) is a standby and takes no writes: give the address of the primary."
    case .restoreUnfinished: RestoreMark.sentence
    case .tooFewConnections(let limit, let need):
      "\(limit), and pgAnalytics needs \(need): raise the limit, or lower these settings."
    case .database(let error): error.connectionAdvice
    }
  }
}

extension ConnectionLimit: CustomStringConvertible {
  var description: String {
    switch self {
    case .role(let name, let count): "The role \(name) may have \(count) connections (CONNECTION LIMIT)"
    case .database(let name, let count): "The database \(name) permits \(count) connections (CONNECTION LIMIT)"
    case .server(let count): "PostgreSQL permits \(count) connections (max_connections without the reserved ones)"
    }
  }
}

extension ConnectionNeed: CustomStringConvertible {
  var description: String {
    "\(total) (\(loops * writersPerLoop) for pushes: loops \(loops) x writer_connections \(writersPerLoop); "
      + "admin_connections \(admin); query_connections \(queries); \(listeners) to hear of changes)"
  }
}

extension DatabaseError {
  /// One sentence for a terminal about a database that does not work.
  fileprivate var connectionAdvice: String {
    isConnectionLoss ? "The database cannot be reached: \(description)." : "The database refuses: \(description)."
  }
}
