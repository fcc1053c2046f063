// Requests to send, for the bench and the tests.

/// A complete request.
public struct HTTPRequest: Sendable, Equatable {
  /// The body and its framing.
  public enum Body: Sendable, Equatable {
    case none
    /// A body with Content-Length.
    case bytes([UInt8])
    /// A body with Transfer-Encoding, in chunks of `chunkBytes` bytes. The last chunk may be shorter.
    case chunked([UInt8], chunkBytes: Int)
  }

  /// The method.
  public var method: HTTPMethod
  /// The target as it goes on the wire, already percent-encoded.
  public var target: String
  /// The value of Host.
  public var authority: String
  /// The fields without Host, Content-Length and Transfer-Encoding, which the encoder writes.
  public var fields: [HTTPField]
  /// The body.
  public var body: Body

  /// Makes a request without checking it; the encoder checks it.
  public init(
    method: HTTPMethod, target: String, authority: String, fields: [HTTPField] = [], body: Body = .none
  ) {
    self.method = method
    self.target = target
    self.authority = authority
    self.fields = fields
    self.body = body
  }

  private static let reserved = ["host", "content-length", "transfer-encoding"]

  /// Appends head and body.
  /// - Throws: if the head is invalid. `buffer` is then unchanged.
  public func encode(into buffer: inout ByteBuffer) throws(HTTPEncodingError) {
    try encodeHead(into: &buffer)
    encodeBody(into: &buffer)
  }

  /// Appends only the head, for a client that waits for `100 Continue`.
  /// - Throws: if the head is invalid. `buffer` is then unchanged.
  public func encodeHead(into buffer: inout ByteBuffer) throws(HTTPEncodingError) {
    let isLine = !target.isEmpty && target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    if !isLine || method.name.isEmpty || !method.name.utf8.allSatisfy(HTTPGrammar.isToken) {
      throw .invalidRequestLine
    }
    if authority.utf8.contains(where: HTTPGrammar.isControl) { throw .invalidFieldValue(name: "Host") }
    try HTTPField.validate(fields, reserved: Self.reserved)
    buffer.append(utf8: method.name)
    buffer.append(" ")
    buffer.append(utf8: target)
    buffer.append(" HTTP/1.1\r\nHost: ")
    buffer.append(utf8: authority)
    buffer.append("\r\n")
    for field in fields { buffer.append(field) }
    switch body {
    case .none: break
    case .bytes(let bytes):
      buffer.append("Content-Length: ")
      buffer.append(decimal: bytes.count)
      buffer.append("\r\n")
    case .chunked: buffer.append("Transfer-Encoding: chunked\r\n")
    }
    buffer.append("\r\n")
  }

  /// Appends the body with the framing that the head announces.
  public func encodeBody(into buffer: inout ByteBuffer) {
    switch body {
    case .none: break
    case .bytes(let bytes): buffer.append(bytes)
    case .chunked(let bytes, let chunkBytes):
      precondition(chunkBytes > 0, "a chunk of no bytes ends the body")
      var start = 0
      while start < bytes.count {
        let end = min(start + chunkBytes, bytes.count)
        buffer.append(utf8: String(end - start, radix: 16))
        buffer.append("\r\n")
        buffer.append(bytes.span.extracting(start..<end))
        buffer.append("\r\n")
        start = end
      }
      buffer.append("0\r\n\r\n")
    }
  }
}
