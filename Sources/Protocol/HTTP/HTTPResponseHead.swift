// Response heads (RFC 9112 §4), as a client reads them. The parser is as strict as the server's, because both ends
// belong to this project.

/// A response whose head is accepted.
public struct HTTPResponseHead: Sendable, Equatable {
  /// The status.
  public let status: HTTPStatus
  /// 0 for HTTP/1.0, 1 for HTTP/1.1.
  public let minorVersion: Int
  /// The field lines.
  public let fields: HTTPFields
  /// Where the body ends. `.none` for an interim response, 204, 304 and the answer to HEAD, whatever the fields say.
  public let framing: BodyFraming
  /// Whether the client may send another request on this connection.
  public let keepAlive: Bool

  /// Parses and checks a head.
  /// - Parameter bytes: a head from `HTTPHeadBuffer`.
  init(parsing bytes: [UInt8], toHEAD: Bool, limits: HTTPLimits) throws(HTTPError) {
    let lineEnd = bytes.firstIndex(of: HTTPGrammar.cr) ?? bytes.endIndex
    // `HTTP/1.1 200 reason`: the second space is required even if the reason is empty.
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
