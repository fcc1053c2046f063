// Responses to send (RFC 9112 §4, §6). Head and body go into one buffer, so that they leave in one TLS record.

/// What an answer depends on besides itself.
public struct HTTPExchange: Sendable, Equatable {
  /// The answer to HEAD has no body, but the Content-Length it would have.
  public let isHEAD: Bool
  /// The client's HTTP/1.x.
  public let minorVersion: Int

  public init(isHEAD: Bool = false, minorVersion: Int = 1) {
    self.isHEAD = isHEAD
    self.minorVersion = minorVersion
  }
}

/// A complete response: status, fields, body.
public struct HTTPResponse: Sendable, Equatable {
  public var status: HTTPStatus
  /// Without Content-Length, Transfer-Encoding, Connection and Date: the encoder writes those.
  public var fields: [HTTPField]
  public var body: [UInt8]
  /// Whether the body is held elsewhere all the time: sending it little by little costs no memory then.
  public var isBodyShared = false

  /// - Parameter status: final (200 or more); interim responses are `appendContinue`.
  public init(status: HTTPStatus, fields: [HTTPField] = [], body: [UInt8] = []) {
    precondition(!status.isInformational, "\(status) is not a final status")
    self.status = status
    self.fields = fields
    self.body = body
  }

  private static let reserved = ["content-length", "transfer-encoding", "connection", "date"]

  /// Appends the response.
  /// - Parameters:
  ///   - date: an IMF-fixdate, see `HTTPDate`; the owner has the clock.
  ///   - exchange: of the request, `HTTPServerMachine.exchange`.
  ///   - disposition: what `responseFinished()` said, or `.close` if the owner wants to close anyway.
  /// - Throws: a fault in `fields`; `buffer` is unchanged then.
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

  /// Status line, Date and the response's own fields. - Throws: as `encode`, before anything is appended.
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

  /// Appends `100 Continue`: the answer to `HTTPRequestHead.expectsContinue` when the body is wanted.
  public static func appendContinue(into buffer: inout ByteBuffer) {
    buffer.append("HTTP/1.1 100 Continue\r\n\r\n")
  }
}
