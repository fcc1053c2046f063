import FuzzTargets
import Protocol
import Testing

struct HTTPServerMachineTests {
  @Test(arguments: RequestCorpus.all)
  func `events do not depend on where the stream is cut`(message: String) {
    let bytes = Array(message.utf8)
    let whole = ServerConversation.seen([bytes[...]])
    #expect(whole.rejection == nil)
    #expect(whole.contains(.end))
    for pieces in splits(of: bytes) { #expect(ServerConversation.seen(pieces) == whole) }
  }

  @Test(arguments: SmugglingTable.rows)
  func `refusals do not depend on where the stream is cut`(row: SmugglingTable.Row) {
    let whole = ServerConversation.seen([row.message[...]])
    for pieces in splits(of: row.message) { #expect(ServerConversation.seen(pieces) == whole) }
  }

  @Test func `a push is read`() throws {
    let seen = ServerConversation.seen(RequestCorpus.push)
    let head = try #require(seen.heads.first)
    #expect(head.method == .post)
    #expect(head.target.segments == ["api", "v1", "metrics", "push"])
    #expect(try head.target.queryItems() == [.init(name: "a", value: "1")])
    #expect(head.minorVersion == 1)
    #expect(head.framing == .length(13))
    #expect(head.keepAlive && !head.expectsContinue)
    #expect(head.string(named: "content-type") == "application/json")
    #expect(head.bearerToken.map(Array.init) == Array("abc.def.ghi".utf8))
    #expect(seen.dropFirst() == [.body(Array("{\"metrics\":1}".utf8)), .end, .finished(.keepAlive)])
  }

  @Test func `the data of chunks comes without their framing`() {
    #expect(ServerConversation.seen(RequestCorpus.chunked).bodies == ["hello world"])
  }

  @Test func `a body range points into the input`() {
    var machine = HTTPServerMachine()
    let input = Array((RequestCorpus.push + RequestCorpus.simple).utf8)
    let bodyStart = RequestCorpus.push.utf8.count - 13
    var position = 0
    guard case .head = machine.next(input.span, &position) else { return #expect(Bool(false), "no head") }
    #expect(position == bodyStart)
    #expect(machine.isReadingBody == true)
    #expect(machine.next(input.span, &position) == .body(bodyStart..<bodyStart + 13))
    #expect(machine.bodyBytesReceived == 13)
    #expect(machine.next(input.span, &position) == .end)
  }

  @Test func `no pipelined byte is read before the answer is finished`() {
    var machine = HTTPServerMachine()
    let input = Array((RequestCorpus.simple + RequestCorpus.simple).utf8)
    var position = 0
    _ = machine.next(input.span, &position)
    #expect(machine.next(input.span, &position) == .end)
    for _ in 0..<3 { #expect(machine.next(input.span, &position) == .needInput) }
    #expect(position == RequestCorpus.simple.utf8.count)
    #expect(machine.responseFinished() == .keepAlive)
    guard case .head = machine.next(input.span, &position) else { return #expect(Bool(false), "no second head") }
    #expect(position == input.count)
  }

  @Test func `the connection closes when the answer comes before an endless chunked body`() throws {
    var machine = HTTPServerMachine()
    let input = Array(RequestCorpus.refreshToken.utf8)
    var position = 0
    guard case .head(let head) = machine.next(input.span, &position) else {
      return #expect(Bool(false), "no head before the body")
    }
    #expect(head.expectsContinue && head.framing == .chunked)
    #expect(machine.next(input.span, &position) == .needInput)
    #expect(machine.responseFinished() == .close)
    #expect(machine.isClosed == true)
    let late = Array("0\r\n\r\nGET / HTTP/1.1\r\n".utf8)
    position = 0
    #expect(machine.next(late.span, &position) == .needInput)
    #expect(position == 0)
  }

  @Test func `the connection closes when the answer comes before the last body byte, and not after it`() {
    for (unread, expected) in [(1, HTTPServerMachine.Disposition.close), (0, .keepAlive)] {
      var machine = HTTPServerMachine()
      let input = Array(RequestCorpus.push.utf8.dropLast(unread))
      var position = 0
      _ = machine.next(input.span, &position)
      _ = machine.next(input.span, &position)
      #expect(machine.responseFinished() == expected)
    }
  }

  @Test func `the connection stays when a request without a body is answered at its head`() {
    var machine = HTTPServerMachine()
    let input = Array(RequestCorpus.simple.utf8)
    var position = 0
    _ = machine.next(input.span, &position)
    #expect(machine.responseFinished() == .keepAlive)
    #expect(machine.isIdle == true)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", HTTPServerMachine.Disposition.keepAlive),
    ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", .close),
    ("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: x, CLOSE ,y\r\n\r\n", .close),
    ("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\n\r\n", .keepAlive),
    ("GET / HTTP/1.0\r\n\r\n", .close),
    ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", .keepAlive),
    ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", .close),
  ])
  func `the client's wish about the connection is honoured`(message: String, expected: HTTPServerMachine.Disposition) {
    #expect(ServerConversation.seen(message).last == .finished(expected))
  }

  @Test func `the connection closes when an answer comes before a whole head, as after a deadline`() {
    var machine = HTTPServerMachine()
    let input = Array("GET / HT".utf8)
    var position = 0
    #expect(machine.next(input.span, &position) == .needInput)
    #expect(machine.responseFinished() == .close)
    #expect(machine.isClosed && machine.allocatedBytes == 0)
  }

  @Test func `the machine rejects once and reads nothing after that`() {
    var conversation = ServerConversation()
    conversation.receive("GET / HTTP/1.1\nHost: h\r\n\r\n".utf8)
    conversation.receive(RequestCorpus.simple.utf8)
    #expect(conversation.seen == [.reject(HTTPError(.bareLineFeed))])
    #expect(conversation.machine.isClosed == true)
    #expect(conversation.machine.responseFinished() == .close)
    let closed = conversation.leftover.count
    conversation.receive("x".utf8)
    #expect(conversation.leftover.count == closed + 1)
  }

  @Test func `the machine knows idle, head and body apart, and owns memory only for a partial head`() {
    var conversation = ServerConversation()
    #expect(conversation.machine.isIdle && conversation.machine.allocatedBytes == 0)
    conversation.receive("\r\n".utf8)
    #expect(conversation.machine.isIdle && !conversation.machine.isReadingHead)
    conversation.receive("P".utf8)
    #expect(!conversation.machine.isIdle && conversation.machine.isReadingHead)
    #expect(conversation.machine.allocatedBytes > 0)
    conversation.receive("OST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n".utf8)
    #expect(!conversation.machine.isIdle && conversation.machine.isReadingBody)
    #expect(conversation.machine.allocatedBytes == 0)
    conversation.receive("x".utf8)
    #expect(conversation.machine.isIdle && conversation.machine.allocatedBytes == 0)
  }

  @Test func `each byte of a dripping head is examined once`() {
    var head = "GET / HTTP/1.1\r\nHost: h\r\n"
    while head.utf8.count < 8000 { head += "X-Filler-\(head.utf8.count): \(String(repeating: "v", count: 90))\r\n" }
    head += "\r\n"
    var conversation = ServerConversation()
    for byte in head.utf8 { conversation.receive(CollectionOfOne(byte)) }
    #expect(conversation.seen.heads.count == 1)
    #expect(conversation.machine.headBytesExamined == head.utf8.count)
    // Each byte causes one call that asks for more. The last byte also brings head and end.
    #expect(conversation.steps == head.utf8.count + 2)
  }

  @Test func `the exchange has what the encoder needs of the request`() {
    var conversation = ServerConversation()
    conversation.receive("HEAD / HTTP/1.0\r\n\r\n".utf8)
    #expect(conversation.machine.exchange == HTTPExchange(isHEAD: true, minorVersion: 0))
  }

  @Test func `the expectation of HTTP 1.0 and of a request without a body is ignored`() throws {
    for message in [
      "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
      "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    ] {
      #expect(try #require(ServerConversation.seen(message).heads.first).expectsContinue == false)
    }
  }
}

struct HTTPRequestHeadTests {
  private func head(_ fields: String) throws -> HTTPRequestHead {
    try #require(ServerConversation.seen("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n").heads.first)
  }

  @Test func `duplicate fields stay in order, and names are found in any case`() throws {
    let head = try head("X-A: 1\r\nx-b: 2\r\nx-a:\t3 \r\nX-Empty:\r\n")
    #expect(head.all(named: "x-a").map { String(decoding: $0, as: UTF8.self) } == ["1", "3"])
    #expect(head.string(named: "x-a") == "1")
    #expect(head.string(named: "x-empty") == "")
    #expect(head.first(named: "x-c") == nil)
    #expect(head.fields.count == 5)
    #expect(String(decoding: head.fields.name(at: 1), as: UTF8.self) == "X-A")
  }

  @Test(
    arguments: [
      ("Bearer abc", "abc"), ("bearer  a.b-c", "a.b-c"), ("Basic abc", nil), ("Bearer", nil), ("Bearer ", nil),
      ("Bearerabc", nil), ("Bearer a b", nil), ("Bearer\tabc", nil),
    ] as [(String, String?)])
  func `a bearer token is found`(value: String, expected: String?) throws {
    let token = try head("Authorization: \(value)\r\n").bearerToken
    #expect(token.map { String(decoding: $0, as: UTF8.self) } == expected)
  }

  @Test(arguments: [
    ("", ContentCoding.identity), ("Content-Encoding: identity\r\n", .identity), ("Content-Encoding: GZip\r\n", .gzip),
    ("Content-Encoding: x-gzip\r\n", .gzip), ("Content-Encoding: br\r\n", .unsupported),
    ("Content-Encoding: gzip, gzip\r\n", .unsupported),
    ("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", .unsupported),
  ])
  func `the content coding is named`(field: String, expected: ContentCoding) throws {
    #expect(try head(field).contentCoding == expected)
  }
}
