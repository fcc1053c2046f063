import Protocol
import Testing

@testable import App

/// HTTP as good and bad clients speak it, over real connections.
@Suite struct MessageTests {
  private func server() async throws -> RunningServer { try await .shared(.plain) }

  private func head(_ collector: TestCollector, _ fields: String) -> String {
    "POST \(TestCollector.pushTarget) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(collector.token)\r\n"
      + fields + "\r\n"
  }

  @Test func `an expectation is answered before the body arrives`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.client()
    let body = collector.push(of: [TestCollector.disk("/dev/a", used: 1)])
    try await client.send(head(collector, "Expect: 100-continue\r\nContent-Length: \(body.count)\r\n"))
    #expect(try await client.interim() == 100)
    try await client.send(body)
    #expect(try await client.answer().status == 200)
    #expect(try await collector.rows("disk_usage") == 1)
  }

  @Test func `a push with an expectation is refused by its head alone`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.server.client()
    try await client.send(head(collector, "Expect: 100-continue\r\nContent-Length: 1000000\r\n"))
    #expect(try await client.interim() == 403, "the server asks for no body")
  }

  @Test func `a body in chunks is read, wherever it is cut`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.client()
    let body = GzipDeflater.gzip(collector.push(of: [TestCollector.disk("/dev/a", used: 1)]))
    try await client.send(head(collector, "Transfer-Encoding: chunked\r\n"))
    var rest = body[...]
    for size in [1, 1, 2, 30] {
      try await client.send(Array("\(String(size, radix: 16))\r\n".utf8) + rest.prefix(size) + Array("\r\n".utf8))
      rest = rest.dropFirst(size)
    }
    try await client.send(
      Array("\(String(rest.count, radix: 16));x=y\r\n".utf8) + rest + Array("\r\n0\r\nX-Trailer: 1\r\n\r\n".utf8))
    let answer = try await client.answer()
    #expect(answer.status == 200, "\(answer)")
    #expect(answer.json["bytes_received"]?.integer == Int64(body.count))
    #expect(try await collector.rows("disk_usage") == 1)
  }

  @Test func `pipelined requests are answered in order`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.client()
    var bytes: [UInt8] = []
    for number in 0..<5 {
      bytes += TestClient.encode(
        "POST", TestCollector.pushTarget, [collector.authorization, ("X-Request-ID", "push-\(number)")],
        body: collector.push(of: [TestCollector.disk("/dev/\(number)", used: number)]))
      bytes += TestClient.encode("GET", "/api/v1/health/live", [("X-Request-ID", "live-\(number)")])
    }
    try await client.send(bytes)
    for number in 0..<5 {
      for name in ["push-\(number)", "live-\(number)"] {
        let answer = try await client.answer()
        #expect(answer.status == 200, "\(answer)")
        #expect(answer.field("x-request-id") == name)
      }
    }
    #expect(try await collector.rows("disk_usage") == 5)
  }

  @Test func `a refresh with an endless body is answered at once, and its connection closes`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.client()
    try await client.send(
      "POST /api/v1/collectors/refresh-token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(collector.token)\r\n"
        + "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
    let answer = try await client.answer()
    #expect(answer.status == 200, "\(answer)")
    #expect(answer.json["token"]?.text != nil)
    #expect(answer.field("connection") == "close")
    #expect(try await client.isClosedByServer())
  }

  @Test func `an unknown path is 404, and an unknown method is 405 with the known methods`() async throws {
    let client = try await server().client()
    let missing = try await client.request("GET", "/api/v2/health")
    #expect(missing.status == 404)
    #expect(missing.error == "not_found")
    #expect(missing.json["request_id"]?.text == missing.field("x-request-id"))
    let wrong = try await client.request("DELETE", TestCollector.pushTarget)
    #expect(wrong.status == 405)
    #expect(wrong.field("allow")?.contains("POST") == true)
    let get = try await client.request("PUT", "/api/v1/servers", body: [])
    #expect(get.status == 405)
    #expect(get.field("allow")?.contains("GET") == true)
  }

  @Test func `a push over its limit is refused with 413 by its head alone`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.client()
    try await client.send(head(collector, "Content-Length: \(collector.server.settings.bodyBytes + 1)\r\n"))
    let answer = try await client.answer()
    #expect(answer.status == 413, "\(answer)")
    #expect(answer.error == "body_too_large")
  }

  @Test func `a compression bomb is refused with 413 long before it is inflated`() async throws {
    let collector = try await server().enrol()
    let bomb = GzipDeflater.gzip([UInt8](repeating: 0x20, count: 64 << 20), level: 9)
    let answer = try await collector.push(bomb, [("Content-Encoding", "gzip")])
    #expect(answer.status == 413, "\(answer)")
    #expect(try await collector.ledger() == 0)
  }

  @Test func `damaged gzip is refused with 400 and stores nothing`() async throws {
    let collector = try await server().enrol()
    let client = try await collector.client()
    let body = GzipDeflater.gzip(collector.push(of: [TestCollector.disk("/dev/a", used: 1)]))
    var flipped = body
    flipped[body.count - 6] ^= 1  // in the CRC
    for damaged in [flipped, Array(body.dropLast(3)), body + [1]] {
      let answer = try await collector.push(damaged, over: client)
      #expect(answer.status == 400, "\(answer)")
      #expect(answer.error == "invalid_compression")
    }
    #expect(try await collector.ledger() == 0)
  }

  @Test func `unknown media types and codings are refused with 415`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let form = try await server.client().request(
      "POST", "/api/v1/auth/login", [("Content-Type", "application/x-www-form-urlencoded")], body: Array("a=b".utf8))
    #expect(form.status == 415)
    #expect(form.error == "unsupported_media_type")
    #expect(form.field("accept") == "application/json")
    let client = try await collector.client()
    func push(labelled type: String?) async throws -> TestAnswer {
      let fields = [collector.authorization] + (type.map { [("Content-Type", $0)] } ?? [])
      return try await client.request("POST", TestCollector.pushTarget, fields, body: collector.push(of: []))
    }
    for type in ["text/plain", "application/x-www-form-urlencoded", "application/gzip", "json", ""] {
      let push = try await push(labelled: type)
      #expect(push.status == 415 && push.error == "unsupported_media_type", "\(type): \(push)")
      #expect(push.field("accept") == "application/json")
    }
    let good = [
      "application/json", "Application/JSON; charset=utf-8", "application/vnd.example+json", "text/json", nil,
    ]
    for type in good {
      let push = try await push(labelled: type)
      #expect(push.status == 200, "\(type ?? "none"): \(push)")
    }
    let brotli = try await collector.push(collector.push(of: []), [("Content-Encoding", "br")])
    #expect(brotli.status == 415)
    #expect(brotli.error == "unsupported_content_coding")
  }

  @Test func `an ambiguous message ends the connection`() async throws {
    let collector = try await server().enrol()
    for fields in ["Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 3\r\nContent-Length: 4\r\n"]
    {
      let client = try await collector.client()
      try await client.send(head(collector, fields) + "0\r\n\r\n")
      #expect(try await client.answer().status == 400)
      #expect(try await client.isClosedByServer())
    }
    #expect(try await collector.ledger() == 0)
  }

  @Test func `a request that arrives with the end of its client's session is still answered`() async throws {
    let client = try await server().client()
    try await client.sendLast(TestClient.encode("GET", "/api/v2/nothing"))
    let answer = try await client.answer()
    #expect(answer.status == 404, "\(answer)")
    #expect(try await client.isClosedByServer())
  }

  @Test func `a head over its limit is refused with 431`() async throws {
    let client = try await server().client()
    let answer = try await client.request(
      "GET", "/api/v1/health/live", [("X-Long", String(repeating: "x", count: 17 * 1024))])
    #expect(answer.status == 431)
    #expect(answer.error == "head_too_large")
  }

  @Test func `a client that leaves in the middle of a body leaves nothing behind`() async throws {
    let server = try await server()
    let collector = try await server.enrol()
    let body = collector.push(of: (0..<50).map { TestCollector.disk("/dev/\($0)", used: $0) })
    do {
      let client = try await collector.client()
      try await client.send(head(collector, "Content-Length: \(body.count)\r\n"))
      try await client.send(Array(body.prefix(body.count / 2)))
    }
    // The collector is the same, and so is its writer: this push is stored after any earlier one.
    #expect(try await collector.push(collector.push(of: [TestCollector.disk("/dev/a", used: 1)])).status == 200)
    #expect(try await collector.rows("disk_usage") == 1)
    #expect(try await collector.ledger() == 1)
  }
}
