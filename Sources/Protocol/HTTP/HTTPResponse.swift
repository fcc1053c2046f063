// Responses to send (RFC 9112 §4, §6). Head and body go into one buffer, so that they leave in one TLS record.

/// The properties of a request that affect the encoding of its answer.
public struct HTTPExchange: Sendable, Equatable {
  /// Whether the request is HEAD. Its answer has no body, but the Content-Length that the body would have.
  public let isHEAD: Bool
  /// The client's HTTP version: 0 for HTTP/1.0, 1 for HTTP/1.1.
  public let minorVersion: Int

  /// Makes the properties; by default those of a GET by HTTP/1.1.
  public init(isHEAD: Bool = false, minorVersion: Int = 1) {
    self.isHEAD = isHEAD
    self.minorVersion = minorVersion
  }
}

/// A complete response: status, fields, body.
public struct HTTPResponse: Sendable, Equatable {
  /// The status, which is final (200 or more).
  public var status: HTTPStatus
  /// The fields without Content-Length, Transfer-Encoding, Connection and Date, which the encoder writes.
  public var fields: [HTTPField]
  /// The body.
  public var body: [UInt8]
  /// Whether the body's memory is held as long as the server runs, and many answers share it. The server sends such a
  /// body part by part, without a copy of the whole body for each answer.
  public var isBodyShared = false

  /// Makes a response.
  /// - Parameter status: final (200 or more). For an interim response use `appendContinue`.
  public init(status: HTTPStatus, fields: [HTTPField] = [], body: [UInt8] = []) {
    precondition(!status.isInformational, "\(status) is not a final status")
    self.status = status
    self.fields = fields
    self.body = body
  }

  private static let reserved = ["content-length", "transfer-encoding", "connection", "date"]

  /// Appends the response.
  /// - Parameters:
  ///   - date: an IMF-fixdate, see `HTTPDate`.
  ///   - exchange: `HTTPServerMachine.exchange` of the request.
  ///   - disposition: the result of `responseFinished()`, or `.close` if the caller closes the connection for another
  ///     reason.
  /// - Throws: if a field is invalid. `buffer` is then unchanged.
  public func encode(
    into buffer: inout ByteBuffer, date: String, exchange: HTTPExchange = HTTPExchange(),
    disposition: HTTPServerMachine.Disposition
  ) throws(HTTPEncodingError) {
    let writesBody = status.permitsBody && !exchange.isHEAD
    buffer.reserve(256 + (writesBody ? body.count : 0))
    try appendFields(to: &buffer, date: date)
    if status.permitsBody { Self.appendLength(body.count, to: &buffer) }
    Self.endHead(in: &buffer, exchange, disposition)
    if writesBody { buffer.append(body) }
  }

  /// Appends status line, Date and the response's own fields.
  /// - Throws: if a field is invalid. `buffer` is then unchanged.
  func appendFields(to buffer: inout ByteBuffer, date: String) throws(HTTPEncodingError) {
    try HTTPField.validate(fields, reserved: Self.reserved)
    if date.utf8.contains(where: HTTPGrammar.isControl) { throw .invalidFieldValue(name: "Date") }
    buffer.append("HTTP/1.1 ")
    buffer.append(decimal: Int(status.code))
    buffer.append(" ")
    buffer.append(status.reasonPhrase)
    buffer.append("\r\nDate: ")
    buffer.append(utf8: date)
    buffer.append("\r\n")
    for field in fields { buffer.append(field) }
  }

  static func appendLength(_ length: Int, to buffer: inout ByteBuffer) {
    buffer.append("Content-Length: ")
    buffer.append(decimal: length)
    buffer.append("\r\n")
  }

  static func endHead(
    in buffer: inout ByteBuffer, _ exchange: HTTPExchange, _ disposition: HTTPServerMachine.Disposition
  ) {
    switch disposition {
    case .close: buffer.append("Connection: close\r\n")
    case .keepAlive: if exchange.minorVersion == 0 { buffer.append("Connection: keep-alive\r\n") }
    }
    buffer.append("\r\n")
  }

  /// Appends `100 Continue`: the answer to `HTTPRequestHead.expectsContinue` when the server wants the body.
  public static func appendContinue(into buffer: inout ByteBuffer) {
    buffer.append("HTTP/1.1 100 Continue\r\n\r\n")
  }
}
