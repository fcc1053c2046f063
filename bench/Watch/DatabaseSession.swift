// One connection to PostgreSQL for a few statements. Its calls block, so a loop may use it only if the loop has no
// other work.

internal import CEpoll.Postgres
internal import Glibc

/// The reason why a statement or the connection failed, in words for people.
struct DatabaseFailure: Error, Sendable, CustomStringConvertible {
  let description: String
}

/// A libpq connection. It is closed when the object is released.
final class DatabaseSession {
  private let connection: OpaquePointer

  /// - Parameter url: a libpq connection URL.
  init(url: String) throws(DatabaseFailure) {
    guard let connection = PQconnectdb(url) else { throw DatabaseFailure(description: "libpq has no memory") }
    self.connection = connection
    if PQstatus(connection) != CONNECTION_OK { throw failure("--database-url") }
    cpostgres_ignore_notices(connection)
  }

  deinit { PQfinish(connection) }

  /// Returns the rows of one statement as text.
  /// - Parameter values: the values of `$1`, `$2`, …
  func rows(_ sql: String, _ values: [String] = []) throws(DatabaseFailure) -> [[String?]] {
    var texts: [UnsafePointer<CChar>?] = values.map { UnsafePointer(strdup($0)) }
    defer { for text in texts { free(UnsafeMutablePointer(mutating: text)) } }
    // Safety: libpq reads the texts during the call only, and they live until the function returns.
    let result = PQexecParams(connection, sql, CInt(values.count), nil, &texts, nil, nil, 0)
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_TUPLES_OK else { throw failure("database") }
    return (0..<PQntuples(result)).map { row in
      (0..<PQnfields(result)).map { column in
        PQgetisnull(result, row, column) == 1 ? nil : String(cString: PQgetvalue(result, row, column))
      }
    }
  }

  private func failure(_ what: String) -> DatabaseFailure {
    let message = String(cString: PQerrorMessage(connection)).split(separator: "\n").joined(separator: " ")
    return DatabaseFailure(description: "\(what): \(message)")
  }
}
