// Bodies that go out part by part (RFC 9112 §6.3, §7.1).
//
// Where the head tells the length, the parts follow as they are. Where nobody knows it yet, HTTP/1.1 gets chunks; the last
// one says that the body is whole, so a body that had to be given up is one without it. HTTP/1.0 knows no chunks: its body
// ends with the connection, and only how that ends can tell a whole one from a part.

/// How the parts of one such body are put on the wire.
public struct HTTPBodyFramer: Sendable, Equatable {
  enum Framing: Equatable {
    /// Its length is in the head.
    case length
    case chunked
    case untilClose
    /// The answer to HEAD, or a status that permits none.
    case none
  }

  let framing: Framing

  /// Whether there is a body at all; if not, nothing of it needs to be made.
  public var hasBody: Bool { framing != .none }

  /// Whether the connection must be closed after the body, because nothing else ends it.
  public var endsWithConnection: Bool { framing == .untilClose }

  /// Appends one part of the body. An empty one appends nothing: as a chunk it would end the body.
  public func append(_ part: Span<UInt8>, to buffer: inout ByteBuffer) {
    if part.isEmpty { return }
    switch framing {
    case .none: return
    case .length, .untilClose: buffer.append(part)
    case .chunked:
      buffer.reserve(part.count + 20)
      buffer.append(utf8: String(part.count, radix: 16))
      buffer.append("\r\n")
      buffer.append(part)
      buffer.append("\r\n")
    }
  }

  /// Ends the body. - Parameter trailers: what was not known before; only chunks have a place for it.
  /// - Throws: a fault in `trailers`; `buffer` is unchanged then.
  public func finish(trailers: [HTTPField] = [], to buffer: inout ByteBuffer) throws(HTTPEncodingError) {
    try HTTPField.validate(trailers, reserved: Self.notTrailers)
    switch framing {
    case .none, .length, .untilClose: return
    case .chunked:
      buffer.append("0\r\n")
      for field in trailers { buffer.append(field) }
      buffer.append("\r\n")
    }
  }

  /// Fields that mean something to the message itself (RFC 9110 §6.5.1).
  private static let notTrailers = [
    "content-length", "transfer-encoding", "connection", "date", "host", "trailer", "content-type", "content-encoding",
  ]
}

extension HTTPResponse {
  /// Appends the head of a response whose body follows in parts; `body` is not looked at.
  /// - Parameters: as of `encode`, and the body's length in bytes if it is known. If it is not, the head says
  ///   `Connection: close` to HTTP/1.0 whatever the disposition.
  /// - Returns: what frames the parts.
  /// - Throws: a fault in `fields`; `buffer` is unchanged then.
  public func encodeHead(
    into buffer: inout ByteBuffer, date: String, exchange: HTTPExchange = HTTPExchange(),
    disposition: HTTPServerMachine.Disposition, length: Int? = nil
  ) throws(HTTPEncodingError) -> HTTPBodyFramer {
    buffer.reserve(256)
    try appendFields(to: &buffer, date: date)
    // HEAD gets the fields that GET would get (RFC 9110 §9.3.2).
    let framing: HTTPBodyFramer.Framing
    if !status.permitsBody {
      framing = .none
    } else if let length {
      framing = .length
      Self.appendLength(length, to: &buffer)
    } else if exchange.minorVersion > 0 {
      framing = .chunked
      buffer.append("Transfer-Encoding: chunked\r\n")
    } else {
      framing = .untilClose
    }
    Self.endHead(in: &buffer, exchange, framing == .untilClose ? .close : disposition)
    return HTTPBodyFramer(framing: exchange.isHEAD ? .none : framing)
  }
}
