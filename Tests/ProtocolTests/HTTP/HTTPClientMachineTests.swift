import Protocol
import Testing

/// The events of a client that expects `responses` responses. Adjacent body events are merged.
private enum Seen: Equatable {
  case interim(HTTPResponseHead)
  case head(HTTPResponseHead)
  case body([UInt8])
  case end
  case fail(HTTPClientError)

  static func all(
    _ pieces: [ArraySlice<UInt8>], responses: Int = 1, toHEAD: Bool = false, endsInput: Bool = false,
    limits: HTTPLimits = HTTPLimits()
  ) -> [Seen] {
    var machine = HTTPClientMachine(limits: limits)
    var expected = responses - 1
    machine.expectResponse(toHEAD: toHEAD)
    var seen: [Seen] = []
    var input: [UInt8] = []
    for piece in pieces {
      input += piece
      var position = 0
      loop: while true {
        switch machine.next(input.span, &position) {
        case .needInput: break loop
        case .interim(let head): seen.append(.interim(head))
        case .head(let head): seen.append(.head(head))
        case .body(let range):
          if case .body(let earlier) = seen.last {
            seen[seen.count - 1] = .body(earlier + input[range])
          } else {
            seen.append(.body(Array(input[range])))
          }
        case .end:
          seen.append(.end)
          if expected > 0, machine.isIdle {
            expected -= 1
            machine.expectResponse(toHEAD: toHEAD)
          }
        case .fail(let error): seen.append(.fail(error))
        }
      }
      input.removeFirst(position)
    }
    if endsInput {
      switch machine.inputEnded() {
      case .end: seen.append(.end)
      case .fail(let error): seen.append(.fail(error))
      case .needInput, .interim, .head, .body: break
      }
    }
    return seen
  }

  static func all(_ text: String, toHEAD: Bool = false, endsInput: Bool = false) -> [Seen] {
    all([Array(text.utf8)[...]], toHEAD: toHEAD, endsInput: endsInput)
  }
}

