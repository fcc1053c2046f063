// Answers that are sent often and differ in little: what they have in common is checked and rendered once.

/// Status line, Date and fields of many responses, as bytes.
public struct HTTPResponseTemplate: Sendable {
  private let head: [UInt8]
  /// The Date it was rendered with: with another one it is out of date.
  public let date: String

  /// - Parameters:
  ///   - response: gives status and fields; its body is not looked at.
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
  ///   - name: of one more field, in front of the encoder's own.
  ///   - value: appends that field's value: no control bytes, or the program stops.
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
