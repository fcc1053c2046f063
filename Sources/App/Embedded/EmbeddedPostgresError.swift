// Errors of the private PostgreSQL, as facts. The sentences below are for the terminal and the log.

import Ground

/// How a process ended.
enum ProcessEnd: Equatable, Sendable {
  case exited(code: Int32)
  case killed(signal: Int32)
  /// The process was adopted, and the kernel tells only a parent how it ended.
  case unknown
}

enum EmbeddedPostgresError: Error, Equatable {
  case systemCall(String, path: String, errno: Int32)
  /// The programs are neither in PATH nor in /usr/lib/postgresql. `majorVersion` is set if an existing cluster needs
  /// that version.
  case binariesMissing(majorVersion: Int?)
  /// pg_dump, pg_restore and vacuumdb of this version or a newer one are in none of these places.
  case clientProgramsMissing(majorVersion: Int)
  case commandFailed(program: String, end: ProcessEnd, output: String)
  case commandTookTooLong(program: String, limit: Duration)
  /// A person or the system ended the work.
  case commandInterrupted(program: String)
  /// Another server holds the lock of this data directory.
  case dataDirectoryInUse(path: String)
  case clusterBelongsToAnother(path: String, userID: UInt32)
  /// PostgreSQL and this program look the user up in passwd(5), so a user id without an entry cannot run it.
  case userWithoutName(userID: UInt32)
  /// This process is root, and the system has neither `postgres` nor `nobody`.
  case noUnprivilegedUser
  /// The postmaster ended before it accepted connections. `log` is the end of its output.
  case postmasterEnded(ProcessEnd, log: String)
  case notReady(after: Duration, log: String)
  /// A statement of the set-up failed, or its connection (then `sqlState` is empty).
  case setupFailed(sqlState: String, message: String)
}

extension EmbeddedPostgresError {
  /// Runs `work`; what the kernel refuses becomes an error of the private PostgreSQL.
  static func wrapping<Value>(_ work: () throws(FileError) -> Value) throws(EmbeddedPostgresError) -> Value {
    do throws(FileError) {
      return try work()
    } catch {
      throw .systemCall(error.call, path: error.path, errno: error.errno)
    }
  }
}

extension ProcessEnd: CustomStringConvertible {
  var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .killed(let signal): "signal \(signal)"
    case .unknown: "a cause only its parent was told"
    }
  }
}

extension EmbeddedPostgresError: CustomStringConvertible {
  var description: String {
    switch self {
    case .systemCall(let call, let path, let errno):
      "\(call) failed on \(path): \(FileError.reason(of: errno))"
    case .binariesMissing(nil):
      "PostgreSQL's server programs (initdb, postgres) are neither in PATH nor in /usr/lib/postgresql/*/bin. "
        + "On Debian: apt-get install postgresql. Or give a running server: pganalytics serve --database-url ..."
    case .binariesMissing(let majorVersion?):
      "This data directory holds a PostgreSQL \(majorVersion) cluster, but the programs of that version are missing. "
        + "On Debian: apt-get install postgresql-\(majorVersion)"
    case .clientProgramsMissing(let majorVersion):
      "pg_dump, pg_restore and vacuumdb of PostgreSQL \(majorVersion) or newer are neither in PATH nor in "
        + "/usr/lib/postgresql/*/bin. On Debian: apt-get install postgresql-client-\(majorVersion)"
    case .commandFailed(let program, let end, let output):
      "\(program) ended with \(end): \(output)"
    case .commandTookTooLong(let program, let limit):
      "\(program) did not end within \(limit) and was killed."
    case .commandInterrupted(let program):
      "\(program) was ended early."
    case .dataDirectoryInUse(let path):
      "Another pganalytics already serves from \(path)."
    case .clusterBelongsToAnother(let path, let userID):
      "The database in \(path) belongs to user id \(userID): run as that user, or as root."
    case .userWithoutName(let userID):
      "User id \(userID) has no entry in /etc/passwd, and PostgreSQL refuses to run without one."
    case .noUnprivilegedUser:
      "PostgreSQL refuses to run as root, and this system has neither a user postgres nor nobody."
    case .postmasterEnded(let end, let log):
      "PostgreSQL ended with \(end) before it took connections. The end of its log:\n\(log)"
    case .notReady(let limit, let log):
      "PostgreSQL took no connections within \(limit). The end of its log:\n\(log)"
    case .setupFailed(let sqlState, let message):
      "Setting up the private database failed (SQLSTATE \(sqlState.isEmpty ? "none" : sqlState)): \(message)"
    }
  }
}
