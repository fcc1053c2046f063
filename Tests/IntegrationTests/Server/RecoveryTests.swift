import Glibc
import Protocol
import Reactor
import Synchronization
import Testing

@testable import App

/// The outcome of pushes when databases and servers come and go.
@Suite(.serialized) struct RecoveryTests {
  private final class Progress: Sendable {
    let isOver = Atomic<Bool>(false)
    let stored = Atomic<Int>(0)
  }

  @Test func `without its database the server answers 503 with a time to retry, and recovers by itself`() async throws {
    let cluster = try TestCluster()
    let server = try await RunningServer.start(on: cluster)
    let collector = try await server.enrol()
    let client = try await collector.client()
    let first = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    #expect(try await collector.push(first, over: client).status == 200)

    let person = try await server.person(.viewer)
    #expect(try await person.refusal() == nil)

    try cluster.stop(crash: false)
    let waiting = collector.push(of: [TestCollector.disk("/dev/b", used: 2)])
    try await server.eventually("pushes are still accepted") {
      let answer = try await collector.push(waiting, over: client)
      #expect(answer.status == 503, "\(answer)")
      #expect(answer.error == "database_unavailable")
      #expect((answer.field("retry-after").flatMap { Int($0) } ?? 0) > 0)
      return answer.json["details"]?.text == "the push was not read"
    }
    let ready = try await client.request("GET", "/api/v1/health/ready")
    #expect(ready.status == 503, "\(ready)")
    #expect(ready.reasons == ["database_unreachable", "writers_disconnected"])
    #expect(ready.json["reasons"]?.elements.allSatisfy { $0["message"]?.text?.hasSuffix(".") == true } == true)
    let health = try await client.request("GET", "/api/v1/health")
    #expect(health.status == 503, "\(health)")
    #expect(health.json["status"]?.text == "degraded")
    #expect(try await client.request("GET", "/api/v1/health/live").status == 200)
    let login = try await server.login("nobody", "whatever")
    #expect(login.status == 503)
    #expect(login.field("retry-after") != nil)
    // The server cannot know whether the session has ended. It neither serves the user nor asks for a new login.
    #expect(try await person.refusal() == "database_unavailable")
    #expect(try await person.refresh().status == 503)

    try cluster.start()
    try await server.eventually("pushes do not recover") {
      try await collector.push(waiting, over: client).status == 200
    }
    try await server.eventually("health does not recover") {
      try await client.request("GET", "/api/v1/health/ready").status == 200
    }
    #expect(try await collector.rows("disk_usage") == 2)
    #expect(try await collector.ledger() == 2)
    await server.stop()
    try cluster.stop(crash: false)
  }

