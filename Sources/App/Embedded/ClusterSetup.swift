// Makes the cluster by initdb, and the role and the database. Each is made once and checked at every start.

internal import Glibc
internal import Ground

/// Makes the missing parts of a cluster.
struct ClusterSetup: Sendable {
  let layout: ClusterLayout
  let binaries: PostgresBinaries
  let limit: Duration

  /// The major version of the cluster at `path`; nil if there is none.
  static func majorVersion(ofClusterAt path: String) -> Int? {
    LocalFile.tail(of: path + "/PG_VERSION", limit: 16).flatMap { Int($0.prefix { $0.isNumber }) }
  }

  /// Makes the cluster under another name and renames it at the end, so that an existing cluster is always complete.
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
    try EmbeddedPostgresError.wrapping { () throws(FileError) in
      try LocalFile.rename(unfinished, to: layout.cluster)
    }
  }

  /// Makes the role and the database if they are missing. The role owns its database and has no other rights, except to
  /// set `lc_messages`: the writer reads line numbers from error messages and needs them in English.
  func makeDatabase() throws(EmbeddedPostgresError) {
    do throws(DatabaseError) {
      let session = try BlockingSession(
        DatabaseSettings(address: layout.address(role: "postgres", database: "postgres")))
      if try session.rows("SELECT 1 FROM pg_roles WHERE rolname = 'pganalytics'").isEmpty {
        _ = try session.rows("CREATE ROLE pganalytics LOGIN")
      }
      if try session.rows("SELECT 1 FROM pg_database WHERE datname = 'pganalytics'").isEmpty {
        _ = try session.rows("CREATE DATABASE pganalytics OWNER pganalytics TEMPLATE template0 ENCODING 'UTF8'")
      }
      if session.serverVersion >= 150_000 {
        _ = try session.rows("GRANT SET ON PARAMETER lc_messages TO pganalytics")
      }
    } catch {
      throw .setupFailed(sqlState: error.sqlstate ?? "", message: error.message)
    }
  }
}
