import Protocol
import Testing

struct HTTPBodyFramerTests {
  private let date = HTTPDate.imfFixdate(unixSeconds: 784_111_777)

  private func head(
    _ exchange: HTTPExchange, _ buffer: inout ByteBuffer, status: HTTPStatus = .ok
  ) throws -> HTTPBodyFramer {
    try HTTPResponse(status: status).encodeHead(into: &buffer, date: date, exchange: exchange, disposition: .keepAlive)
  }

  private func text(_ buffer: borrowing ByteBuffer) -> String {
    buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test func `parts are framed in chunks and end with trailers`() throws {
    var buffer = ByteBuffer()
    let framer = try head(HTTPExchange(), &buffer)
    #expect(text(buffer).hasSuffix("GMT\r\nTransfer-Encoding: chunked\r\n\r\n"))
    #expect(framer.hasBody && !framer.endsWithConnection)
    buffer.removeAll()
    framer.append([UInt8](repeating: 0x61, count: 26).span, to: &buffer)
    framer.append([UInt8]().span, to: &buffer)
    try framer.finish(trailers: [HTTPField("X-Next", "1")], to: &buffer)
    #expect(text(buffer) == "1a\r\n" + String(repeating: "a", count: 26) + "\r\n0\r\nX-Next: 1\r\n\r\n")
  }

  @Test func `the end of the connection ends a body for HTTP 1.0, and the head says so`() throws {
    var buffer = ByteBuffer()
    let framer = try head(HTTPExchange(minorVersion: 0), &buffer)
    #expect(text(buffer).hasSuffix("GMT\r\nConnection: close\r\n\r\n"))
    #expect(framer.endsWithConnection)
    buffer.removeAll()
    framer.append(Array("ab".utf8).span, to: &buffer)
    try framer.finish(trailers: [HTTPField("X-Next", "1")], to: &buffer)
    #expect(text(buffer) == "ab")
  }

  @Test(arguments: [0, 1])
  func `parts follow unframed where the head states their length`(minorVersion: Int) throws {
    var buffer = ByteBuffer()
    let exchange = HTTPExchange(minorVersion: minorVersion)
    let framer = try HTTPResponse(status: .ok).encodeHead(
      into: &buffer, date: date, exchange: exchange, disposition: .keepAlive, length: 4)
    #expect(text(buffer).contains("GMT\r\nContent-Length: 4\r\n"))
    #expect(!text(buffer).contains("close") && !framer.endsWithConnection && framer.hasBody)
    buffer.removeAll()
    for part in ["ab", "", "cd"] { framer.append(Array(part.utf8).span, to: &buffer) }
    try framer.finish(to: &buffer)
    #expect(text(buffer) == "abcd")
    let none = try HTTPResponse(status: .ok).encodeHead(
      into: &buffer, date: date, exchange: HTTPExchange(isHEAD: true), disposition: .keepAlive, length: 4)
    #expect(text(buffer).contains("Content-Length: 4\r\n") && !none.hasBody)
  }

  @Test(arguments: [(HTTPExchange(isHEAD: true), HTTPStatus.ok), (HTTPExchange(), .notModified)])
  func `HEAD gets no body, and a status without a body has none`(exchange: HTTPExchange, status: HTTPStatus) throws {
    var buffer = ByteBuffer()
    let framer = try head(exchange, &buffer, status: status)
    #expect(text(buffer).contains("chunked") == (status == .ok))
    #expect(!framer.hasBody)
    buffer.removeAll()
    framer.append(Array("ab".utf8).span, to: &buffer)
    try framer.finish(to: &buffer)
    #expect(buffer.count == 0)
  }

  @Test(arguments: [HTTPField("X", "a\r\nb"), HTTPField("Content-Length", "1"), HTTPField("transfer-encoding", "x")])
  func `trailers that would break the message are not written`(field: HTTPField) throws {
    var buffer = ByteBuffer()
    let framer = try head(HTTPExchange(), &buffer)
    buffer.removeAll()
    #expect(throws: HTTPEncodingError.self) { try framer.finish(trailers: [field], to: &buffer) }
    #expect(buffer.count == 0)
  }

  @Test func `a client reads a chunked body back at every split, and a body without its last chunk is truncated`()
    throws
  {
    var buffer = ByteBuffer()
    let framer = try head(HTTPExchange(), &buffer)
    let parts = ["time,a\r\n", "1,2\r\n", String(repeating: "x", count: 300)]
    for part in parts { framer.append(Array(part.utf8).span, to: &buffer) }
    let unfinished = buffer.count
    try framer.finish(trailers: [HTTPField("X-Next", "1")], to: &buffer)
    let bytes = buffer.withUnsafeBytes { Array($0) }
    for split in 0...bytes.count {
      var machine = HTTPClientMachine()
      machine.expectResponse()
      var body: [UInt8] = []
      var hasEnded = false
      for piece in [Array(bytes[..<split]), Array(bytes[split...])] {
        var position = 0
        feeding: while true {
          switch machine.next(piece.span, &position) {
          case .body(let range): body += piece[range]
          case .end: hasEnded = true
          case .head, .interim: continue
          case .needInput: break feeding
          case .fail(let error):
            Issue.record("\(error) at \(split)")
            break feeding
          }
        }
      }
      #expect(hasEnded && String(decoding: body, as: UTF8.self) == parts.joined(), "split at \(split)")
    }
    var machine = HTTPClientMachine()
    machine.expectResponse()
    var position = 0
    while machine.next(Array(bytes[..<unfinished]).span, &position) != .needInput {}
    #expect(machine.inputEnded() == .fail(.closedWithinResponse))
  }
}
