internal import CEpoll.Postgres
internal import Glibc

/// The settings of one database client. Each duration is an upper limit. Each value that has a setting comes from
/// `Settings`, so its default is the setting's.
struct DatabaseSettings: Sendable {
  var address: DatabaseAddress
  /// The name shown in pg_stat_activity.
  var applicationName = "pganalytics"
  /// The longest time from the first packet until the session accepts statements.
  var connectDeadline: Duration = .seconds(10)
  /// Connections for the endpoints and tasks of the cooperative pool.
  var adminConnections: Int
  /// How many requests may wait for a connection. A further request fails with `.overloaded`.
  var adminQueueLimit: Int
  /// How long a request may wait for a connection before it fails with `.waitedTooLong`.
  var adminQueueDeadline: Duration
  /// `statement_timeout` of those connections.
  var adminStatementTimeout: Duration
  /// Decides whether a request has to wait for pushes before it gets a connection; nil if requests never wait for
  /// pushes.
  var pacing: QueryPacing?
  /// The nice(2) value for the backends, where this process may set it; 0 leaves their priority unchanged.
  var niceness = 0

  /// The settings of the REST API's connections, or of a single session.
  /// - Parameter settings: the defaults for a session outside the server, which has no queue.
  init(address: DatabaseAddress, _ settings: Settings = Settings()) {
    self.address = address
    adminConnections = settings.adminConnections
    adminQueueLimit = settings.adminQueue
    adminQueueDeadline = settings.adminQueueDeadline
    adminStatementTimeout = settings.queryTimeout
  }
}

extension Settings {
  func databaseSettings(_ address: DatabaseAddress) -> DatabaseSettings { DatabaseSettings(address: address, self) }

  /// The settings of the database client for metrics queries.
  func querySettings(_ address: DatabaseAddress, _ pacing: QueryPacing? = nil) -> DatabaseSettings {
    var database = databaseSettings(address)
    database.pacing = pacing
    database.niceness = queryNice
    database.applicationName = "pganalytics queries"
    database.adminConnections = queryConnections
    database.adminQueueDeadline = queryQueueDeadline
    return database
  }
}

extension DatabaseSettings {
  /// Begins a connection. - Returns: a PGconn for `PQconnectPoll` and `PQfinish`; nil if memory ran out.
  func startSession() -> OpaquePointer? {
    // Keepalives detect a peer that vanished without a FIN. Values in the address come later and replace these.
    var defaults = [
      ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
      ("tcp_user_timeout", "30000"), ("application_name", applicationName),
      // With GSSAPI encryption libpq looks for tickets and asks Kerberos servers while the loop waits. It has to be
      // requested explicitly.
      ("gssencmode", "disable"),
    ]
    let given = address.parameters.map { ($0.keyword, $0.value) }
    if given.contains(where: { $0.0.hasPrefix("host") && $0.1.contains(",") }) {
      // With several hosts, libpq chooses the primary. `read-write` would also reject a primary whose role has a
      // read-only default.
      defaults.append(("target_session_attrs", "primary"))
    }
    let parameters =
      defaults.filter { pair in !given.contains { $0.0 == pair.0 } } + given + [("client_encoding", "UTF8")]
    // Safety: both arrays end in a null pointer, and their strings are alive until PQconnectStartParams has copied them.
    let keywords = parameters.map { strdup($0.0) } + [nil]
    let values = parameters.map { strdup($0.1) } + [nil]
    defer { for text in keywords + values { free(text) } }
    return PQconnectStartParams(keywords.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, 0)
  }
}
