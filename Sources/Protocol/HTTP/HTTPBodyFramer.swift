// Bodies that are sent part by part (RFC 9112 §6.3, §7.1).
//
// If the head tells the length, the parts follow without framing. If the length is not known yet, HTTP/1.1 gets chunks.
// The last chunk says that the body is complete. If the server cannot finish a body, it does not send that chunk.
// HTTP/1.0 has no chunks: its body ends with the connection, and only the way in which the connection closes shows
// whether the body is complete.

/// The framing of one such body.
public struct HTTPBodyFramer: Sendable, Equatable {
  enum Framing: Equatable {
    /// The head tells the length.
    case length
    case chunked
    /// The body ends when the connection closes.
    case untilClose
    /// No body: the answer to HEAD, or a status that permits none.
    case none
  }

  let framing: Framing

  /// Whether there is a body at all. If not, the caller need not make its parts.
  public var hasBody: Bool { framing != .none }

  /// Whether the connection must be closed after the body because nothing else ends the body.
  public var endsWithConnection: Bool { framing == .untilClose }

  /// Appends one part of the body. An empty part appends nothing, because an empty chunk would end the body.
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

  /// Ends the body.
  /// - Parameter trailers: fields whose values are known only now. They are sent only with chunks, because only chunks
  ///   have a place for them.
  /// - Throws: if a trailer is invalid. `buffer` is then unchanged.
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

  /// Fields that affect the message itself, so that they can't be trailers (RFC 9110 §6.5.1).
  private static let notTrailers = [
    "content-length", "transfer-encoding", "connection", "date", "host", "trailer", "content-type", "content-encoding",
  ]
}

extension HTTPResponse {
  /// Appends the head of a response whose body follows in parts. `body` is ignored.
  /// - Parameters:
  ///   - date, exchange, disposition: as in `encode`.
  ///   - length: the body's length in bytes, if it is known. Without it an HTTP/1.0 client always gets `Connection:
  ///     close`.
  /// - Returns: the framer for the parts.
  /// - Throws: if a field is invalid. `buffer` is then unchanged.
  public func encodeHead(
    into buffer: inout ByteBuffer, date: String, exchange: HTTPExchange = HTTPExchange(),
    disposition: HTTPServerMachine.Disposition, length: Int? = nil
  ) throws(HTTPEncodingError) -> HTTPBodyFramer {
    buffer.reserve(256)
    try appendFields(to: &buffer, date: date)
    // HEAD gets the same fields as GET (RFC 9110 §9.3.2).
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
