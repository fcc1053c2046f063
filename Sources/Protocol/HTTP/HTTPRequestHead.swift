// Request heads (RFC 9112 §3). The parser runs once over a complete head, whose line structure HTTPHeadBuffer has
// checked.

/// The content coding of a body (RFC 9110 §8.4).
public enum ContentCoding: Sendable, Equatable {
  case identity
  case gzip
  /// Another coding, or several; answered with 415.
  case unsupported
}

/// A request whose head is accepted. It is a class because it is passed on many times while the request is answered: a
/// struct would cost one retain for each of its parts each time.
public final class HTTPRequestHead: Sendable, Equatable {
  /// The method.
  public let method: HTTPMethod
  /// The target.
  public let target: RequestTarget
  /// 0 for HTTP/1.0, 1 for HTTP/1.1.
  public let minorVersion: Int
  /// The field lines.
  public let fields: HTTPFields
  /// Where the body ends; never `.untilClose`.
  public let framing: BodyFraming
  /// Whether the client waits for `100 Continue` before it sends the body. False for a request without a body, and for
  /// HTTP/1.0.
  public let expectsContinue: Bool
  /// Whether the client wants the connection to stay open (RFC 9112 §9.3).
  public let keepAlive: Bool

  /// Parses and checks a head.
  /// - Parameter bytes: a head from `HTTPHeadBuffer`.
  init(parsing bytes: [UInt8], limits: HTTPLimits) throws(HTTPError) {
    let line = try RequestLine(bytes, limits: limits)
    let fields = try HTTPFields(parsing: bytes, from: line.end)
    if fields.count(named: "authorization") > 1 || fields.count(named: "content-type") > 1 {
      throw HTTPError(.repeatedField)
    }
    try Self.checkHost(fields, minorVersion: line.minorVersion)
    if let authority = line.target.authority {
      // The target takes precedence over a different Host field (RFC 9112 §3.2.2). The server serves one name, so
      // nothing else depends on it.
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

  /// Whether both heads have the same bytes.
  public static func == (left: HTTPRequestHead, right: HTTPRequestHead) -> Bool {
    // All other properties derive from the fields' bytes.
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

  /// Reads Expect (RFC 9110 §10.1.1). The expectation of an HTTP/1.0 client is ignored; an unknown expectation is
  /// refused.
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

  /// The first value of a field; nil if the field is absent.
  /// - Parameter name: in lower case.
  public func first(named name: StaticString) -> ArraySlice<UInt8>? { fields.first(named: name) }

  /// All values of a field, in the order received.
  /// - Parameter name: in lower case.
  public func all(named name: StaticString) -> [ArraySlice<UInt8>] { fields.all(named: name) }

  /// The number of field lines with this name.
  /// - Parameter name: in lower case.
  public func count(named name: StaticString) -> Int { fields.count(named: name) }

  /// The first value of a field as text, see `HTTPFields.string(named:)`.
  /// - Parameter name: in lower case.
  public func string(named name: StaticString) -> String? { fields.string(named: name) }

  /// The content coding that the head declares. Some senders declare a wrong one.
  public var contentCoding: ContentCoding {
    let values = fields.all(named: "content-encoding")
    guard let value = values.first else { return .identity }
    if values.count > 1 { return .unsupported }
    if HTTPGrammar.equal(value.span, lowercase: "identity") || value.isEmpty { return .identity }
    let isGzip = HTTPGrammar.equal(value.span, lowercase: "gzip") || HTTPGrammar.equal(value.span, lowercase: "x-gzip")
    return isGzip ? .gzip : .unsupported
  }

  /// The credentials of `Authorization: Bearer` (RFC 6750 §2.1), not decoded; nil if there are none of that scheme.
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

/// `method SP target SP HTTP/1.x`, with exactly one space at each place and none around.
private struct RequestLine {
  let method: HTTPMethod
  let target: RequestTarget
  let minorVersion: Int
  /// The offset of the first field line.
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
  /// The minor version of HTTP/1.x.
  /// - Throws: `.unsupportedVersion` for a well-formed version other than 1.0 and 1.1, else `.invalidVersion`.
  static func minor(_ bytes: ArraySlice<UInt8>) throws(HTTPError) -> Int {
    let digits = bytes.dropFirst(5)
    guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), let major = digits.first, let minor = digits.last,
      HTTPGrammar.isDigit(major), HTTPGrammar.isDigit(minor), bytes[digits.startIndex + 1] == UInt8(ascii: ".")
    else { throw HTTPError(.invalidVersion) }
    guard major == UInt8(ascii: "1"), minor <= UInt8(ascii: "1") else { throw HTTPError(.unsupportedVersion) }
    return Int(minor - UInt8(ascii: "0"))
  }
}
