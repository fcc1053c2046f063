// How much body follows a head (RFC 9112 §6.3), and which messages are refused. Every ambiguity is refused and never
// repaired, because a proxy in front of the server may repair it differently.

/// Where the body of a received message ends.
public enum BodyFraming: Sendable, Equatable {
  /// The message has no body.
  case none
  /// The head has Content-Length, in bytes; the number may be 0.
  case length(Int)
  /// The body consists of chunks (RFC 9112 §7.1).
  case chunked
  /// Responses only: the body ends when the connection closes.
  case untilClose

  /// The framing that the head's fields declare; `.none` if it has neither Content-Length nor Transfer-Encoding.
  static func declared(by fields: HTTPFields, minorVersion: Int) throws(HTTPError) -> BodyFraming {
    var length: ArraySlice<UInt8>?
    var coding: ArraySlice<UInt8>?
    for index in 0..<fields.count {
      if fields.isNamed("content-length", at: index) {
        if length != nil { throw HTTPError(.repeatedContentLength) }
        length = fields.value(at: index)
      } else if fields.isNamed("transfer-encoding", at: index) {
        if coding != nil { throw HTTPError(.invalidTransferEncoding) }
        coding = fields.value(at: index)
      }
    }
    if let coding {
      if length != nil { throw HTTPError(.contentLengthWithTransferEncoding) }
      if minorVersion == 0 { throw HTTPError(.transferEncodingInHTTP10) }
      try requireChunkedOnly(coding.span)
      return .chunked
    }
    if let length { return .length(try contentLength(length.span)) }
    return .none
  }

  /// Reads 1 to 19 digits. Signs, lists and spaces are refused.
  private static func contentLength(_ value: Span<UInt8>) throws(HTTPError) -> Int {
    guard (1...19).contains(value.count) else { throw HTTPError(.invalidContentLength) }
    var length = 0
    for index in 0..<value.count {
      guard HTTPGrammar.isDigit(value[index]) else { throw HTTPError(.invalidContentLength) }
      let (shifted, overflow) = length.multipliedReportingOverflow(by: 10)
      let (sum, carry) = shifted.addingReportingOverflow(Int(value[index] - 0x30))
      if overflow || carry { throw HTTPError(.invalidContentLength) }
      length = sum
    }
    return length
  }

  /// Accepts the value `chunked` and no other. A list of codings is refused as not supported (501) if it is well-formed
  /// and names `chunked` only at its end or not at all. Any other value is refused as invalid (400), because it does
  /// not tell where the body ends.
  private static func requireChunkedOnly(_ value: Span<UInt8>) throws(HTTPError) {
    var codings = 0
    var chunked = 0
    var lastIsChunked = false
    var isWellFormed = true
    HTTPGrammar.forEachElement(of: value) { element in
      codings += 1
      if element.isEmpty { isWellFormed = false }
      for index in 0..<element.count where !HTTPGrammar.isToken(element[index]) { isWellFormed = false }
      lastIsChunked = HTTPGrammar.equal(element, lowercase: "chunked")
      if lastIsChunked { chunked += 1 }
    }
    if isWellFormed, codings == 1, lastIsChunked { return }
    let isKnownShape = isWellFormed && (chunked == 0 || (chunked == 1 && lastIsChunked))
    throw HTTPError(isKnownShape ? .unsupportedTransferEncoding : .invalidTransferEncoding)
  }
}
