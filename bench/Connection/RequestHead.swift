// The head of a request that is sent again and again, encoded and checked once: only the length differs.

internal import Protocol

struct RequestHead: Sendable {
  /// All but Content-Length and the empty line.
  private let bytes: [UInt8]

  /// - Parameter fields: without Host, Content-Length and Transfer-Encoding.
  init(_ method: HTTPMethod, target: String, authority: String, fields: [HTTPField]) {
    var head = ByteBuffer()
    do {
      try HTTPRequest(method: method, target: target, authority: authority, fields: fields).encodeHead(into: &head)
    } catch {
      preconditionFailure("our own request is malformed: \(error)")
    }
    bytes = head.withUnsafeBytes { Array($0.dropLast(2)) }
  }

  /// Appends the head of a request with so many bytes behind it.
  func encode(bodyBytes: Int, into buffer: inout ByteBuffer) {
    buffer.append(bytes)
    buffer.append("Content-Length: ")
    buffer.append(utf8: String(bodyBytes))
    buffer.append("\r\n\r\n")
  }
}

/// How a request goes out.
enum Delivery: Sendable, Equatable {
  case atOnce
  /// The head at once and the body in pieces over this time.
  case slowly(Duration)
  /// The head and half of the body, and then a reset of the connection.
  case cutOff
}
