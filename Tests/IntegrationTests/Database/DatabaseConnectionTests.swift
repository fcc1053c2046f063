import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// Records the events of a connection, and turns the loop until enough events have come.
private final class Recorder: DatabaseConnectionDelegate {
  enum Entry: Equatable {
    case connected
    case rows(Int)
    case command(Int)
    case copyIn
    case row(Int)
    case failed(String?)
    case finished
    case drained
    case disconnected(DatabaseError.Kind)
  }

  var entries: [Entry] = []
  /// The number of entries at which the recorder pauses the rows; -1 for never.
  var pauseAt = -1
  var lastError: DatabaseError?
  let loop: EventLoop
  let connection: DatabaseConnection

  init(_ settings: DatabaseSettings) throws {
    loop = try EventLoop()
    connection = DatabaseConnection(loop: loop, settings: settings)
    connection.connect(self)
  }

  func connected() { entries.append(.connected) }
  func received(_ result: consuming DatabaseResult) {
    switch consume result {
    case .rows(let rows): entries.append(.rows(rows.count))
    case .command(let affected): entries.append(.command(affected))
    case .row(let row):
      entries.append(.row(row.count))
      if entries.count == pauseAt { connection.pauseRows() }
    case .copyIn: entries.append(.copyIn)
    case .failed(let error):
      lastError = error
      entries.append(.failed(error.sqlstate))
    }
  }
  func finished() { entries.append(.finished) }
  func drained() { entries.append(.drained) }
  func notified(channel: String, payload: String) {}
  func disconnected(_ error: DatabaseError) {
    lastError = error
    entries.append(.disconnected(error.kind))
  }

  /// Turns the loop until `count` entries have come. - Returns: all entries, and removes them.
  func take(_ count: Int) -> [Entry] {
    let deadline = MonotonicTime.now().advanced(by: .seconds(20))
    while entries.count < count, MonotonicTime.now() < deadline { loop.turn(waitingAtMost: .seconds(1)) }
    defer { entries = [] }
    return entries
  }
}

@Suite struct DatabaseConnectionTests {
  @Test func `a connection delivers rows one by one, none while paused, and works afterwards`() async throws {
    let recorder = try Recorder(try await TestCluster.shared.get().makeDatabase())
    #expect(recorder.take(1) == [.connected])
    recorder.pauseAt = 3
    var parameters = SQLParameters()
    let count = parameters.add(Int64(5))
    recorder.connection.sendRowByRow("SELECT generate_series(1, \(count))", parameters.types, parameters.encoded)
    #expect(recorder.take(3) == [.row(1), .row(1), .row(1)])
    // Many turns, in which the other rows could arrive.
    for _ in 0..<20 { recorder.loop.turn(waitingAtMost: .milliseconds(5)) }
    #expect(recorder.entries == [])
    recorder.pauseAt = -1
    recorder.connection.resumeRows()
    #expect(recorder.take(4) == [.row(1), .row(1), .rows(0), .finished])
    recorder.connection.send("SELECT 1")
    #expect(recorder.take(2) == [.rows(1), .finished])
  }

