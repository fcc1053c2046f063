import Glibc
import Protocol
import Reactor
import Testing

@testable import App

/// A database that neither answers nor refuses: a synchronous standby is missing, or PostgreSQL is stopped.
@Suite(.serialized) struct HangingCommitTests {
  private func start(on cluster: TestCluster) async throws -> RunningServer {
    try await RunningServer.start(on: cluster) {
      $0.loops = 1
      $0.writerConnections = 2
      $0.commitDeadline = .seconds(2)
      $0.commitsStalledAfter = .seconds(1)
      $0.queryTimeout = .seconds(1)
      $0.adminQueueDeadline = .seconds(1)
      $0.drainDeadline = .seconds(5)
    }
  }

  /// Two collectors, one of each writer.
  private func collectors(of server: RunningServer) async throws -> [TestCollector] {
    var collectors = [try await server.enrol()]
    while true {
      let next = try await server.enrol()
      collectors.append(next)
      if next.serverID % 2 != collectors[0].serverID % 2 { return [collectors[0], next] }
    }
  }

  private func expectQuick(_ limit: Duration, _ work: () async throws -> TestAnswer) async throws -> TestAnswer {
    let begun = MonotonicTime.now()
    let answer = try await work()
    // Twice the limit and a few seconds, because the machine does other work, too. Work that hangs here hangs for ever.
    #expect(MonotonicTime.now() - begun < limit * 2 + .seconds(5), "\(answer)")
    return answer
  }

  private func writerSessions(_ server: RunningServer) async throws -> Int64 {
    try await server.integer("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pganalytics writer%'")
  }

  @Test func `without its standby every request is answered in time, and all is well once it is back`() async throws {
    let cluster = try TestCluster()
    let server = try await start(on: cluster)
    let collectors = try await collectors(of: server)
    _ = try await server.user(.viewer)
    let name = try await server.add(.viewer)
    let client = try await server.client()
    #expect(try await client.request("GET", "/api/v1/health/ready").status == 200)

    for collector in collectors {
      #expect(try await collector.push(collector.push(of: [TestCollector.disk("/dev/first", used: 0)])).status == 200)
    }
    try await server.loseStandby()
    let bodies = collectors.map { $0.push(of: [TestCollector.disk("/dev/a", used: 1)]) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (collector, body) in zip(collectors, bodies) {
        group.addTask {
          let answer = try await expectQuick(.seconds(3)) { try await collector.push(body) }
          #expect(answer.status == 503 && answer.error == "outcome_unknown", "\(answer)")
          #expect((answer.field("retry-after").flatMap { Int($0) } ?? 0) > 0)
        }
      }
      try await group.waitForAll()
    }
    try await server.eventually("readiness does not report the commits") {
      let ready = try await expectQuick(.seconds(1)) { try await client.request("GET", "/api/v1/health/ready") }
      return ready.status == 503 && ready.reasons.contains("commits_stalled")
    }
    // The push that hangs is not tried beside itself, whichever session of the writer is in use.
    for (collector, body) in zip(collectors, bodies) {
      let again = try await expectQuick(.seconds(3)) { try await collector.push(body) }
      // The answer is `database_unavailable` while the spare session is not connected yet.
      #expect(
        again.status == 503 && ["outcome_unknown", "database_unavailable"].contains(again.error ?? ""), "\(again)")
    }
    for number in 0..<6 {
      let login = try await expectQuick(.seconds(4)) { try await server.login(name, RunningServer.password) }
      #expect(login.status == 503, "\(number): \(login)")
      #expect(["outcome_unknown", "database_unavailable", "overloaded"].contains(login.error ?? ""), "\(login)")
      #expect(number > 0 || login.error == "outcome_unknown", "\(login)")
      #expect(login.field("retry-after") != nil)
    }
    for number in 0..<2 {
      for collector in collectors {
        let more = collector.push(of: [TestCollector.disk("/dev/more", used: number)])
        let answer = try await expectQuick(.seconds(3)) { try await collector.push(more) }
        #expect(answer.status == 503, "\(answer)")
      }
    }
    #expect(try await writerSessions(server) <= 4, "each writer has a session and a spare one")
    let others = try await server.integer(
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pganalytics'")
    #expect(others <= 8 + 8, "the sessions of server and test, twice at most")

    try await server.database.script("ALTER SYSTEM RESET synchronous_standby_names")
    try await server.database.script("SELECT pg_reload_conf()")
    try await server.eventually("the server is not ready again") {
      try await client.request("GET", "/api/v1/health/ready").status == 200
    }
    for (collector, body) in zip(collectors, bodies) {
      try await server.eventually("pushes do not go through again") { try await collector.push(body).status == 200 }
      #expect(try await collector.push(body).json["duplicate"]?.flag == true)
    }
    try await server.eventually("no login succeeds again") {
      try await server.login(name, RunningServer.password).status == 200
    }
    await server.stop()
    try cluster.stop(crash: false)
  }

