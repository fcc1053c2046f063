import FuzzTargets
import Protocol
import Testing

@testable import App

/// The known ways to smuggle a request past a proxy, over real connections.
@Suite struct FramingAttackTests {
  private static let marker = Array("GET /api/v1/health/live HTTP/1.1\r\nHost: smuggled\r\n\r\n".utf8)

  @Test func `an ambiguous message is refused, and nothing behind it is read`()
    async throws
  {
    let attacked = try await AttackedServer.start()
    for row in SmugglingTable.rows {
      let client = try await attacked.server.client()
      try await client.send(row.message + Self.marker)
      let answer = try await client.answer()
      // Some messages are refused by route or method first. None succeeds.
      #expect(answer.status == row.status || (400...405).contains(answer.status), "\(row): \(answer)")
      #expect(try await client.isClosedByServer(), "\(row): another answer came")
    }
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `a push with doubtful framing stores nothing and ends its connection`() async throws {
    let attacked = try await AttackedServer.start()
    let collector = try await attacked.server.enrol()
    let body = String(decoding: collector.push(of: [TestCollector.disk("/dev/a", used: 1)]), as: UTF8.self)
    let (length, size) = (body.utf8.count, String(body.utf8.count, radix: 16))
    let chunked = "Transfer-Encoding: chunked\r\n"
    let doubtful: [(String, String)] = [
      ("Content-Length: \(length)\r\n" + chunked, "\(size)\r\n\(body)\r\n0\r\n\r\n"),
      (chunked + "Content-Length: \(length)\r\n", body),
      ("Content-Length: \(length)\r\nContent-Length: \(length)\r\n", body),
      ("Content-Length: +\(length)\r\n", body), ("Content-Length: 0x\(size)\r\n", body),
      ("Transfer-Encoding: xchunked\r\n", "\(size)\r\n\(body)\r\n0\r\n\r\n"),
      ("Transfer-Encoding : chunked\r\n", "\(size)\r\n\(body)\r\n0\r\n\r\n"),
      (chunked, "10000000000000000\(size)\r\n\(body)\r\n0\r\n\r\n"),
      (chunked, "ffffffffffffffff\r\n\(body)\r\n0\r\n\r\n"), (chunked, "8000000000000000\r\n\(body)"),
      (chunked, "-\(size)\r\n\(body)\r\n0\r\n\r\n"), (chunked, "0x\(size)\r\n\(body)\r\n0\r\n\r\n"),
      (chunked, "\(size);\(String(repeating: "x", count: 5000))\r\n\(body)\r\n0\r\n\r\n"),
      (chunked, "\(size)\n\(body)\n0\n\n"), (chunked, "\(size)\r\n\(body)\r\n0\r\nContent-Length: 5\r\n\r\n"),
      (chunked, "\(size)\r\n\(body)XX0\r\n\r\n"),
      (chunked, String(repeating: "1\r\n \r\n", count: 300_000) + "0\r\n\r\n"),
    ]
    for (fields, rest) in doubtful {
      let client = try await collector.client()
      do {
        try await client.send(
          attacked.pushHead(collector, fields) + rest + String(decoding: Self.marker, as: UTF8.self))
      } catch TestClient.Failure.system {
        // The server refused the push before all of it was sent.
      }
      let answer = try await client.answer()
      #expect((400...501).contains(answer.status), "\(fields) \(rest.prefix(40)): \(answer)")
      #expect(try await client.isClosedByServer(), "\(fields) \(rest.prefix(40)): another answer came")
    }
    #expect(try await collector.ledger() == 0)
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }

  @Test func `an endless field name, head or target is refused with 431 or 414`() async throws {
    let attacked = try await AttackedServer.start()
    let heads = [
      "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "a", count: 40_000),
      "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "A: b\r\n", count: 5000),
      "GET / HTTP/1.1\r\nHost: h\r\n" + (0..<101).map { "X-\($0): 1\r\n" }.joined() + "\r\n",
      "GET /" + String(repeating: "a", count: 40_000),
    ]
    for head in heads {
      let client = try await attacked.server.client()
      try await client.send(head)
      let answer = try await client.answer()
      #expect([414, 431].contains(answer.status), "\(answer)")
      #expect(try await client.isClosedByServer())
    }
    try await attacked.expectUnharmed()
    await attacked.server.stop()
  }
}