  private let header: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)
  private let trailer: [UInt8] = [0xFF, 0xFF]

  private func row(_ bytes: Int) -> [UInt8] {
    var row: [UInt8] = [0, 1]
    row.append(bigEndian: Int32(bytes))
    return row + [UInt8](repeating: 7, count: bytes)
  }

  @Test func `one message commits a ledger and two COPYs, and a refused COPY rolls back all of it`()
    async throws
  {
    let recorder = try Recorder(try await TestCluster.shared.get().makeDatabase())
    #expect(recorder.take(1) == [.connected])
    let connection = recorder.connection
    connection.send("CREATE TABLE ledger (id int4 PRIMARY KEY); CREATE TABLE a (v bytea); CREATE TABLE b (v bytea)")
    #expect(recorder.take(4) == [.command(0), .command(0), .command(0), .finished])
    for (id, isRefused) in [(1, true), (1, false), (1, false)] {
      connection.send(
        """
        INSERT INTO ledger VALUES (\(id)) ON CONFLICT DO NOTHING RETURNING id;
        COPY a FROM STDIN (FORMAT binary); COPY b FROM STDIN (FORMAT binary)
        """)
      let ledger = recorder.take(2)
      for table in 0..<2 {
        if table == 1 { #expect(recorder.take(2) == [.command(1), .copyIn]) }
        #expect(connection.putCopy(header.span) == .accepted)
        #expect(connection.putCopy(row(3).span) == .accepted)
        if table == 1, isRefused {
          connection.failCopy("no more")
        } else {
          #expect(connection.putCopy(trailer.span) == .accepted)
          connection.endCopy()
        }
      }
      if isRefused {
        #expect(ledger == [.rows(1), .copyIn])
        #expect(recorder.take(2) == [.failed(SQLState.queryCanceled), .finished])
        #expect(recorder.lastError?.context?.hasPrefix("COPY b, line") == true)
      } else {
        #expect(recorder.take(2) == [.command(1), .finished])
      }
    }
    connection.send("SELECT FROM ledger UNION ALL SELECT FROM a UNION ALL SELECT FROM b")
    #expect(recorder.take(2) == [.rows(1 + 2 + 2), .finished])
    connection.close()
  }

  @Test func `a connection is full while the server does not read, drained later, and loses nothing`() async throws {
    let settings = try await TestCluster.shared.get().makeDatabase()
    let recorder = try Recorder(settings)
    let other = try Recorder(settings)
    #expect(recorder.take(1) == [.connected])
    #expect(other.take(1) == [.connected])
    let connection = recorder.connection
    connection.send(
      """
      CREATE TABLE t (v bytea);
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
      CREATE TRIGGER wait BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION wait()
      """)
    #expect(recorder.take(4).last == .finished)
    connection.send("COPY t FROM STDIN (FORMAT binary)")
    #expect(recorder.take(1) == [.copyIn])
    #expect(connection.putCopy(header.span) == .accepted)
    let chunk = row(DatabaseConnection.maximumCopyChunkBytes - 6)
    #expect(chunk.count == DatabaseConnection.maximumCopyChunkBytes, "the chunk is exactly as large as permitted")
    var fulls = 0
    for _ in 0..<200 {
      while connection.putCopy(chunk.span) == .full {
        fulls += 1
        // Meanwhile the server reads again and again. The connection does not know it, because its loop does not turn.
        for _ in 0..<(fulls == 1 ? 5 : 1) {
          other.connection.send("SELECT pg_sleep(\(fulls == 1 ? 0.1 : 0))")
          #expect(other.take(2).last == .finished)
          #expect(connection.putCopy(chunk.span) == .full, "full stays full until drained")
        }
        #expect(recorder.take(1) == [.drained])
      }
    }
    #expect(fulls > 0)
    #expect(connection.putCopy(trailer.span) == .accepted)
    connection.endCopy()
    #expect(recorder.take(2) == [.command(200), .finished])
    connection.close()
    other.connection.close()
  }

  @Test func `an error names the table and line of a row that the server refuses`() async throws {
    let recorder = try Recorder(try await TestCluster.shared.get().makeDatabase())
    #expect(recorder.take(1) == [.connected])
    recorder.connection.send("CREATE TABLE t (v int4)")
    #expect(recorder.take(2).last == .finished)
    recorder.connection.send("COPY t FROM STDIN (FORMAT binary)")
    #expect(recorder.take(1) == [.copyIn])
    for bytes in [header, row(4), row(3), row(4), trailer] {
      #expect(recorder.connection.putCopy(bytes.span) == .accepted)
    }
    recorder.connection.endCopy()
    #expect(recorder.take(2).last == .finished)
    #expect(recorder.lastError?.context?.contains("COPY t, line 2, column v") == true)
    #expect(recorder.connection.isIdle)
    recorder.connection.close()
  }

  @Test func `a pipeline prepares and executes, and the connection survives a failed pipeline`() async throws {
    let recorder = try Recorder(try await TestCluster.shared.get().makeDatabase())
    #expect(recorder.take(1) == [.connected])
    let connection = recorder.connection
    for (name, sql, expected) in [
      ("good", "SELECT $1::int8", [Recorder.Entry.command(0), .rows(1), .finished]),
      ("bad", "SELECT nonsense", [.failed("42703"), .finished]),
      ("zero", "SELECT 1 / ($1 - $1)", [.command(0), .failed("22012"), .finished]),
    ] {
      connection.beginPipeline()
      connection.sendPrepare(name, sql, [.int8])
      var parameters = EncodedParameters()
      parameters.append(Int64(5))
      connection.sendExecute(name, parameters)
      connection.endPipeline()
      #expect(recorder.take(expected.count) == expected)
    }
    connection.close()
  }

  @Test func `the end of a session is reported when idle, at work and in the middle of a COPY`() async throws {
    let settings = try await TestCluster.shared.get().makeDatabase()
    let other = try Recorder(settings)
    #expect(other.take(1) == [.connected])
    other.connection.send("CREATE TABLE t (v bytea)")
    #expect(other.take(2).last == .finished)
    for statement in [nil, "SELECT pg_sleep(60)", "COPY t FROM STDIN (FORMAT binary)"] {
      let recorder = try Recorder(settings)
      #expect(recorder.take(1) == [.connected])
      if let statement { recorder.connection.send(statement) }
      if statement?.hasPrefix("COPY") == true { #expect(recorder.take(1) == [.copyIn]) }
      other.connection.send(
        """
        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        """)
      #expect(other.take(2) == [.rows(1), .finished])
      let entries = recorder.take(statement?.hasPrefix("SELECT") == true ? 2 : 1)
      #expect(entries.last == .disconnected(.connectionLost))
      #expect(entries.dropLast() == (entries.count == 2 ? [.failed("57P01")] : []))
    }
    other.connection.close()
  }

  @Test func `a connection attempt ends at its deadline, and a refused one states the reason`() async throws {
    // A listener that never answers: the socket connects, and no session follows.
    let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    let directory = try TestCluster.shared.get().directory
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = directory + "/.s.PGSQL.1"
    unlink(path)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0 && listen(listener, 8) == 0)
    for (port, kind) in [("1", "no session within"), ("2", "No such file or directory")] {
      var settings = try TestCluster.shared.get().settings(database: "postgres")
      settings.address["port"] = port
      settings.connectDeadline = .milliseconds(50)
      let recorder = try Recorder(settings)
      #expect(recorder.entries == [], "connect itself reports nothing")
      #expect(recorder.take(1) == [.disconnected(.connectFailed)])
      #expect(recorder.lastError?.message.contains(kind) == true)
    }
  }

  @Test func `a closed connection connects again, even if it was closed while connecting`() async throws {
    let recorder = try Recorder(try await TestCluster.shared.get().makeDatabase())
    recorder.connection.close()
    recorder.connection.connect(recorder)
    #expect(recorder.take(1) == [.connected])
    recorder.connection.close()
    recorder.connection.connect(recorder)
    #expect(recorder.take(1) == [.connected])
    recorder.connection.close()
  }
}

