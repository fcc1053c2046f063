import Protocol
import Reactor
import Testing

@testable import App

/// Slow clients. Every wait of the server has an absolute end, which no dripping byte postpones.
@Suite struct SlowClientTests {
  /// Sends `drop` again and again until a deadline has passed. Each look at the counters is a request, which makes a
  /// pause.
  private func drip(_ drop: [UInt8], into client: TestClient, of attacked: AttackedServer) async throws {
    let end = MonotonicTime.now() + .seconds(TestClient.patience)
    while MonotonicTime.now() < end {
      if try await attacked.counters()["deadlines_total"] > 0 { return }
      do {
        try await client.send(drop)
      } catch TestClient.Failure.system {
        return  // the server has closed the connection already
      }
    }
    Issue.record("no deadline has passed")
  }

  @Test func `a head that drips in is answered with 408 at its deadline`() async throws {
    let attacked = try await AttackedServer.start { $0.headDeadline = .seconds(1) }
    let client = try await attacked.server.client()
    try await client.send("GET /api/v1/health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    try await drip([0x61], into: client, of: attacked)
    let answer = try await client.answer()
    #expect(answer.status == 408, "\(answer)")
    #expect(answer.error == "request_timeout")
    #expect(try await client.isClosedByServer())
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test(arguments: [false, true])
  func `a dripping body, plain or in chunks, is answered with 408 at its deadline`(isChunked: Bool) async throws {
    let attacked = try await AttackedServer.start {
      $0.bodyDeadline = .seconds(1)
      $0.bodyBytesPerSecond = 1 << 30
    }
    let collector = attacked.bystander
    let client = try await collector.client()
    let framing = isChunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 1000000\r\n"
    try await client.send(attacked.pushHead(collector, framing))
    try await drip(Array((isChunked ? "1\r\n \r\n" : " ").utf8), into: client, of: attacked)
    let answer = try await client.answer()
    #expect(answer.status == 408, "\(answer)")
    #expect(try await client.isClosedByServer())
    #expect(try await attacked.counters().refused("request_timeout") == 1)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `a dripping body for another endpoint is answered with 408 as well`() async throws {
    let attacked = try await AttackedServer.start {
      $0.bodyDeadline = .seconds(1)
      $0.bodyBytesPerSecond = 1 << 30
    }
    let client = try await attacked.server.client()
    try await client.send(
      "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        + "Content-Length: 100000\r\n\r\n")
    try await drip([0x20], into: client, of: attacked)
    #expect(try await client.answer().status == 408)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `a connection without a request is closed at its deadline`() async throws {
    let attacked = try await AttackedServer.start { $0.idleDeadline = .seconds(10) }
    let client = try await attacked.server.client()
    #expect(try await client.isClosedByServer())
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  /// Requests whose refusals need no body and no token and come at once: the cheapest way to fill the server with
  /// answers.
  private let cheapRequests = Array(String(repeating: "GET /x HTTP/1.1\r\nHost: h\r\n\r\n", count: 1000).utf8)
  /// More bytes than all buffers of the kernel between two ends hold; see tcp(7).
  private let moreThanBuffers = 32 << 20

  @Test func `the server stops reading from a client that sends requests and reads no answers`() async throws {
    let attacked = try await AttackedServer.start { $0.writeDeadline = .seconds(600) }
    var client: TestClient? = try await TestClient.connect(
      port: attacked.port, trust: attacked.server.trust, receiveBytes: 4096)
    let taken = try await client?.sendUntilBlocked(cheapRequests, atMost: moreThanBuffers)
    #expect(taken ?? .max < moreThanBuffers)
    client = nil
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `a client that reads nothing is cut off at its deadline, whatever it sends`() async throws {
    let attacked = try await AttackedServer.start { $0.writeDeadline = .seconds(2) }
    let client = try await TestClient.connect(
      port: attacked.port, trust: attacked.server.trust, receiveBytes: 4096)
    _ = try await client.sendUntilBlocked(cheapRequests, atMost: moreThanBuffers)
    // The client is still connected and does not read. This is the point of the test.
    try await attacked.expectUnharmed()
    withExtendedLifetime(client) {}
    await attacked.server.stop()
  }

  private static let document = TestClient.encode("GET", "/api/v1/openapi.json")
  private let documentCount = 40
  /// Requests whose answers are larger than the buffers of the kernel.
  private var documents: [UInt8] { (0..<documentCount).flatMap { _ in Self.document } }

  private func untaken(_ attacked: AttackedServer) async throws -> Double {
    try await attacked.counters()["budget_held_bytes{budget=\"answer_bytes_in_flight\"}"]
  }

  @Test func `a large page waits in small parts while its client is slow, and arrives whole`() async throws {
    let attacked = try await AttackedServer.start()
    let quick = try await attacked.server.client()
    try await quick.send(Self.document)
    let whole = try await quick.answer()
    #expect(whole.body.count > 128 * 1024, "the page is too small for the test")
    #expect(whole.body.count * documentCount > 8 << 20)
    let slow = try await TestClient.connect(port: attacked.port, trust: attacked.server.trust, receiveBytes: 4096)
    try await slow.send(documents)
    try await attacked.server.eventually("the server does not wait for the client") { try await untaken(attacked) > 0 }
    #expect(try await untaken(attacked) <= 128 * 1024)
    for _ in 0..<documentCount {
      let answer = try await slow.answer()
      #expect(answer.field("content-length") == "\(whole.body.count)")
      #expect(answer.body == whole.body)
    }
    #expect(try await untaken(attacked) == 0)
    #expect(try await slow.request("GET", "/api/v1/health/live").status == 200, "the connection stays open")
    try await attacked.expectUnharmed(besides: 2)
    await attacked.server.stop()
  }

  @Test func `a client that reads a little now and then is cut off at its deadline, too`() async throws {
    let attacked = try await AttackedServer.start {
      $0.writeDeadline = .seconds(2)
      $0.bodyBytesPerSecond = 1 << 30
    }
    let client = try await TestClient.connect(port: attacked.port, trust: attacked.server.trust, receiveBytes: 4096)
    try await client.send(documents)
    try await attacked.server.eventually("no deadline has passed") {
      try await client.take(atMost: 4096)
      return try await attacked.counters()["deadlines_total"] > 0
    }
    await #expect(throws: TestClient.Failure.self) {
      for _ in 0..<documentCount { _ = try await client.answer() }
    }
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `answers that clients do not read have a budget, and the oldest are cut off`() async throws {
    let budget = 1 << 20
    let attacked = try await AttackedServer.start {
      $0.loops = 1
      $0.answerBytesInFlight = budget
      $0.writeDeadline = .seconds(600)
    }
    var clients: [TestClient] = []
    while try await attacked.counters()["answers_cut_total"] == 0, clients.count < 400 {
      let client = try await TestClient.connect(port: attacked.port, trust: attacked.server.trust, receiveBytes: 4096)
      try await client.send(documents)
      clients.append(client)
      #expect(try await untaken(attacked) <= Double(budget))
    }
    #expect(try await attacked.counters()["answers_cut_total"] > 0)
    // The last client is not among those that have waited longest.
    #expect(try await clients.removeLast().answer().status == 200)
    clients = []
    try await attacked.expectUnharmed()
    #expect(try await untaken(attacked) == 0)
    await attacked.server.stop()
  }

  @Test func `thousands of requests in one go are answered in order`() async throws {
    let attacked = try await AttackedServer.start()
    let client = try await attacked.server.client()
    let count = 3000
    var bytes: [UInt8] = []
    for number in 0..<count {
      bytes += TestClient.encode(
        "GET", number % 1000 == 999 ? "/api/v1/health/live" : "/x", [("X-Request-ID", "\(number)")])
    }
    try await client.send(bytes)
    for number in 0..<count {
      let answer = try await client.answer()
      #expect(answer.status == (number % 1000 == 999 ? 200 : 404))
      #expect(answer.field("x-request-id") == "\(number)")
    }
    try await attacked.expectUnharmed(besides: 1)
    await attacked.server.stop()
  }
}
