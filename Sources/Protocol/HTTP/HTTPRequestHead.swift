// Request heads (RFC 9112 §3). The parser runs once over a complete head whose line structure HTTPHeadBuffer has proven.

/// The content codings a body may come in (RFC 9110 §8.4).
public enum ContentCoding: Sendable, Equatable {
  case identity
  case gzip
  /// Anything else, several codings included: 415.
  case unsupported
}

/// A request whose head was accepted: one array of bytes, one of positions. An object, because it is handed on many times
/// while its request is answered and would cost as many references each time as it has parts.
public final class HTTPRequestHead: Sendable, Equatable {
  public let method: HTTPMethod
  public let target: RequestTarget
  /// 0 or 1, of HTTP/1.x.
  public let minorVersion: Int
  public let fields: HTTPFields
  /// Never `.untilClose`.
  public let framing: BodyFraming
  /// The client waits for `100 Continue` before it sends the body. False for a request without a body, and for HTTP/1.0.
  public let expectsContinue: Bool
  /// Whether the client wants the connection to stay open (RFC 9112 §9.3).
  public let keepAlive: Bool

  /// - Parameter bytes: a head from `HTTPHeadBuffer`.
  init(parsing bytes: [UInt8], limits: HTTPLimits) throws(HTTPError) {
    let line = try RequestLine(bytes, limits: limits)
    let fields = try HTTPFields(parsing: bytes, from: line.end)
    if fields.count(named: "authorization") > 1 || fields.count(named: "content-type") > 1 {
      throw HTTPError(.repeatedField)
    }
    try Self.checkHost(fields, minorVersion: line.minorVersion)
    if let authority = line.target.authority {
      // The target wins over a Host field that differs (RFC 9112 §3.2.2). We serve one name, so nothing else depends on it.
      try HTTPHost.validate(authority)
    }
    if line.target.form == .asterisk, line.method != .options { throw HTTPError(.invalidTarget) }
    let framing = try BodyFraming.declared(by: fields, minorVersion: line.minorVersion)
    if case .length(let length) = framing, length > limits.bodyBytes { throw HTTPError(.bodyTooLarge) }
    let expectsContinue = try Self.expectsContinue(fields, minorVersion: line.minorVersion)

    method = line.method
    target = line.target
    minorVersion = line.minorVersion
    self.fields = fields
    self.framing = framing
    self.expectsContinue = expectsContinue && framing != .none && framing != .length(0)
    keepAlive = Self.keepAlive(fields, minorVersion: line.minorVersion)
  }

  public static func == (left: HTTPRequestHead, right: HTTPRequestHead) -> Bool {
    // All else was read from these.
    left.fields == right.fields
  }

  private static func checkHost(_ fields: HTTPFields, minorVersion: Int) throws(HTTPError) {
    guard let host = fields.first(named: "host") else {
      if minorVersion == 0 { return }
      throw HTTPError(.missingHost)
    }
    if fields.count(named: "host") > 1 { throw HTTPError(.repeatedHost) }
    try HTTPHost.validate(host)
  }

  /// RFC 9110 §10.1.1: an HTTP/1.0 client's expectation is ignored, an unknown one is refused.
  private static func expectsContinue(_ fields: HTTPFields, minorVersion: Int) throws(HTTPError) -> Bool {
    guard minorVersion > 0, let expectation = fields.first(named: "expect") else { return false }
    guard fields.count(named: "expect") == 1, HTTPGrammar.equal(expectation.span, lowercase: "100-continue") else {
      throw HTTPError(.unsupportedExpectation)
    }
    return true
  }

  static func keepAlive(_ fields: HTTPFields, minorVersion: Int) -> Bool {
    if fields.list(named: "connection", contains: "close") { return false }
    return minorVersion > 0 || fields.list(named: "connection", contains: "keep-alive")
  }

  /// The first value of the field, or nil when it is absent. - Parameter name: in lower case.
  public func first(named name: StaticString) -> ArraySlice<UInt8>? { fields.first(named: name) }