struct HTTPClientMachineTests {
  @Test(arguments: [
    (1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    (1, "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\n"),
    (
      1,
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
        + "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
    ),
    (
      3,
      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
        + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    ),
    (1, "HTTP/1.0 200 OK\r\n\r\neverything until the end"),
    (1, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"),
  ])
  func `events do not depend on where the stream is cut`(responses: Int, message: String) {
    let bytes = Array(message.utf8)
    let whole = Seen.all([bytes[...]], responses: responses, endsInput: true)
    #expect(whole.filter { $0 == .end }.count == responses && whole.last == .end)
    for pieces in splits(of: bytes) { #expect(Seen.all(pieces, responses: responses, endsInput: true) == whole) }
  }

  @Test func `reads the answer to HEAD without a body`() {
    let seen = Seen.all("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", toHEAD: true)
    #expect(seen.count == 2 && seen.last == .end)
  }

  @Test(arguments: [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "HTTP/1.1 200 OK\r\nContent-Le", "H",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
  ])
  func `tells a response that the server cut short from one that never began`(message: String) {
    #expect(Seen.all(message, endsInput: true).last == .fail(.closedWithinResponse))
    #expect(Seen.all("", endsInput: true).last == .fail(.closedUnanswered))
  }

  @Test(arguments: [
    ("HTTP/1.1 200\r\n\r\n", HTTPError.Reason.malformedStatusLine), ("HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine),
    ("HTTP/1.1 20x OK\r\n\r\n", .malformedStatusLine), ("HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
    ("HTTP/1.1 600 No\r\n\r\n", .unexpectedStatus), ("HTTP/1.1 099 No\r\n\r\n", .unexpectedStatus),
    ("HTTP/1.1 101 Switching Protocols\r\n\r\n", .unexpectedStatus),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .repeatedContentLength),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .contentLengthWithTransferEncoding),
    ("HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n", .bareLineFeed),
    (String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9), .unexpectedStatus),
  ])
  func `refuses a malformed response`(message: String, reason: HTTPError.Reason) {
    #expect(Seen.all(message).last == .fail(.malformed(HTTPError(reason))))
  }

  @Test func `bounds a body that only the connection's end ends`() {
    var limits = HTTPLimits()
    limits.bodyBytes = 4
    let head = "HTTP/1.1 200 OK\r\n\r\n"
    let fits = Seen.all(splits(of: Array((head + "1234").utf8))[0], endsInput: true, limits: limits)
    #expect(fits.suffix(2) == [.body(Array("1234".utf8)), .end])
    let tooLarge = Seen.all(splits(of: Array((head + "12345").utf8))[0], endsInput: true, limits: limits)
    #expect(tooLarge.last == .fail(.malformed(HTTPError(.bodyTooLarge))))
  }

  @Test(arguments: ["HTTP/1.1 200 OK\r\n\r\n", "x"])
  func `fails on bytes that no request asked for, before the first request and after a response`(message: String) {
    var machine = HTTPClientMachine()
    var position = 0
    let nothing: [UInt8] = []
    #expect(machine.next(nothing.span, &position) == .needInput && machine.isIdle)
    let input = Array(message.utf8)
    #expect(machine.next(input.span, &position) == .fail(.unrequestedBytes))
    #expect(position == 0 && machine.isClosed && machine.next(input.span, &position) == .needInput)

    let answered = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
    for pieces in splits(of: Array((answered + message).utf8)) {
      let seen = Seen.all(pieces, endsInput: true)
      #expect(seen.dropFirst() == [.body(Array("x".utf8)), .end, .fail(.unrequestedBytes)])
    }
  }

  @Test(arguments: [
    HTTPRequest.Body.none, .bytes([]), .bytes(Array("hello".utf8)), .chunked([], chunkBytes: 3),
    .chunked(Array("hello world".utf8), chunkBytes: 4), .chunked(Array(repeating: 7, count: 300), chunkBytes: 300),
  ])
  func `what the client encodes the server reads, and the other way round`(body: HTTPRequest.Body) throws {
    let sent: [UInt8] =
      switch body {
      case .none: []
      case .bytes(let bytes), .chunked(let bytes, _): bytes
      }
    var wire = ByteBuffer()
    let request = HTTPRequest(
      method: .put, target: "/a/b?c=d", authority: "host:1", fields: [HTTPField("X-Id", "42")], body: body)
    try request.encode(into: &wire)
    let requestBytes = wire.withUnsafeBytes { [UInt8]($0) }
    for pieces in splits(of: requestBytes) {
      let seen = ServerConversation.seen(pieces)
      let head = try #require(seen.heads.first)
      #expect(head.method == .put && head.string(named: "x-id") == "42" && head.string(named: "host") == "host:1")
      #expect(seen.dropFirst() == (sent.isEmpty ? [] : [.body(sent)]) + [.end, .finished(.keepAlive)])
    }

    wire.removeAll()
    let response = HTTPResponse(status: .created, fields: [HTTPField("X-Id", "42")], body: sent)
    let date = HTTPDate.imfFixdate(unixSeconds: 0)
    try response.encode(into: &wire, date: date, disposition: .close)
    let responseBytes = wire.withUnsafeBytes { [UInt8]($0) }
    for pieces in splits(of: responseBytes) {
      let seen = Seen.all(pieces)
      guard case .head(let head) = seen.first else {
        #expect(Bool(false), "no head in \(seen)")
        continue
      }
      #expect(head.status == .created && !head.keepAlive && head.framing == .length(sent.count))
      #expect(head.fields.string(named: "date") == date && head.fields.string(named: "x-id") == "42")
      #expect(seen.dropFirst() == (sent.isEmpty ? [] : [.body(sent)]) + [.end])
    }
  }

  @Test(arguments: SeededGenerator.fuzzSeeds("HTTPClientMachine"))
  func `survives mutated responses, and sees the same in any pieces`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let corpus = [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\neverything until the end",
    ].map { Array($0.utf8) }
    for _ in 0..<2000 {
      let message = Mutation.mutate(corpus.randomElement(using: &generator) ?? [], using: &generator)
      let whole = Seen.all([message[...]], responses: 3, endsInput: true)
      let pieces = randomSplit(of: message, longest: 20, using: &generator)
      #expect(Seen.all(pieces, responses: 3, endsInput: true) == whole, "seed \(seed): \(message)")
    }
  }
}
