import Testing

@testable import App

/// Databases that the program cannot work with are refused before anything is stored in them.
@Suite struct SurroundingsTests {
  private func cluster() throws -> TestCluster { try TestCluster.shared.get() }

  private func fault(
    _ settings: DatabaseSettings, _ change: (inout Settings) -> Void = { _ in }
  ) throws -> SurroundingsFault? {
    var need = Settings()
    need.loops = 2
    change(&need)
    do throws(SurroundingsFault) {
      try Surroundings(settings).check(ConnectionNeed(need))
      return nil
    } catch {
      return error
    }
  }

  /// Runs statements in an administrator's session on the cluster.
  private func administer(_ sql: String...) async throws {
    let database = try Database.start(try cluster().settings(database: "postgres"))
    defer { database.shutDown() }
    for statement in sql { try await database.script(statement) }
  }

  @Test func `a suitable database is accepted`() async throws {
    #expect(try fault(try await cluster().makeDatabase()) == nil)
  }

  @Test(arguments: ["SQL_ASCII", "LATIN1", "EUC_JP"])
  func `a database of another encoding is refused with the statement that makes a good one`(
    _ encoding: String
  ) async throws {
    let name = "encoded_\(encoding.lowercased())"
    try await administer(
      "DROP DATABASE IF EXISTS \(name)",
      "CREATE DATABASE \(name) ENCODING '\(encoding)' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    let fault = try #require(try fault(try cluster().settings(database: name)))
    #expect(fault == .encoding(encoding, database: name))
    #expect("\(fault)".contains("CREATE DATABASE \(name) ENCODING 'UTF8' TEMPLATE template0"), "\(fault)")
  }

  @Test func `a role with too few connections is refused, and the error states the need`() async throws {
    let settings = try await cluster().makeDatabase()
    try await administer(
      "DROP ROLE IF EXISTS narrow", "CREATE ROLE narrow LOGIN CONNECTION LIMIT 10", "DROP ROLE IF EXISTS wide",
      "CREATE ROLE wide LOGIN CONNECTION LIMIT 11")
    var narrow = settings
    narrow.address["user"] = "narrow"
    let fault = try #require(try fault(narrow))
    guard case .tooFewConnections(.role("narrow", 10), let need) = fault else {
      Issue.record("\(fault)")
      return
    }
    #expect(need.total == 11, "2 loops x 2 writers, 4 admin, 2 queries, 1 listener")
    #expect("\(fault)".contains("writer_connections 2"), "\(fault)")
    var wide = settings
    wide.address["user"] = "wide"
    #expect(try self.fault(wide) == nil, "exactly as many as are needed are enough")
  }

  @Test func `a database with too few connections is refused, except to a superuser`() async throws {
    let settings = try await cluster().makeDatabase()
    let name = try #require(settings.address["dbname"])
    try await administer(
      "ALTER DATABASE \(name) CONNECTION LIMIT 5", "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN")
    #expect(try fault(settings) == nil)
    var guest = settings
    guest.address["user"] = "guest"
    guard case .tooFewConnections(.database(name, 5), _)? = try fault(guest) else {
      Issue.record("the limit of the database is not seen")
      return
    }
  }

  @Test func `more loops than the server has connections for are refused`() async throws {
    let settings = try await cluster().makeDatabase()
    guard case .tooFewConnections(.server, let need)? = try fault(settings, { $0.loops = 4000 }) else {
      Issue.record("max_connections is not seen")
      return
    }
    #expect(need.total == 8007)
  }

  @Test func `an unreachable host is reported in one sentence`() throws {
    let settings = DatabaseSettings(
      address: DatabaseAddress(parameters: [
        .init(keyword: "host", value: "/nowhere"), .init(keyword: "dbname", value: "x"),
      ]))
    let fault = try #require(try fault(settings))
    #expect("\(fault)".hasPrefix("The database cannot be reached: "), "\(fault)")
  }

  @Test(.enabled(if: PgBouncer.program != nil, "PGBOUNCER IS NOT INSTALLED"), arguments: ["transaction", "statement"])
  func `a pooler that shares sessions is refused`(_ mode: String) async throws {
    var settings = try await cluster().makeDatabase()
    let pooler = try PgBouncer(mode: mode, database: settings, on: cluster())
    settings.address = pooler.address
    let found = try fault(settings)
    withExtendedLifetime(pooler) {}
    #expect(found == .sharedSessions)
  }

  @Test(.enabled(if: PgBouncer.program != nil, "PGBOUNCER IS NOT INSTALLED"))
  func `a pooler that keeps sessions apart serves enrolment, pushes and queries`() async throws {
    var settings = try await cluster().makeDatabase()
    let pooler = try PgBouncer(mode: "session", database: settings, on: cluster())
    settings.address = pooler.address
    let server = try await RunningServer.start(database: settings)
    let collector = try await server.enrol()
    let answer = try await collector.push(collector.push(of: [TestCollector.disk("/dev/a", used: 1)]))
    #expect(answer.status == 200, "\(answer)")
    #expect(try await collector.rows("disk_usage") == 1)
    let viewer = try await server.user(.viewer)
    #expect(try await server.client().request("GET", "/api/v1/servers", [viewer]).status == 200)
    await server.stop()
    withExtendedLifetime(pooler) {}
  }
}
