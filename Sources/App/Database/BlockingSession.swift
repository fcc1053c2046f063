// A PostgreSQL session whose calls block until the answer arrives. The start uses it for the few statements before the
// loops run. Never use it on a loop.

internal import CEpoll.Postgres
internal import Glibc
internal import Ground

/// One session. It closes when the value is destroyed.
struct BlockingSession: ~Copyable {
  private let raw: OpaquePointer

  /// Connects within `settings.connectDeadline`.
  /// - Throws: `.connectFailed`, with libpq's message.
  init(_ settings: DatabaseSettings) throws(DatabaseError) {
    guard let raw = settings.startSession() else {
      throw DatabaseError(.connectFailed, "out of memory for a session")
    }
    let deadline = ContinuousClock().now + settings.connectDeadline
    var progress = PQstatus(raw) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
    while progress == PGRES_POLLING_READING || progress == PGRES_POLLING_WRITING {
      guard Self.wait(for: PQsocket(raw), toRead: progress == PGRES_POLLING_READING, until: deadline) else {
        PQfinish(raw)
        throw DatabaseError(.connectFailed, "no session within \(settings.connectDeadline.shortText)")
      }
      progress = PQconnectPoll(raw)
    }
    guard progress == PGRES_POLLING_OK else {
      let message = Self.message(of: raw)
      PQfinish(raw)
      throw DatabaseError(.connectFailed, message)
    }
    self.raw = raw
  }

  deinit { PQfinish(raw) }

  /// The server's version number: 150020 for PostgreSQL 15.20.
  var serverVersion: Int { Int(PQserverVersion(raw)) }

  /// Executes one statement, or several as one transaction, by the simple query protocol. Blocks.
  /// - Returns: the rows of the last statement. Each value is text; nil is NULL.
  /// - Throws: `.statement` with its SQLSTATE, or `.connectionLost`.
  func rows(_ sql: String) throws(DatabaseError) -> [[String?]] {
    let result = PQexec(raw, sql)
    defer { PQclear(result) }
    let status = PQresultStatus(result)
    guard status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK else {
      let sqlstate = PQresultErrorField(result, CInt(UInt8(ascii: "C"))).map { String(cString: $0) }
      throw DatabaseError(
        PQstatus(raw) == CONNECTION_OK ? .statement : .connectionLost, Self.message(of: raw), sqlstate: sqlstate)
    }
    // Safety: PQgetvalue returns a text that lives as long as the result, which is cleared at the end of this function.
    return (0..<PQntuples(result)).map { row in
      (0..<PQnfields(result)).map { column in
        PQgetisnull(result, row, column) == 1 ? nil : String(cString: PQgetvalue(result, row, column))
      }
    }
  }

  /// Waits for the socket. - Returns: false if the deadline passed first.
  private static func wait(for socket: CInt, toRead: Bool, until deadline: ContinuousClock.Instant) -> Bool {
    var entry = pollfd(fd: socket, events: Int16(toRead ? POLLIN : POLLOUT), revents: 0)
    while true {
      let left = deadline - ContinuousClock().now
      if left <= .zero { return false }
      if poll(&entry, 1, CInt(clamping: left.wholeNanoseconds / 1_000_000 + 1)) > 0 { return true }
    }
  }

  /// libpq's message, on one line.
  private static func message(of raw: OpaquePointer) -> String {
    String(cString: PQerrorMessage(raw)).split(separator: "\n").joined(separator: "; ")
  }
}
