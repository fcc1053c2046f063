import Glibc
import Ground
import Protocol
import Reactor
import Testing

@testable import App

@Suite struct DatabaseTests {
  private struct Everything: SQLRow, Equatable {
    let int4: Int32
    let int8: Int64
    let real: Double
    let flag: Bool
    let text: String
    let blob: [UInt8]
    let uuid: UUID
    let time: Timestamp
    let day: Day
    let json: JSONText
    let numbers: [Int64]
    let names: [String]
    let nothing: String?

    init(from row: inout RowReader) throws(DatabaseError) {
      int4 = try row.read("a")
      int8 = try row.read("b")
      real = try row.read("c")
      flag = try row.read("d")
      text = try row.read("e")
      blob = try row.read("f")
      uuid = try row.read("g")
      time = try row.read("h")
      day = try row.read("i")
      json = try row.read("j")
      numbers = try row.read("k")
      names = try row.read("l")
      nothing = try row.read("m")
    }
  }

  private static let add = Statement<Int32, Int32, SingleValue<Int32>>("add", "SELECT $1 + $2")
  private static let sleep = Statement<Double, SingleValue<String>>("sleep", "SELECT pg_sleep($1)::text")
  private static let backend = Statement<SingleValue<Int32>>("backend", "SELECT pg_backend_pid()")

  private func start(_ change: (inout DatabaseSettings) -> Void = { _ in }) async throws -> Database {
    var settings = try await TestCluster.shared.get().makeDatabase()
    change(&settings)
    return try Database.start(settings)
  }

  @Test func `every type is sent and read back as PostgreSQL prints it`() async throws {
    let database = try await start()
    defer { database.shutDown() }
    let uuid = try #require(UUID("01234567-89ab-cdef-0123-456789abcdef"))
    let echo = Statement<
      Int32, Int64, Double, Bool, String, [UInt8], UUID, Timestamp, Day, JSONText, [Int64], [String], String?,
      Everything
    >(
      "echo",
      """
      SELECT $1::int4 AS a, $2::int8 AS b, $3::float8 AS c, $4::bool AS d, $5::text AS e, $6::bytea AS f, $7::uuid AS g,
        $8::timestamptz AS h, $9::date AS i, $10::jsonb AS j, $11::int8[] AS k, $12::text[] AS l, $13::text AS m
      """)
    let time = Timestamp(unixMicroseconds: 1_700_000_000_123_456)
    let sent = try await database.one(
      echo, Int32.min, Int64.max, 1.5, true, "ä'\"\\", [0, 255], uuid, time, Day(of: time), JSONText(#"{"a": 1}"#),
      [1, -1], ["", "x,\"y"], nil)
    let row = try #require(sent)
    #expect(row.int4 == .min && row.int8 == .max && row.real == 1.5 && row.flag && row.text == "ä'\"\\")
    #expect(row.blob == [0, 255] && row.uuid == uuid && row.time == time && row.day == Day(of: time))
    #expect(row.json == JSONText(#"{"a": 1}"#) && row.numbers == [1, -1] && row.names == ["", "x,\"y"])
    #expect(row.nothing == nil)
    let printed = Statement<UUID, Timestamp, Day, [String], SingleValue<String>>(
      "printed", "SELECT concat_ws(' ', $1::uuid, $2::timestamptz AT TIME ZONE 'UTC', $3::date, $4::text[])")
    #expect(
      try await database.one(printed, uuid, time, Day(of: time), ["a b"])?.value
        == "01234567-89ab-cdef-0123-456789abcdef 2023-11-14 22:13:20.123456 2023-11-14 {\"a b\"}")
  }

  @Test func `many requests at once get their own answers`() async throws {
    let database = try await start()
    defer { database.shutDown() }
    try await withThrowingTaskGroup(of: (Int32, Int32?).self) { group in
      for index in Int32(0)..<200 {
        group.addTask { (index, try await database.one(Self.add, index, 1)?.value) }
      }
      for try await (index, sum) in group { #expect(sum == index + 1) }
    }
  }

  @Test func `an error of the server is reported, and the session goes on`() async throws {
    let database = try await start { $0.adminConnections = 1 }
    defer { database.shutDown() }
    try await database.script("CREATE TABLE t (a int4 CONSTRAINT positive CHECK (a > 0))")
    let insert = Statement<Int32, NoRow>("insert", "INSERT INTO t VALUES ($1)")
    let pid = try await database.one(Self.backend)?.value
    do {
      try await database.execute(insert, -1)
      Issue.record("the row was accepted")
    } catch {
      #expect(error.kind == .statement && error.sqlstate == "23514" && error.constraint == "positive")
      #expect(!error.isRetryable)
    }
    #expect(try await database.execute(insert, 1) == 1)
    await #expect(throws: DatabaseError.self) {
      try await database.execute(Statement<NoRow>("wrong", "SELECT nonsense"))
    }
    #expect(try await database.one(Self.add, 1, 2)?.value == 3)
    #expect(try await database.one(Self.backend)?.value == pid)
  }

