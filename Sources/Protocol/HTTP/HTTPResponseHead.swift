// Response heads (RFC 9112 §4), as a client reads them. As strict as the server's side: both ends are ours.

/// A response whose head was accepted.
public struct HTTPResponseHead: Sendable, Equatable {
  public let status: HTTPStatus
  /// 0 or 1, of HTTP/1.x.
  public let minorVersion: Int
  public let fields: HTTPFields
  /// `.none` for an interim response, 204, 304, and the answer to HEAD, whatever its fields say.
  public let framing: BodyFraming
  /// Whether another request may follow on this connection.
  public let keepAlive: Bool

  /// - Parameter bytes: a head from `HTTPHeadBuffer`.
  init(parsing bytes: [UInt8], toHEAD: Bool, limits: HTTPLimits) throws(HTTPError) {
    let lineEnd = bytes.firstIndex(of: HTTPGrammar.cr) ?? bytes.endIndex
    // `HTTP/1.1 200 reason`: the second space is due even when the reason is empty.
    let line = bytes[..<lineEnd]
    guard line.count >= 13, line[8] == HTTPGrammar.space, line[12] == HTTPGrammar.space,
      line[9..<12].allSatisfy(HTTPGrammar.isDigit)
    else { throw HTTPError(.malformedStatusLine) }
    minorVersion = try HTTPVersion.minor(line[..<8])
    let code = line[9..<12].reduce(0) { $0 * 10 + UInt16($1 - 0x30) }
    guard (100...599).contains(code), code != 101 else { throw HTTPError(.unexpectedStatus) }
    status = HTTPStatus(code)
    fields = try HTTPFields(parsing: bytes, from: lineEnd + 2)
    let declared = try BodyFraming.declared(by: fields, minorVersion: minorVersion)
    if toHEAD || !status.permitsBody {
      framing = .none
    } else if declared == .none {
      framing = .untilClose
    } else {
      framing = declared
    }
    if case .length(let length) = framing, length > limits.bodyBytes { throw HTTPError(.bodyTooLarge) }
    keepAlive = framing != .untilClose && HTTPRequestHead.keepAlive(fields, minorVersion: minorVersion)
  }
}
