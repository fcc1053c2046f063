// How the programs of PostgreSQL and sessions of this program reach one database.

import Ground

/// The address of a database, and what libpq needs besides it.
struct DatabaseAccess: Sendable {
  let address: DatabaseAddress
  /// The variables that libpq reads, for a database whose address may leave things to them; empty for a private one.
  private let variables: [String]

  /// - Parameter environment: of this process. libpq's variables complete the address, as they do for the server.
  init(_ address: DatabaseAddress, environment: [String: String] = [:]) {
    self.address = address
    variables = environment.filter { $0.key == "HOME" || ($0.key.hasPrefix("PG") && !$0.key.hasPrefix("PGANALYTICS_")) }
      .map { "\($0.key)=\($0.value)" }
  }

  /// The same database as another role.
  func acting(as role: String) -> DatabaseAccess {
    var address = address
    address["user"] = role
    return DatabaseAccess(address, variables)
  }

  private init(_ address: DatabaseAddress, _ variables: [String]) {
    self.address = address
    self.variables = variables
  }

  /// A session whose statements have no time limit.
  func session() throws -> BlockingSession {
    var settings = DatabaseSettings(address: try address.resolved())
    settings.applicationName = "pganalytics backup"
    let session = try BlockingSession(settings)
    // A role or a database may have other defaults.
    _ = try session.rows(
      """
      SET search_path = pg_catalog; SET statement_timeout = 0; SET lock_timeout = 0; SET client_min_messages = error;
      SET idle_session_timeout = 0; SET default_transaction_read_only = off;
      """)
    return session
  }

  /// A program of PostgreSQL that works on the database, and ends with the thread that runs it. Its address is in
  /// `--dbname`; a password is in its environment, which only this user may read.
  func command(_ program: String, _ arguments: [String]) -> Command {
    var command = Command(program, ["--dbname=\(address.connectionString)"] + arguments)
    // The first of two values of a variable counts.
    var own = ["PGAPPNAME=pganalytics backup"]
    if let password = address["password"] { own.append("PGPASSWORD=\(password)") }
    command.environment = own + variables + command.environment
    return command.endingWithThread()
  }
}

extension DatabaseAddress {
  /// The address as keywords and values for libpq, without the password.
  fileprivate var connectionString: String {
    parameters.filter { $0.keyword != "password" }.map { parameter in
      let value = parameter.value.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
      return "\(parameter.keyword)='\(value)'"
    }.joined(separator: " ")
  }
}
