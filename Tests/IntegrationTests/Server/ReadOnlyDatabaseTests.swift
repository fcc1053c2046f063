import Glibc
import Protocol
import Testing

@testable import App

/// A database that became read only, as after a switchover: requests get 503 with a reason as long as it lasts, and no
/// session stays read only.
@Suite(.serialized) struct ReadOnlyDatabaseTests {
  /// Demands 503 with Retry-After of every write, and the reason of readiness. Then cures the database and waits for
  /// the recovery.
  private func checkOutage(
    _ server: RunningServer, _ collector: TestCollector, _ user: String, cure: () async throws -> Void
  ) async throws {
    let body = collector.push(of: [TestCollector.disk("/dev/\(UUID.random())", used: 2)])
    let client = try await collector.client()
    for _ in 0..<3 {
      let push = try await collector.push(body, over: client)
      #expect(push.status == 503 && push.field("retry-after") != nil, "\(push)")
      let login = try await server.login(user, RunningServer.password)
      #expect(login.status == 503 && login.field("retry-after") != nil, "\(login)")
      let enrolment = try await server.register()
      #expect(enrolment.status == 503 && enrolment.field("retry-after") != nil, "\(enrolment)")
    }
    try await server.eventually("readiness does not report the read-only database") {
      let ready = try await client.request("GET", "/api/v1/health/ready")
      return ready.status == 503 && ready.reasons.contains("database_read_only")
    }
    try await cure()
    try await server.eventually("logins do not recover") {
      let login = try await server.login(user, RunningServer.password)
      #expect([200, 503].contains(login.status), "\(login)")
      return login.status == 200
    }
    try await server.eventually("pushes do not recover") { try await collector.push(body, over: client).status == 200 }
    try await server.eventually("readiness does not recover") {
      try await client.request("GET", "/api/v1/health/ready").status == 200
    }
    _ = try await server.enrol()
  }

  @Test func `a fenced server and a standby count as read only until they can write again`() async throws {
    let cluster = try TestCluster()
    let server = try await RunningServer.start(on: cluster) {
      $0.commitDeadline = .seconds(1)
      $0.adminQueueDeadline = .seconds(5)
    }
    let collector = try await server.enrol()
    let user = try await server.add(.viewer)
    #expect(try await server.login(user, RunningServer.password).status == 200)

    // Fenced by its configuration, which open sessions follow.
    let own = try Database.start(cluster.settings(database: "postgres"))
    try await own.script("ALTER SYSTEM SET default_transaction_read_only = on")
    try await own.script("SELECT pg_reload_conf()")
    own.shutDown()
    try await server.eventually("the database is not fenced") {
      let answer = try await server.login(user, RunningServer.password)
      #expect([200, 503].contains(answer.status), "\(answer)")
      return answer.status == 503
    }
    try await checkOutage(server, collector, user) {
      // No session can write, so the setting is removed from its file.
      try cluster.write("postgresql.auto.conf")
      try cluster.stop(crash: false)
      try cluster.start()
    }

    // As a standby, which is then promoted.
    try cluster.stop(crash: false)
    try cluster.start(asStandby: true)
    try await server.eventually("the standby is not reached") {
      try await collector.client().request("GET", "/api/v1/health/ready").reasons.contains("database_read_only")
    }
    try await checkOutage(server, collector, user) { try cluster.promote() }
    await server.stop()
    try cluster.stop(crash: false)
  }

  @Test func `the writable one of several hosts is used, although the role's default is read only`() async throws {
    let (standby, primary) = (try TestCluster(), try TestCluster())
    try standby.stop(crash: false)
    try standby.start(asStandby: true)
    var settings = primary.settings(database: "postgres")
    let one = try Database.start(settings)
    try await one.script("ALTER ROLE postgres SET default_transaction_read_only = on")
    one.shutDown()
    settings.address["host"] = "\(standby.directory),\(primary.directory)"
    let database = try Database.start(settings)
    defer { database.shutDown() }
    try await database.script("CREATE TABLE public.written (n int)")
    settings.address["host"] = standby.directory
    let lonely = try Database.start(settings)
    defer { lonely.shutDown() }
    await #expect { try await lonely.script("SELECT 1") } throws: { ($0 as? DatabaseError)?.isReadOnly == true }
    try primary.stop(crash: false)
    try standby.stop(crash: false)
  }
}
