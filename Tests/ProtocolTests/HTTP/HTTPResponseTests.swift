import Protocol
import Testing

struct HTTPResponseTests {
  private let date = HTTPDate.imfFixdate(unixSeconds: 784_111_777)

  private func text(_ response: HTTPResponse, _ exchange: HTTPExchange, _ disposition: HTTPServerMachine.Disposition)
    throws -> String
  {
    var buffer = ByteBuffer()
    try response.encode(into: &buffer, date: date, exchange: exchange, disposition: disposition)
    return buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test func `a response is written as head and body`() throws {
    let response = HTTPResponse(
      status: .ok, fields: [HTTPField("Content-Type", "application/json")], body: Array("{}".utf8))
    #expect(
      try text(response, HTTPExchange(), .keepAlive)
        == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: application/json\r\n"
        + "Content-Length: 2\r\n\r\n{}")
  }

  @Test func `the head states a close, and a kept connection of HTTP 1.0`() throws {
    let response = HTTPResponse(status: .contentTooLarge)
    #expect(try text(response, HTTPExchange(), .close).hasSuffix("Content-Length: 0\r\nConnection: close\r\n\r\n"))
    #expect(try text(response, HTTPExchange(minorVersion: 0), .keepAlive).hasSuffix("Connection: keep-alive\r\n\r\n"))
  }

  @Test func `an answer to HEAD states the length without the body`() throws {
    let response = HTTPResponse(status: .ok, body: [1, 2, 3])
    #expect(try text(response, HTTPExchange(isHEAD: true), .keepAlive).hasSuffix("Content-Length: 3\r\n\r\n"))
  }

  @Test(arguments: [HTTPStatus.noContent, .notModified])
  func `a status without a body has neither body nor length`(status: HTTPStatus) throws {
    let written = try text(HTTPResponse(status: status, body: [1]), HTTPExchange(), .keepAlive)
    #expect(!written.contains("Content-Length") && written.hasSuffix("GMT\r\n\r\n"))
  }

  @Test(arguments: [
    (HTTPField("X", "a\r\nSet-Cookie: b"), HTTPEncodingError.invalidFieldValue(name: "X")),
    (HTTPField("X", "a\nb"), .invalidFieldValue(name: "X")),
    (HTTPField("X", "a\0b"), .invalidFieldValue(name: "X")),
    (HTTPField("X: a\r\nY", "b"), .invalidFieldName("X: a\r\nY")),
    (HTTPField("", "b"), .invalidFieldName("")),
    (HTTPField("content-length", "1"), .reservedField(name: "content-length")),
    (HTTPField("Transfer-Encoding", "chunked"), .reservedField(name: "Transfer-Encoding")),
  ])
  func `a response with fields that would break the head is not written at all`(
    field: HTTPField, error: HTTPEncodingError
  ) {
    var buffer = ByteBuffer()
    buffer.append("before")
    var thrown: HTTPEncodingError?
    do throws(HTTPEncodingError) {
      try HTTPResponse(status: .ok, fields: [field]).encode(into: &buffer, date: date, disposition: .keepAlive)
    } catch { thrown = error }
    #expect(thrown == error)
    #expect(buffer.count == 6)
  }

  @Test func `100 Continue is written`() {
    var buffer = ByteBuffer()
    HTTPResponse.appendContinue(into: &buffer)
    #expect(buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == "HTTP/1.1 100 Continue\r\n\r\n")
  }

  @Test func `every refusal has a client or server error with a phrase`() {
    for reason in HTTPError.Reason.allCases {
      let status = HTTPError(reason).status
      #expect((400...599).contains(status.code))
      #expect(status.reasonPhrase.utf8CodeUnitCount > 0)
    }
  }

  @Test func `a request line that would be read differently is refused`() {
    for (method, target) in [("GET", "/a b"), ("GET", "/\r\nX: 1"), ("GET", ""), ("G T", "/"), ("", "/")] {
      var buffer = ByteBuffer()
      let request = HTTPRequest(method: HTTPMethod(method), target: target, authority: "h")
      #expect(throws: HTTPEncodingError.invalidRequestLine) { try request.encode(into: &buffer) }
      #expect(buffer.count == 0)
    }
  }
}

struct HTTPDateTests {
  // The expected values come from `date -u -R -d @N` (coreutils).
  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
    (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
    (-62_167_219_200, "Sat, 01 Jan 0000 00:00:00 GMT"), (Int64.min, "Sat, 01 Jan 0000 00:00:00 GMT"),
  ])
  func `seconds since 1970 are formatted`(seconds: Int64, expected: String) {
    #expect(HTTPDate.imfFixdate(unixSeconds: seconds) == expected)
  }
}
