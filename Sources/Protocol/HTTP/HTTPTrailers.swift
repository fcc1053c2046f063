// Trailer fields (RFC 9110 §6.5) are checked and then dropped. No endpoint needs them. A trailer that could change the
// framing, the routing or the identity of a request after its head is refused.

/// The trailer section of a chunked body.
enum HTTPTrailers {
  /// Checks the section.
  /// - Throws: the broken rule of a line, or `.forbiddenTrailer`.
  static func validate(_ bytes: [UInt8]) throws(HTTPError) {
    if bytes.count == 2 { return }
    let fields = try HTTPFields(parsing: bytes, from: 0)
    for name in forbidden where fields.count(named: name) > 0 { throw HTTPError(.forbiddenTrailer) }
  }

  /// The names that RFC 9110 §6.5.1 excludes: framing, routing, request modifiers, authentication, content format.
  private static let forbidden: [StaticString] = [
    "transfer-encoding", "content-length", "host", "connection", "keep-alive", "upgrade", "te", "trailer", "expect",
    "authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate", "cookie", "set-cookie",
    "cache-control", "max-forwards", "range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since",
    "if-range", "content-encoding", "content-type", "content-range",
  ]
}