  @Test func `a result of another shape than declared is refused`() async throws {
    let database = try await start()
    defer { database.shutDown() }
    for sql in ["SELECT 1::int4", "SELECT 1::int8, 2", "SELECT NULL::int8"] {
      await #expect {
        try await database.rows(Statement<SingleValue<Int64>>(sql, sql))
      } throws: { ($0 as? DatabaseError)?.kind == .unexpectedResult }
    }
  }

  @Test func `a transaction commits, rolls back on an error, and never commits after a failure`() async throws {
    struct Refused: DatabaseFailure, Equatable {
      var cause: DatabaseError?
      init(_ error: DatabaseError) { cause = error }
      init() {}
    }
    let database = try await start()
    defer { database.shutDown() }
    try await database.script("CREATE TABLE t (a int4 PRIMARY KEY)")
    let insert = Statement<Int32, NoRow>("insert", "INSERT INTO t VALUES ($1)")
    let count = Statement<SingleValue<Int64>>("count", "SELECT count(*) FROM t")
    let answer = try await database.transaction { session throws(DatabaseError) in
      try await session.execute(insert, 1)
      return try await session.execute(insert, 2)
    }
    #expect(answer == 1)
    await #expect(throws: Refused()) {
      try await database.transaction { session throws(Refused) in
        do throws(DatabaseError) { try await session.execute(insert, 3) } catch { throw Refused(error) }
        throw Refused()
      }
    }
    do {
      try await database.transaction { session throws(DatabaseError) in
        try await session.execute(insert, 4)
        do throws(DatabaseError) { try await session.execute(insert, 1) } catch {}
      }
      Issue.record("a failed transaction was reported as committed")
    } catch {
      #expect(error.sqlstate == SQLState.failedTransaction)
    }
    #expect(try await database.one(count)?.value == 2)
  }

  @Test func `a transaction that a lease leaves open is rolled back`() async throws {
    let database = try await start { $0.adminConnections = 1 }
    defer { database.shutDown() }
    try await database.lease { session throws(DatabaseError) in
      try await session.script("BEGIN")
      try await session.script("CREATE TABLE t ()")
    }
    let found = Statement<SingleValue<Bool>>("found", "SELECT to_regclass('t') IS NOT NULL")
    #expect(try await database.one(found)?.value == false)
  }

  @Test func `a request beyond the queue limit is refused, and so is a request that waits too long`() async throws {
    let database = try await start {
      $0.adminConnections = 1
      $0.adminQueueLimit = 2
      $0.adminQueueDeadline = .milliseconds(100)
    }
    defer { database.shutDown() }
    // The first session may need longer than the deadline of this test.
    while true {
      do throws(DatabaseError) {
        try await database.execute(Self.add, 1, 1)
        break
      } catch {}
    }
    let kinds = try await database.lease { _ throws(DatabaseError) in
      await withTaskGroup(of: DatabaseError.Kind?.self) { group in
        for _ in 0..<3 {
          group.addTask {
            do throws(DatabaseError) { try await database.execute(Self.add, 1, 1) } catch { return error.kind }
            return nil
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
    }
    #expect(kinds.filter { $0 == .overloaded(limit: 2) }.count == 1)
    #expect(kinds.filter { $0 == .waitedTooLong }.count == 2)
    #expect(try await database.one(Self.add, 1, 1)?.value == 2)
  }

  @Test func `a cancelled task gives up its wait`() async throws {
    let database = try await start { $0.adminConnections = 1 }
    defer { database.shutDown() }
    try await database.lease { _ throws(DatabaseError) in
      let waiting = Task { () async -> DatabaseError.Kind? in
        do throws(DatabaseError) { try await database.execute(Self.add, 1, 1) } catch { return error.kind }
        return nil
      }
      waiting.cancel()
      #expect(await waiting.value == .cancelled)
    }
  }

  @Test func `a statement that takes longer than its limit is ended`() async throws {
    let database = try await start { $0.adminStatementTimeout = .milliseconds(20) }
    defer { database.shutDown() }
    await #expect { try await database.execute(Self.sleep, 10) } throws: {
      ($0 as? DatabaseError)?.sqlstate == SQLState.queryCanceled
    }
  }

  @Test func `a database client reconnects after its session ended, and prepares again`() async throws {
    let database = try await start { $0.adminConnections = 1 }
    defer { database.shutDown() }
    let other = try Database.start(try await otherSettings(database))
    defer { other.shutDown() }
    let before = try #require(try await database.one(Self.backend)?.value)
    async let interrupted: Int = database.execute(Self.sleep, 60)
    let end = Statement<Int32, SingleValue<Bool>>("end", "SELECT pg_terminate_backend($1, 10000)")
    let isAtWork = Statement<Int32, SingleValue<Bool>>(
      "at_work", "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1 AND wait_event IS NOT NULL")
    while try await other.one(isAtWork, before)?.value != true {}
    #expect(try await other.one(end, before)?.value == true)
    do {
      _ = try await interrupted
      Issue.record("the statement was answered")
    } catch let error as DatabaseError {
      #expect(error.sqlstate == "57P01" || error.isConnectionLoss)
    }
    let after = try #require(try await database.one(Self.backend)?.value)
    #expect(after != before)
  }

  @Test func `a lease is put off while queries slow pushes down too much, and not for ever`() async throws {
    let pacing = QueryPacing(
      Live(constant: .init(slowdownPercent: 0, freePerSecond: .zero, longestWait: .milliseconds(300))))
    let database = try await start {
      $0.adminConnections = 2
      $0.pacing = pacing
    }
    defer { database.shutDown() }
    func lend() async throws(DatabaseError) {
      _ = try await database.lease { session throws(DatabaseError) in try await session.one(Self.add, 1, 2) }
    }
    try await lend()
    #expect(pacing.snapshot(at: .now()).putOff == 0)
    // The loop learns of the end of a lease a little later.
    while pacing.snapshot(at: .now()).atWork > 0 { await Task.yield() }
    pacing.committed(after: .milliseconds(1), since: .now())
    #expect(pacing.snapshot(at: .now()).usual == .milliseconds(1))
    try await database.lease { session throws(DatabaseError) in
      for _ in 0..<1000 { pacing.committed(after: .seconds(1), since: .now()) }
      let asked = MonotonicTime.now()
      try await lend()
      #expect(MonotonicTime.now() - asked >= .milliseconds(300))
    }
    let snapshot = pacing.snapshot(at: .now())
    #expect((snapshot.putOff, snapshot.letThrough, snapshot.waiting) == (1, 1, 0))
    while pacing.snapshot(at: .now()).atWork > 0 { await Task.yield() }
  }

  @Test(arguments: [0, 7])
  func `the backends of queries run at the configured niceness`(niceness: Int) async throws {
    let database = try await start {
      $0.adminConnections = 1
      $0.niceness = niceness
    }
    defer { database.shutDown() }
    let backend = try #require(try await database.one(Self.backend)?.value)
    #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(backend)) == niceness)
  }

  @Test func `a metrics query has its parallel workers until its transaction ends`() async throws {
    let workers = Statement<SingleValue<String>>(
      "workers", "SELECT current_setting('max_parallel_workers_per_gather')")
    let database = try await start { $0.adminConnections = 1 }
    defer { database.shutDown() }
    let usual = try #require(try await database.one(workers)?.value)
    for given in ["0", "5"] {
      #expect(usual != given)
      try await database.lease { session throws(DatabaseError) in
        let during = try await session.transaction { session throws(DatabaseError) in
          try await session.execute(SchemaStatements.limitWork, "1000", given)
          return try await session.one(workers)?.value
        }
        #expect(during == given)
        #expect(try await session.one(workers)?.value == usual)
      }
    }
  }

  private func otherSettings(_ database: Database) async throws -> DatabaseSettings {
    let name = Statement<SingleValue<String>>("name", "SELECT current_database()::text")
    return try TestCluster.shared.get().settings(database: try #require(try await database.one(name)?.value))
  }

  @Test func `a failed connection attempt states the reason, and the client serves once it can`() async throws {
    let cluster = try TestCluster.shared.get()
    var settings = cluster.settings(database: "not_there_yet")
    settings.adminConnections = 1
    let database = try Database.start(settings)
    defer { database.shutDown() }
    await #expect { try await database.execute(Self.add, 1, 1) } throws: {
      ($0 as? DatabaseError)?.kind == .connectFailed
    }
    let other = try Database.start(cluster.settings(database: "postgres"))
    defer { other.shutDown() }
    try await other.script("CREATE DATABASE not_there_yet")
    while true {
      do throws(DatabaseError) {
        #expect(try await database.one(Self.add, 1, 1)?.value == 2)
        return
      } catch {
        // On a busy machine the next attempt to connect may come later than a request waits.
        #expect(error.kind == .connectFailed || error.kind == .waitedTooLong)
      }
    }
  }

  @Test func `a request after the shutdown fails`() async throws {
    let database = try await start { $0.adminConnections = 1 }
    #expect(try await database.one(Self.add, 1, 1)?.value == 2)
    database.shutDown()
    await #expect { try await database.execute(Self.add, 1, 1) } throws: {
      ($0 as? DatabaseError)?.kind == .shutDown
    }
  }
}
