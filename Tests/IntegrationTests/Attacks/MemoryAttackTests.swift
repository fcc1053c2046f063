import Protocol
import Testing

@testable import App

/// Clients that hold memory because they do not finish what they begin.
@Suite struct MemoryAttackTests {
  /// A push with rows of a kilobyte each.
  private func largePush(_ collector: TestCollector, rows: Int = 2000) -> [UInt8] {
    let text = String(repeating: "x", count: 1000)
    let entries = (0..<rows).map { #"{"level":"LOG","message":"\#($0)\#(text)"}"# }.joined(separator: ",")
    return collector.push(of: [
      #"{"type":"pg_log","database":"d","timestamp":"\#(TestCollector.now())","entries":[\#(entries)]}"#
    ])
  }

  @Test func `half a push above the pause mark delays no other push and can be finished`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.pauseBytes = 1 << 20
    }
    let slow = try await attacked.server.enrol()
    let client = try await slow.client()
    let body = largePush(slow)
    try await client.send(attacked.pushHead(slow, "Content-Length: \(body.count)\r\n"))
    try await client.send(Array(body.dropLast(10)))
    try await attacked.server.eventually("the body is not read") {
      try await attacked.counters()["held_bytes"] > Double(2 << 20)
    }
    let others = try await attacked.bystander.client()
    for _ in 0..<3 { #expect(try await attacked.bystander.push(attacked.goodPush(), over: others).status == 200) }
    try await client.send(Array(body.suffix(10)))
    #expect(try await client.answer().status == 200)
    #expect(try await slow.rows("pg_log") == 2000)
    await attacked.server.stop()
  }

  @Test func `a client that fills the budget with an endless body makes room for others`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.bytesInFlight = 8 << 20
      $0.pauseBytes = 1 << 20
      $0.bodyDeadline = .seconds(1)
    }
    let slow = try await attacked.server.enrol()
    let client = try await slow.client()
    // The bytes that have arrived would allow the body an hour. Until the first of them arrives the limit is
    // `body_deadline`, so the first piece comes with the head.
    var start = Array(attacked.pushHead(slow, "Transfer-Encoding: chunked\r\n").utf8)
    let body = largePush(slow, rows: 8000)
    var sent = 0
    repeat {
      let chunk = body[sent..<min(body.count, sent + 50_000)]
      try await client.send(start + Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8))
      sent += chunk.count
      start = []
    } while try await attacked.counters()["held_bytes"] < Double(2 << 20) && sent < body.count
    // The push announces more than the budget has left, and holds next to nothing.
    let push = [UInt8](repeating: UInt8(ascii: " "), count: 6 << 20) + attacked.goodPush()
    var refusals = 0
    try await attacked.server.eventually("there is never room for another push") {
      let other = try await attacked.bystander.client()
      let fields = "Expect: 100-continue\r\nContent-Length: \(push.count)\r\n"
      try await other.send(attacked.pushHead(attacked.bystander, fields))
      let verdict = try await other.interim()
      #expect([100, 503].contains(verdict))
      if verdict == 503 { refusals += 1 }
      if verdict != 100 { return false }
      try await other.send(push)
      return try await other.answer().status == 200
    }
    #expect(refusals > 0, "the body is too small for the test")
    let answer = try await client.answer()
    #expect(answer.status == 503, "\(answer)")
    #expect(answer.field("retry-after") != nil)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `the server is not ready while it refuses pushes for lack of memory`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.bytesInFlight = 8 << 20
    }
    let server = attacked.server
    let watcher = try await server.client()
    #expect(try await watcher.request("GET", "/api/v1/health/ready").status == 200)
    // Complete pushes wait for a table that this test locks, and later pushes find no room.
    let _: Void = try await server.database.transaction { session throws(DatabaseError) in
      try await session.script("LOCK TABLE metrics.pg_log IN ACCESS EXCLUSIVE MODE")
      do {
        var waiting: [TestClient] = []
        while try await watcher.request("GET", "/api/v1/health/ready").reasons != ["memory_exhausted"] {
          let collector = try await server.enrol()
          let client = try await collector.client()
          let body = largePush(collector)
          try await client.send(Array(attacked.pushHead(collector, "Content-Length: \(body.count)\r\n").utf8) + body)
          waiting.append(client)
          try #require(waiting.count < 40, "the server still accepts pushes, or says so")
        }
        try await session.script("ROLLBACK")
        var statuses: Set<UInt16> = []
        for client in waiting { statuses.insert(try await client.answer().status) }
        #expect(statuses == [200, 503])
      } catch {
        Issue.record(error)
      }
    }
    try await server.eventually("the server does not become ready again") {
      try await watcher.request("GET", "/api/v1/health/ready").status == 200
    }
    try await attacked.expectUnharmed(besides: 1)
    await attacked.server.stop()
  }

  @Test func `bodies for other endpoints have a budget of their own`() async throws {
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.adminBytesInFlight = 1 << 20
    }
    let (size, part) = (700_000, 600_000)
    var clients: [TestClient] = []
    for _ in 0..<3 {
      let client = try await attacked.server.client()
      try await client.send(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(size)\r\n\r\n" + String(repeating: " ", count: part))
      clients.append(client)
    }
    try await attacked.server.eventually("no body is held") {
      try await attacked.counters()["budget_held_bytes{budget=\"admin_bytes_in_flight\"}"] >= Double(part)
    }
    #expect(try await attacked.counters()["budget_held_bytes{budget=\"admin_bytes_in_flight\"}"] <= Double(1 << 20))
    #expect(try await attacked.bystander.push(attacked.goodPush()).status == 200, "pushes have their own budget")
    var refused = 0
    for client in clients {
      try await client.send(String(repeating: " ", count: size - part))
      let answer = try await client.answer()
      if answer.status == 503 {
        refused += 1
        #expect(answer.error == "overloaded")
        #expect(answer.field("retry-after") != nil)
      } else {
        #expect(answer.status == 400, "\(answer)")
      }
    }
    #expect(refused >= 1)
    clients = []
    try await attacked.expectUnharmed()
    #expect(try await attacked.server.login("nobody", "whatever").status == 401)
    await attacked.server.stop()
  }

  @Test func `connections that are reset in the middle of a body are counted and hold nothing`() async throws {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    let body = collector.push(of: (0..<200).map { TestCollector.disk("/dev/\($0)", used: $0) })
    for round in 0..<20 {
      let client = try await collector.client()
      let framing = round % 2 == 0 ? "Content-Length: \(body.count)\r\n" : "Transfer-Encoding: chunked\r\n"
      let start = round % 2 == 0 ? [] : Array("\(String(body.count, radix: 16))\r\n".utf8)
      try await client.send(Array(attacked.pushHead(collector, framing).utf8) + start + body.prefix(round * 900))
      if round % 3 == 0 {
        try await attacked.server.eventually("the head does not arrive") {
          try await attacked.counters().connections("receiving") > 0
        }
      }
      try await client.reset()
    }
    try await attacked.expectUnharmed()
    let counters = try await attacked.counters()
    #expect(counters["pushes_abandoned_total"] > 0)
    #expect(counters["pushes_received_total"] - counters["pushes_abandoned_total"] == 1)
    #expect(try await collector.ledger() == 0)
    await attacked.server.stop()
  }
}
