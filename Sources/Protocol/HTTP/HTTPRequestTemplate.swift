// Renders the head of requests that differ only in their bodies. The head is checked and rendered once.

/// The request line, Host and fields of many requests, as bytes.
public struct HTTPRequestTemplate: Sendable {
  /// The head without Content-Length and the empty line.
  private let head: [UInt8]
  /// Whether the method is HEAD, whose responses have no body.
  let isHEAD: Bool

  /// - Parameters:
  ///   - target: the request target, already percent-encoded.
  ///   - authority: the value of Host.
  ///   - fields: the other fields, without Host, Content-Length and Transfer-Encoding.
  /// - Throws: a fault in any of them.
  public init(
    _ method: HTTPMethod, target: String, authority: String, fields: [HTTPField] = []
  ) throws(HTTPEncodingError) {
    var buffer = ByteBuffer()
    try HTTPRequest(method: method, target: target, authority: authority, fields: fields).encodeHead(into: &buffer)
    head = buffer.withUnsafeBytes { Array($0.dropLast(2)) }
    isHEAD = method == .head
  }

  /// Appends the head of a request whose body has `bodyBytes` bytes.
  func encode(bodyBytes: Int, into buffer: inout ByteBuffer) {
    buffer.append(head)
    buffer.append("Content-Length: ")
    buffer.append(decimal: bodyBytes)
    buffer.append("\r\n\r\n")
  }
}
