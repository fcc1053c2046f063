// A reference for rows per second: a loop that only copies the same rows into the same table. It uses binary COPY by
// libpq with `rows` rows per commit. The rows are encoded once, and each round only changes their time.

import ArgumentParser
import CEpoll.Postgres
import Protocol

/// Runs the loop and prints its rate and its costs.
struct CopyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "copy",
    abstract: "Copies table statistics into metrics.pg_stats_tables, as fast as PostgreSQL takes it.")

  @Option(help: "libpq connection URL of a migrated database whose partitions of today exist.") var databaseUrl: String
  @Option(help: "Rows of a transaction.") var rows = 10_000
  @Option(help: "Number of connections, which take turns.") var connections = 2
  @Option(help: "Seconds to copy.") var seconds = 10
  @Option(help: "Id of the postmaster. The processor time of its children is read.") var postmaster: Int32

  func run() throws {
    let sessions = try (0..<connections).map { _ in try CopySession(databaseUrl) }
    var batches = CopyBatch(rows: rows)
    for session in sessions { try session.execute("SELECT 1") }
    let used = ProcessUsage.nanoseconds(postmaster, withChildren: true)
    let own = Bench.threadNanoseconds()
    let start = ProcessUsage.wallNanoseconds()
    var committed = 0
    var round = 0
    while ProcessUsage.wallNanoseconds() - start < Int64(seconds) * 1_000_000_000 {
      let session = sessions[round % connections]
      if round >= connections {
        try session.finish()
        committed += rows
      }
      batches.setTime(microseconds: (ProcessUsage.unixSeconds() * 1_000_000) + Int64(round))
      try session.begin(batches.bytes)
      round += 1
    }
    for index in max(0, round - connections)..<round {
      try sessions[index % connections].finish()
      committed += rows
    }
    let wall = Double(ProcessUsage.wallNanoseconds() - start) / 1e9
    let server = Double(ProcessUsage.nanoseconds(postmaster, withChildren: true) - used) / 1000
    let client = Double(Bench.threadNanoseconds() - own) / 1000
    print(
      "\(committed) rows in \(wall.text(2)) s: \((Double(committed) / wall).text(0)) rows/s, "
        + "\((server / Double(committed)).text(3)) us of the database a row, "
        + "\((client / Double(committed)).text(3)) us of the client")
  }
}

/// The bytes of one COPY: header, tuples and trailer.
private struct CopyBatch {
  private(set) var bytes: [UInt8]
  private var times: [Int] = []

  /// Encodes `rows` rows: 200 tables for each of as many servers as needed.
  init(rows: Int) {
    let catalog = CompiledCatalog()
    var decoder = PushDecoder(catalog: catalog)
    var known = KnownIDs(capacity: 1 << 20)
    let body = MicroBody.tableStatistics(rows: 200)
    guard let target = catalog.targets.first(where: { $0.table == "pg_stats_tables" }) else {
      preconditionFailure("pg_stats_tables is declared")
    }
    bytes = PostgresBinary.copyHeader
    var left = rows
    var server: Int32 = 1_000_000
    while left > 0 {
      var encoded = PushRows(catalog: catalog)
      decoder.begin(serverID: server, timeWindow: MicroBody.timeWindow)
      do throws(PushError) {
        _ = try decoder.consume(body.json.span, isLast: true, rows: &encoded, known: &known)
      } catch {
        preconditionFailure("our own push is refused: \(error)")
      }
      encoded.withTuples(of: target.index) { tuples in
        var start = 0
        for _ in 0..<min(left, 200) {
          let end = Self.end(of: start, in: tuples)
          times.append(bytes.count + 6)
          for index in start..<end { bytes.append(tuples[index]) }
          start = end
        }
      }
      left -= 200
      server += 1
    }
    bytes += PostgresBinary.copyTrailer
  }

  /// Returns the end of the tuple at `start`. A tuple has an int16 count of fields, and an int32 length before each
  /// field; -1 is NULL.
  private static func end(of start: Int, in tuples: Span<UInt8>) -> Int {
    func integer(_ index: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) { $0 << 8 | Int(tuples[index + $1]) }
    }
    var place = start + 2
    for _ in 0..<integer(start, 2) {
      let length = Int(Int32(truncatingIfNeeded: integer(place, 4)))
      place += 4 + max(0, length)
    }
    return place
  }

  mutating func setTime(microseconds: Int64) {
    let time = UInt64(bitPattern: microseconds - PostgresBinary.epochUnixMicroseconds)
    for start in times {
      for lane in 0..<8 { bytes[start + lane] = UInt8(truncatingIfNeeded: time >> UInt64(56 - 8 * lane)) }
    }
  }
}

private final class CopySession {
  private let connection: OpaquePointer

  init(_ url: String) throws {
    guard let connection = PQconnectdb(url), PQstatus(connection) == CONNECTION_OK else {
      throw CopyError(description: "no connection to the database")
    }
    self.connection = connection
  }

  deinit { PQfinish(connection) }

  private func failure() -> CopyError { CopyError(description: String(cString: PQerrorMessage(connection))) }

  func execute(_ sql: String) throws {
    let result = PQexec(connection, sql)
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_TUPLES_OK else { throw failure() }
  }

  /// Sends one COPY and does not wait for the commit.
  func begin(_ bytes: [UInt8]) throws {
    let result = PQexec(connection, "COPY metrics.pg_stats_tables FROM STDIN BINARY")
    defer { PQclear(result) }
    guard PQresultStatus(result) == PGRES_COPY_IN else { throw failure() }
    try bytes.withUnsafeBytes { bytes in
      // Safety: libpq copies the bytes that it does not send at once.
      let text = bytes.bindMemory(to: CChar.self).baseAddress
      guard PQputCopyData(connection, text, Int32(bytes.count)) == 1, PQputCopyEnd(connection, nil) == 1 else {
        throw failure()
      }
    }
  }

  /// Waits for the commit.
  func finish() throws {
    while let result = PQgetResult(connection) {
      defer { PQclear(result) }
      guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw failure() }
    }
  }
}

struct CopyError: Error, CustomStringConvertible {
  let description: String
}