  @Test func `a stopped PostgreSQL keeps no request waiting`() async throws {
    let cluster = try TestCluster()
    let server = try await start(on: cluster)
    let collectors = try await collectors(of: server)
    let name = try await server.add(.viewer)
    let client = try await server.client()
    let person = try await server.user(.viewer)
    // The first push gives its day partitions, and the lane knows that.
    #expect(
      try await collectors[0].push(collectors[0].push(of: [TestCollector.disk("/dev/first", used: 0)])).status == 200)
    try cluster.freeze(true)
    let bodies = collectors.map { $0.push(of: [TestCollector.disk("/dev/a", used: 1)]) }
    do {
      async let ready = expectQuick(.seconds(1)) { try await client.request("GET", "/api/v1/health/ready") }
      async let push = expectQuick(.seconds(3)) { try await collectors[0].push(bodies[0]) }
      async let login = expectQuick(.seconds(4)) { try await server.login(name, RunningServer.password) }
      async let list = expectQuick(.seconds(4)) {
        try await server.client().request("GET", "/api/v1/servers", [person])
      }
      let (notReady, pushed, loggedIn, listed) = try await (ready, push, login, list)
      // A database that answered a moment ago counts as reachable for a while.
      #expect([200, 503].contains(notReady.status), "\(notReady)")
      try await server.eventually("readiness does not report the stopped database") {
        let ready = try await expectQuick(.seconds(1)) { try await client.request("GET", "/api/v1/health/ready") }
        return ready.status == 503 && ready.reasons.contains("database_unreachable")
      }
      #expect(pushed.status == 503 && pushed.error == "outcome_unknown", "\(pushed)")
      #expect(loggedIn.status == 503 && loggedIn.field("retry-after") != nil, "\(loggedIn)")
      #expect(listed.error == "database_unavailable", "a read has no unknown outcome: \(listed)")
      #expect(try await client.request("GET", "/api/v1/health/live").status == 200)
    }
    try cluster.freeze(false)
    try await server.eventually("the server is not ready again") {
      try await client.request("GET", "/api/v1/health/ready").status == 200
    }
    try await server.eventually("pushes do not go through again") {
      try await collectors[0].push(bodies[0]).status == 200
    }
    #expect(try await collectors[0].rows("disk_usage") == 2)
    await server.stop()
    try cluster.stop(crash: false)
  }
}

extension RunningServer {
  /// Makes commits wait for a standby that does not exist. They wait from the moment at which this returns.
  func loseStandby() async throws {
    try await database.script("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try await database.script("SELECT pg_reload_conf()")
    // The checkpointer tells all sessions to wait with their commits. A waiting commit of the probe shows that it has
    // done so.
    let probe = try Database.start(settings.databaseSettings(DatabaseAddress(settings.databaseURL)))
    defer { probe.shutDown() }
    let waiting = Task {
      while !Task.isCancelled {
        do throws(DatabaseError) {
          try await probe.script("CREATE TABLE IF NOT EXISTS standby_probe (); DROP TABLE standby_probe")
        } catch { return }
      }
    }
    try await eventually("commits do not wait for a standby") {
      try await integer("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") > 0
    }
    waiting.cancel()
  }
}
