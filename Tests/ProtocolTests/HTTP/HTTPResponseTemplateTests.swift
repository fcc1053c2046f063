import Protocol
import Testing

struct HTTPResponseTemplateTests {
  private let date = HTTPDate.imfFixdate(unixSeconds: 784_111_777)

  @Test(arguments: [
    (HTTPExchange(), HTTPServerMachine.Disposition.keepAlive), (HTTPExchange(), .close),
    (HTTPExchange(minorVersion: 0), .keepAlive), (HTTPExchange(isHEAD: true), .keepAlive),
  ])
  func `a template writes the same bytes as the response`(
    exchange: HTTPExchange, disposition: HTTPServerMachine.Disposition
  ) throws {
    var response = HTTPResponse(
      status: .ok, fields: [HTTPField("Content-Type", "application/json")], body: Array("{}".utf8))
    var written = ByteBuffer()
    try HTTPResponseTemplate(response, date: date).encode(
      into: &written, field: "X-Request-ID", value: { $0.append(hex: 0x1234_5678_9ABC_DEF0) }, body: response.body.span,
      exchange: exchange, disposition: disposition)
    response.fields.append(HTTPField("X-Request-ID", "123456789abcdef0"))
    var expected = ByteBuffer()
    try response.encode(into: &expected, date: date, exchange: exchange, disposition: disposition)
    #expect(written.withUnsafeBytes { [UInt8]($0) } == expected.withUnsafeBytes { [UInt8]($0) })
  }

  @Test func `fields that would break the head make no template`() {
    let response = HTTPResponse(status: .ok, fields: [HTTPField("X", "a\r\nSet-Cookie: b")])
    #expect(throws: HTTPEncodingError.invalidFieldValue(name: "X")) { try HTTPResponseTemplate(response, date: date) }
  }
}
