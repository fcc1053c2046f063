// Answers that are sent often and differ only in one field and the body. The rest is checked and rendered once.

/// Status line, Date and fields of many responses, as bytes.
public struct HTTPResponseTemplate: Sendable {
  private let head: [UInt8]
  /// The Date in the template. When the current date differs, the caller makes a new template.
  public let date: String

  /// Renders the template.
  /// - Parameters:
  ///   - response: gives status and fields; its body is ignored.
  ///   - date: as in `HTTPResponse.encode`.
  /// - Throws: as `HTTPResponse.encode`.
  public init(_ response: HTTPResponse, date: String) throws(HTTPEncodingError) {
    precondition(response.status.permitsBody, "a template is for responses with a body")
    var buffer = ByteBuffer(minimumCapacity: 256)
    try response.appendFields(to: &buffer, date: date)
    head = buffer.withUnsafeBytes { [UInt8]($0) }
    self.date = date
  }

  /// Appends one response.
  /// - Parameters:
  ///   - name: the name of one more field, which precedes the encoder's own fields.
  ///   - value: appends that field's value. A control byte in the value ends the process.
  ///   - exchange, disposition: as in `HTTPResponse.encode`.
  public func encode(
    into buffer: inout ByteBuffer, field name: StaticString, value: (inout ByteBuffer) -> Void, body: Span<UInt8>,
    exchange: HTTPExchange, disposition: HTTPServerMachine.Disposition
  ) {
    buffer.reserve(head.count + body.count + 256)
    buffer.append(head)
    buffer.append(name)
    buffer.append(": ")
    let start = buffer.count
    value(&buffer)
    let end = buffer.count
    precondition(
      HTTPScan.firstControl(buffer.span, from: start, to: end) == end, "a field's value would start another line")
    buffer.append("\r\nContent-Length: ")
    buffer.append(decimal: body.count)
    buffer.append("\r\n")
    HTTPResponse.endHead(in: &buffer, exchange, disposition)
    if !exchange.isHEAD { buffer.append(body) }
  }
}
