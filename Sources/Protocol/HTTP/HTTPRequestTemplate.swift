// Requests that are sent often and differ in their bodies alone: the head is checked and rendered once.

/// Request line, Host and fields of many requests, as bytes.
public struct HTTPRequestTemplate: Sendable {
  /// All of the head but Content-Length and the empty line.
  private let head: [UInt8]
  /// Whether the responses have no body whatever their fields say.
  let isHEAD: Bool

  /// - Parameters:
  ///   - target: as it goes on the wire, already percent-encoded.
  ///   - authority: the value of Host.
  ///   - fields: without Host, Content-Length and Transfer-Encoding.
  /// - Throws: a fault in any of them.
  public init(
    _ method: HTTPMethod, target: String, authority: String, fields: [HTTPField] = []
  ) throws(HTTPEncodingError) {
    var buffer = ByteBuffer()
    try HTTPRequest(method: method, target: target, authority: authority, fields: fields).encodeHead(into: &buffer)
    head = buffer.withUnsafeBytes { Array($0.dropLast(2)) }
    isHEAD = method == .head
  }

  /// Appends the head of a request whose body has so many bytes.
  func encode(bodyBytes: Int, into buffer: inout ByteBuffer) {
    buffer.append(head)
    buffer.append("Content-Length: ")
    buffer.append(decimal: bodyBytes)
    buffer.append("\r\n\r\n")
  }
}