  @Test func `every push that was answered with 200 is stored once, even if PostgreSQL is killed`() async throws {
    let cluster = try TestCluster()
    let server = try await RunningServer.start(on: cluster) { $0.commitDeadline = .seconds(60) }
    let progress = Progress()
    let collectors = try await withThrowingTaskGroup(of: TestCollector.self) { group in
      for _ in 0..<3 { group.addTask { try await server.enrol() } }
      return try await group.reduce(into: [TestCollector]()) { $0.append($1) }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for collector in collectors {
        group.addTask {
          let client = try await collector.client()
          var accepted: [String] = []
          var number = 0
          while !progress.isOver.load(ordering: .acquiring) {
            // Each push has rows of its own. The collector sends it until the answer is 200.
            let body = collector.push(of: [TestCollector.disk("/dev/\(number)", used: number)])
            number += 1
            while true {
              let answer = try await collector.push(body, over: client)
              if answer.status == 200 {
                accepted.append(try #require(answer.json["push_id"]?.text))
                progress.stored.add(1, ordering: .relaxed)
                break
              }
              #expect(answer.status == 503, "\(answer)")
              // because the server asks for seconds, and pushes without a pause would be a flood.
              try await Task.sleep(for: .milliseconds(50))
            }
          }
          #expect(try await collector.rows("disk_usage") == Int64(number))
          #expect(try await collector.ledger() == Int64(number))
          #expect(Set(accepted).count == number)
          for id in accepted {
            let found = try await server.integer(
              "SELECT count(*) FROM pganalytics.pushes WHERE push_id = '\(id)'")
            #expect(found == 1)
          }
        }
      }
      for round in 1...3 {
        let goal = progress.stored.load(ordering: .relaxed) + 20
        try await server.eventually("no progress in round \(round)") {
          progress.stored.load(ordering: .relaxed) >= goal
        }
        try cluster.kill()
        try cluster.start()
      }
      let goal = progress.stored.load(ordering: .relaxed) + 20
      try await server.eventually("no progress at the end") { progress.stored.load(ordering: .relaxed) >= goal }
      progress.isOver.store(true, ordering: .releasing)
      try await group.waitForAll()
    }
    await server.stop()
    try cluster.stop(crash: false)
  }

  @Test func `a collector that enrolled at one server pushes to another on the same database`() async throws {
    let first = try await RunningServer.start()
    let second = try await first.second()
    let collector = try await first.enrol()
    let client = try await TestClient.connect(
      port: second.server.address.port, trust: second.trust, identity: collector.identity)
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    let answer = try await collector.push(body, over: client)
    #expect(answer.status == 200, "\(answer)")
    let again = try await collector.push(body)
    #expect(again.json["duplicate"]?.flag == true, "the other server has stored the push: \(again)")
    #expect(try await collector.rows("disk_usage") == 1)
    await second.stop()
    await first.stop()
  }

  @Test func `a stopping server answers what it has begun and accepts nothing new`() async throws {
    let running = try await RunningServer.start()
    let collector = try await running.enrol()
    let idle = try await collector.client()
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    let busy = try await collector.client()
    // The push waits for a table that this test locks. The stop comes while the push waits.
    async let stopped: Void = running.database.transaction { session throws(DatabaseError) in
      try await session.script("LOCK TABLE metrics.disk_usage IN ACCESS EXCLUSIVE MODE")
      do {
        async let answer = collector.push(body, over: busy)
        try await running.eventually("the push does not wait") {
          try await running.integer("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation IS NOT NULL") > 0
        }
        async let stop: Void = running.stopServer()
        #expect(try await idle.isClosedByServer())
        try await session.script("ROLLBACK")
        let stored = try await answer
        #expect(stored.status == 200, "\(stored)")
        #expect(stored.field("connection") == "close")
        await stop
      } catch {
        Issue.record(error)
      }
    }
    try await stopped
    await #expect(throws: TestClient.Failure.self) { _ = try await running.client() }
    #expect(try await collector.rows("disk_usage") == 1)
    running.database.shutDown()
  }

  @Test func `a stopping server releases idle collectors one after the other and accepts their pushes`()
    async throws
  {
    let running = try await RunningServer.start {
      $0.loops = 1
      $0.drainSpread = .seconds(600)
      $0.drainDeadline = .seconds(600)
    }
    let collector = try await running.enrol()
    var clients: [TestClient] = []
    for _ in 0..<5 { clients.append(try await collector.client()) }
    let ready = try await running.client()
    #expect(try await ready.request("GET", "/api/v1/health/ready").status == 200)
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    async let stop: Void = running.stopServer()
    #expect(try await clients[0].isClosedByServer(), "the first share goes at once")
    // The other connections have minutes, and close with their next answer.
    for client in clients[1...] {
      let answer = try await collector.push(body, over: client)
      #expect(answer.field("connection") == "close", "\(answer)")
      #expect(answer.status == 200, "\(answer)")
      #expect(try await client.isClosedByServer())
    }
    let answer = try await ready.request("GET", "/api/v1/health/ready")
    #expect(answer.status == 503 && answer.reasons == ["draining"], "\(answer)")
    #expect(try await ready.isClosedByServer())
    await stop
    #expect(try await collector.ledger() == 1)
    running.database.shutDown()
  }
}