@Suite struct WriterSessionTests {
  @Test(arguments: ["postgres", "plain_writer"])
  func `a writer session works with any role and merges dimensions by COPY`(_ user: String) async throws {
    let migrated = try await MigratedDatabase()
    defer { migrated.database.shutDown() }
    let name = try #require(migrated.settings.address["dbname"])
    try await migrated.database.script(
      """
      DO $$ BEGIN CREATE ROLE plain_writer LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
      GRANT USAGE ON SCHEMA pganalytics TO plain_writer;
      GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA pganalytics TO plain_writer;
      """)
    let recorder = try Recorder(TestCluster.shared.get().settings(database: name, user: user))
    #expect(recorder.take(1) == [.connected])
    recorder.connection.send(WriterSession.setup(lockTimeout: .seconds(5), statementTimeout: .seconds(30)))
    // One command for each setting, one for the settings that not every server or role has, two for time limits, one
    // for the commit, two for staging tables, and seven for the ledger.
    let commands = SessionDefaults.settings.count + 1 + 2 + 1 + 2 + 7
    #expect(
      recorder.take(commands + 1) == [Recorder.Entry](repeating: .command(0), count: commands) + [.finished])
    for merged in [1, 0] {
      recorder.connection.send("\(WriterSession.copyTexts); \(WriterSession.mergeTexts)")
      #expect(recorder.take(1) == [.copyIn])
      var bytes: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)
      bytes += [0, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0x78, 0xFF, 0xFF]
      #expect(recorder.connection.putCopy(bytes.span) == .accepted)
      recorder.connection.endCopy()
      #expect(recorder.take(3) == [.command(1), .command(merged), .finished])
    }
    recorder.connection.close()
    #expect(try await migrated.count("pganalytics.texts") == 1)
  }
}
