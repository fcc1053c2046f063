// A data directory for one test, and access to the database that runs in it.

internal import CEpoll.Postgres
internal import Glibc
import Ground
internal import Synchronization
import Testing

@testable import App

final class DataDirectory {
  /// The directory of everything that the test makes. The database's user may enter it, but not list it.
  let root: String
  let path: String
  var environment = ["PATH": getenv("PATH").map { String(cString: $0) } ?? ""]

  /// - Parameter name: may hold slashes; the database must cope with any name.
  init(named name: String = "it's a \\ directory %41") throws {
    root = try LocalFile.resolve(try LocalDirectory.makeUnique(prefix: "/tmp/pganalytics-embedded-"))
    #expect(chmod(root, 0o711) == 0)
    path = root + "/" + name
  }

  deinit {
    do {
      try Command("/usr/bin/rm", ["-rf", "--", root]).run(limit: .seconds(60))
    } catch {
      Issue.record(error)
    }
  }

  var settings: EmbeddedPostgresSettings {
    var settings = EmbeddedPostgresSettings(dataDirectory: path, environment: environment)
    settings.relocationRoot = root + "/elsewhere"
    return settings
  }

  /// Starts the database, runs `body`, and stops the database in every case.
  func withDatabase(
    report: @escaping @Sendable (EmbeddedPostgresEvent) -> Void = { _ in },
    _ body: (EmbeddedPostgres, EmbeddedPostgres.Started) async throws -> Void
  ) async throws {
    let database = EmbeddedPostgres(settings, report: report)
    let started = try database.start()
    let processID = try #require(database.processID)
    do {
      try await body(database, started)
    } catch {
      database.stop()
      throw error
    }
    let last = try #require(database.processID)
    #expect(database.stop() == .orderly)
    #expect(!Self.runs(processID) && !Self.runs(last), "stop() left a postmaster")
    #expect(Self.processes(workingIn: root).isEmpty, "stop() left a process")
  }

  /// Whether a process runs a program. A zombie runs none: the parent of an adopted process may collect it late.
  static func runs(_ processID: Int32) -> Bool { LocalFile.linkTarget("/proc/\(processID)/exe") != nil }

  /// The processes whose working directory is below `root`: PostgreSQL's, if `root` is a data directory.
  static func processes(workingIn root: String) -> [String] {
    LocalDirectory.names(in: "/proc").filter { Int32($0) != nil }
      .filter { LocalFile.linkTarget("/proc/\($0)/cwd")?.hasPrefix(root + "/") == true }
  }

  /// The first column of the first row, read over a connection of its own.
  static func value(of statement: String, at databaseURL: String) throws -> String {
    let connection = PQconnectdb(databaseURL)
    defer { PQfinish(connection) }
    try #require(PQstatus(connection) == CONNECTION_OK, "\(String(cString: PQerrorMessage(connection)))")
    let result = PQexec(connection, statement)
    defer { PQclear(result) }
    let status = PQresultStatus(result)
    try #require(
      status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, "\(String(cString: PQerrorMessage(connection)))")
    return PQntuples(result) > 0 ? String(cString: PQgetvalue(result, 0, 0)) : ""
  }
}
