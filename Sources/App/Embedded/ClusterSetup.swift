// initdb, then the role and the database: what happens once in a cluster's life, and is checked at every start.

internal import CEpoll.Postgres
internal import Glibc

struct ClusterSetup: Sendable {
  let layout: ClusterLayout
  let binaries: PostgresBinaries
  let limit: Duration

  /// The major version of the cluster at `path`; nil if there is none.
  static func majorVersion(ofClusterAt path: String) -> Int? {
    LocalFile.tail(of: path + "/PG_VERSION", limit: 16).flatMap { Int($0.prefix { $0.isNumber }) }
  }

  /// Makes the cluster under another name and renames it: one that exists is complete.
  func makeCluster() throws(EmbeddedPostgresError) {
    let unfinished = layout.cluster + ".new"
    if LocalFile.exists(unfinished) {
      try Command("/usr/bin/rm", ["-rf", "--one-file-system", "--", unfinished]).run(limit: limit)
    }
    try ClusterLayout.makeOwned(unfinished, layout.owner, layout.isForeign)
    var initdb = Command(
      binaries.initdb,
      [
        "--pgdata=\(unfinished)", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
        "--auth-local=peer", "--auth-host=reject", "--no-instructions",
      ])
    if layout.isForeign { initdb = initdb.running(as: layout.owner) }
    try initdb.run(limit: limit)
    try LocalFile.rename(unfinished, to: layout.cluster)
  }

  /// Makes what is missing of role and database. The role owns its database and is nothing more, but for
  /// `lc_messages`: the writer reads line numbers from error messages and asks for them in English.
  func makeDatabase() throws(EmbeddedPostgresError) {
    let connection = try SetupConnection(layout.connectionString(role: "postgres", database: "postgres"))
    if try connection.rows("SELECT 1 FROM pg_roles WHERE rolname = 'pganalytics'") == 0 {
      _ = try connection.rows("CREATE ROLE pganalytics LOGIN")
    }
    if try connection.rows("SELECT 1 FROM pg_database WHERE datname = 'pganalytics'") == 0 {
      _ = try connection.rows("CREATE DATABASE pganalytics OWNER pganalytics TEMPLATE template0 ENCODING 'UTF8'")
    }
    if connection.serverVersion >= 150_000 {
      _ = try connection.rows("GRANT SET ON PARAMETER lc_messages TO pganalytics")
    }
  }
}

/// A blocking connection of the cluster's superuser, for the few fixed statements above.
private struct SetupConnection: ~Copyable {
  private let raw: OpaquePointer

  init(_ connectionString: String) throws(EmbeddedPostgresError) {
    // Safety: PQconnectdb is nil only without memory; the pointer is finished in deinit, and here if it fails.
    let raw = PQconnectdb(connectionString)!
    guard PQstatus(raw) == CONNECTION_OK else {
      let message = String(cString: PQerrorMessage(raw))
      PQfinish(raw)
      throw .setupFailed(sqlState: "", message: message)
    }
    self.raw = raw
  }

  deinit { PQfinish(raw) }

  /// e.g. 150020 for 15.20.
  var serverVersion: CInt { PQserverVersion(raw) }

  /// - Returns: the number of rows.
  func rows(_ statement: StaticString) throws(EmbeddedPostgresError) -> Int {
    let result = PQexec(raw, statement.description)
    defer { PQclear(result) }
    let status = PQresultStatus(result)
    guard status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK else {
      let sqlState = PQresultErrorField(result, CInt(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
      throw .setupFailed(sqlState: sqlState, message: String(cString: PQerrorMessage(raw)))
    }
    return Int(PQntuples(result))
  }
}