  /// All values of the field in the order received. - Parameter name: in lower case.
  public func all(named name: StaticString) -> [ArraySlice<UInt8>] { fields.all(named: name) }

  /// How often the field occurs. - Parameter name: in lower case.
  public func count(named name: StaticString) -> Int { fields.count(named: name) }

  /// The first value as text, see `HTTPFields.string(named:)`. - Parameter name: in lower case.
  public func string(named name: StaticString) -> String? { fields.string(named: name) }

  /// What the body is coded in, by the head's word; a sender may be wrong about it.
  public var contentCoding: ContentCoding {
    let values = fields.all(named: "content-encoding")
    guard let value = values.first else { return .identity }
    if values.count > 1 { return .unsupported }
    if HTTPGrammar.equal(value.span, lowercase: "identity") || value.isEmpty { return .identity }
    let isGzip = HTTPGrammar.equal(value.span, lowercase: "gzip") || HTTPGrammar.equal(value.span, lowercase: "x-gzip")
    return isGzip ? .gzip : .unsupported
  }

  /// The credentials of `Authorization: Bearer` (RFC 6750 §2.1), or nil when there are none of that scheme. Not decoded.
  public var bearerToken: ArraySlice<UInt8>? {
    guard let value = fields.first(named: "authorization"), value.count > 7 else { return nil }
    let scheme = value.prefix(6)
    guard HTTPGrammar.equal(scheme.span, lowercase: "bearer"), value[scheme.endIndex] == HTTPGrammar.space else {
      return nil
    }
    let token = value[(scheme.endIndex + 1)...].drop { $0 == HTTPGrammar.space }
    return token.isEmpty || HTTPScan.containsWhitespace(token.span) ? nil : token
  }
}

/// `method SP target SP HTTP/1.x`, with one space each and nothing around.
private struct RequestLine {
  let method: HTTPMethod
  let target: RequestTarget
  let minorVersion: Int
  /// Where the field lines begin.
  let end: Int

  init(_ bytes: [UInt8], limits: HTTPLimits) throws(HTTPError) {
    guard let lineEnd = bytes.firstIndex(of: HTTPGrammar.cr),
      let methodEnd = bytes[..<lineEnd].firstIndex(of: HTTPGrammar.space),
      let targetEnd = bytes[..<lineEnd].lastIndex(of: HTTPGrammar.space), methodEnd < targetEnd
    else { throw HTTPError(.malformedRequestLine) }
    let target = bytes[methodEnd + 1..<targetEnd]
    if target.isEmpty || HTTPScan.containsWhitespace(target.span) {
      throw HTTPError(.malformedRequestLine)
    }
    method = try HTTPMethod(parsing: bytes[..<methodEnd])
    minorVersion = try HTTPVersion.minor(bytes[targetEnd + 1..<lineEnd])
    if target.count > limits.targetBytes { throw HTTPError(.targetTooLong) }
    self.target = try RequestTarget(parsing: bytes, methodEnd + 1..<targetEnd)
    end = lineEnd + 2
  }
}

/// `HTTP/1.0` or `HTTP/1.1` (RFC 9112 §2.3).
enum HTTPVersion {
  /// - Throws: `.unsupportedVersion` for a well-formed version we do not speak, else `.invalidVersion`.
  static func minor(_ bytes: ArraySlice<UInt8>) throws(HTTPError) -> Int {
    let digits = bytes.dropFirst(5)
    guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), let major = digits.first, let minor = digits.last,
      HTTPGrammar.isDigit(major), HTTPGrammar.isDigit(minor), bytes[digits.startIndex + 1] == UInt8(ascii: ".")
    else { throw HTTPError(.invalidVersion) }
    guard major == UInt8(ascii: "1"), minor <= UInt8(ascii: "1") else { throw HTTPError(.unsupportedVersion) }
    return Int(minor - UInt8(ascii: "0"))
  }
}
