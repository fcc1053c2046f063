import Protocol
import Testing

struct HTTPLimitsTests {
  private let host = "Host: h\r\n"

  private func outcome(_ message: String, _ change: (inout HTTPLimits) -> Void) -> HTTPError? {
    var limits = HTTPLimits()
    change(&limits)
    let seen = ServerConversation.seen(message, limits: limits)
    if seen.rejection == nil { #expect(seen.contains(.end)) }
    return seen.rejection
  }

  @Test func `a head of the greatest size is read, and one byte more is refused`() {
    let message = RequestCorpus.simple
    #expect(outcome(message) { $0.headBytes = message.utf8.count } == nil)
    let tooLarge = outcome(message) { $0.headBytes = message.utf8.count - 1 }
    #expect(tooLarge == HTTPError(.headTooLarge) && tooLarge?.status == .requestHeaderFieldsTooLarge)
  }

  @Test func `a tolerated empty line does not count as a part of the head`() {
    let message = RequestCorpus.simple
    #expect(outcome("\r\n" + message) { $0.headBytes = message.utf8.count } == nil)
  }

  @Test func `a head that ends in its request line has a target that is too long`() {
    #expect(outcome("GET /aaaaaaaaaaaaaaaaaaa") { $0.headBytes = 20 } == HTTPError(.targetTooLong))
  }

  @Test func `a target of the greatest size is read, and one byte more is refused`() {
    for (length, expected) in [(100, nil), (101, HTTPError(.targetTooLong)), (5000, HTTPError(.targetTooLong))] {
      let target = "/" + String(repeating: "a", count: length - 1)
      #expect(outcome("GET \(target) HTTP/1.1\r\n\(host)\r\n") { $0.targetBytes = 100 } == expected)
    }
    #expect(HTTPError(.targetTooLong).status == .uriTooLong)
  }

  @Test func `an endless target is refused before its line ends`() {
    let line = "GET /" + String(repeating: "a", count: 200)
    #expect(outcome(line) { $0.targetBytes = 100 } == HTTPError(.targetTooLong))
  }

  @Test func `the greatest number of fields is read, and one more is refused`() {
    let fields = (0..<9).map { "X-\($0): 1\r\n" }.joined()
    #expect(outcome("GET / HTTP/1.1\r\n\(host)\(fields)\r\n") { $0.fieldCount = 10 } == nil)
    #expect(
      outcome("GET / HTTP/1.1\r\n\(host)\(fields)X: 1\r\n\r\n") { $0.fieldCount = 10 } == HTTPError(.tooManyFields))
  }

  @Test func `Content-Length is checked at the head`() {
    let head = "POST / HTTP/1.1\r\n\(host)Content-Length: "
    #expect(outcome(head + "5\r\n\r\nhello") { $0.bodyBytes = 5 } == nil)
    let tooLarge = outcome(head + "6\r\n\r\n") { $0.bodyBytes = 5 }
    #expect(tooLarge == HTTPError(.bodyTooLarge) && tooLarge?.status == .contentTooLarge)
  }

  @Test func `the running sum of chunks is checked before their data`() {
    let head = "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
    #expect(outcome(head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") { $0.bodyBytes = 5 } == nil)
    #expect(outcome(head + "3\r\nabc\r\n3\r\n") { $0.bodyBytes = 5 } == HTTPError(.bodyTooLarge))
  }

  @Test func `the extensions of a chunk are limited`() {
    let head = "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
    #expect(outcome(head + "1;abc\r\nx\r\n0\r\n\r\n") { $0.chunkExtensionBytes = 4 } == nil)
    #expect(
      outcome(head + "1;abcd\r\nx\r\n0\r\n\r\n") { $0.chunkExtensionBytes = 4 } == HTTPError(.chunkExtensionTooLong))
  }

  @Test func `the cost of chunk framing beyond the data is limited`() {
    // A chunk has five bytes of framing and one of data, so it costs four bytes of overhead. The last chunk costs
    // three.
    let message =
      "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n" + String(repeating: "1\r\nx\r\n", count: 10)
      + "0\r\n\r\n"
    #expect(outcome(message) { $0.chunkOverheadBytes = 10 * 4 + 3 } == nil)
    #expect(outcome(message) { $0.chunkOverheadBytes = 10 * 4 + 2 } == HTTPError(.chunkOverheadTooLarge))
  }

  @Test func `the trailer section is limited in bytes and fields`() {
    let head = "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n"
    #expect(outcome(head + "X: 1\r\n\r\n") { $0.trailerBytes = 8 } == nil)
    #expect(outcome(head + "X: 1\r\n\r\n") { $0.trailerBytes = 7 } == HTTPError(.trailersTooLarge))
    #expect(outcome(head + "X: 1\r\nY: 1\r\n\r\n") { $0.fieldCount = 2 } == nil)
    #expect(outcome(head + "X: 1\r\nY: 1\r\nZ: 1\r\n\r\n") { $0.fieldCount = 2 } == HTTPError(.tooManyFields))
  }

  @Test func `no more of an endless head is held than its limit`() {
    var conversation = ServerConversation()
    var greatest = 0
    for _ in 0..<20_000 {
      conversation.receive(CollectionOfOne(UInt8(ascii: "a")))
      greatest = max(greatest, conversation.machine.allocatedBytes)
    }
    #expect(conversation.seen == [.reject(HTTPError(.targetTooLong))])
    #expect(greatest <= 2 * HTTPLimits().headBytes)
    #expect(conversation.machine.allocatedBytes == 0)
  }
}
