public import Protocol

/// Messages that two readers could understand differently. Each has one fault.
public enum SmugglingTable {
  /// A message, with the status and the reason of its refusal.
  public struct Row: Sendable, CustomStringConvertible {
    public let message: [UInt8]
    public let status: UInt16
    public let reason: HTTPError.Reason

    public var description: String {
      "\(reason.rawValue): \(String(decoding: message, as: UTF8.self).debugDescription)"
    }
  }

  private static func row(_ text: String, _ status: UInt16, _ reason: HTTPError.Reason) -> Row {
    Row(message: Array(text.utf8), status: status, reason: reason)
  }

  /// A valid message except for its request line.
  private static func line(_ line: String, _ status: UInt16, _ reason: HTTPError.Reason) -> Row {
    row("\(line)\r\nHost: h\r\n\r\n", status, reason)
  }

  /// A GET for `target`.
  private static func target(_ target: String, _ reason: HTTPError.Reason) -> Row {
    line("GET \(target) HTTP/1.1", 400, reason)
  }

  /// A POST with these field lines after a valid Host.
  private static func fields(_ fields: String, _ status: UInt16, _ reason: HTTPError.Reason) -> Row {
    row("POST / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n\r\n", status, reason)
  }

  /// A GET with these Host lines.
  private static func host(_ host: String, _ reason: HTTPError.Reason) -> Row {
    row("GET / HTTP/1.1\r\n\(host)Accept: a\r\n\r\n", 400, reason)
  }

  /// A chunked POST with this body.
  private static func body(_ body: String, _ status: UInt16, _ reason: HTTPError.Reason) -> Row {
    row("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(body)", status, reason)
  }

  /// All messages.
  public static let rows =
    lengths + codings + lines + names + requestLines + targets + hosts + expectations + chunks + trailers

  private static let lengths = [
    fields("Content-Length: 1\r\nTransfer-Encoding: chunked", 400, .contentLengthWithTransferEncoding),
    fields("Transfer-Encoding: chunked\r\nContent-Length: 0", 400, .contentLengthWithTransferEncoding),
    fields("Content-Length: 1\r\nContent-Length: 1", 400, .repeatedContentLength),
    fields("Content-Length: 1\r\ncontent-length: 2", 400, .repeatedContentLength),
    fields("Content-Length: 1, 1", 400, .invalidContentLength),
    fields("Content-Length: +1", 400, .invalidContentLength),
    fields("Content-Length: -1", 400, .invalidContentLength),
    fields("Content-Length: 1 0", 400, .invalidContentLength),
    fields("Content-Length: 0x10", 400, .invalidContentLength),
    fields("Content-Length: 1.0", 400, .invalidContentLength),
    fields("Content-Length: 1_0", 400, .invalidContentLength),
    fields("Content-Length: \u{0661}", 400, .invalidContentLength),
    fields("Content-Length:", 400, .invalidContentLength),
    fields("Content-Length: 9223372036854775808", 400, .invalidContentLength),
    fields("Content-Length: 18446744073709551617", 400, .invalidContentLength),
    fields("Content-Length: 00000000000000000001", 400, .invalidContentLength),
    fields("Content-Length: 9223372036854775807", 413, .bodyTooLarge),
  ]

  private static let codings = [
    fields("Transfer-Encoding: gzip, chunked", 501, .unsupportedTransferEncoding),
    fields("Transfer-Encoding: identity", 501, .unsupportedTransferEncoding),
    fields("Transfer-Encoding: xchunked", 501, .unsupportedTransferEncoding),
    fields("Transfer-Encoding: gzip", 501, .unsupportedTransferEncoding),
    fields("Transfer-Encoding: chunked, gzip", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: chunked, chunked", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: chunked;q=1", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: \"chunked\"", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: ,chunked", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: chun ked", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: chunked\u{a0}", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding:", 400, .invalidTransferEncoding),
    fields("Transfer-Encoding: \u{b}chunked", 400, .controlCharacter),
    row("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, .transferEncodingInHTTP10),
  ]

  private static let lines = [
    row("GET / HTTP/1.1\nHost: h\r\n\r\n", 400, .bareLineFeed),
    row("GET / HTTP/1.1\r\nHost: h\n\r\n", 400, .bareLineFeed),
    row("GET / HTTP/1.1\r\nHost: h\r\n\n", 400, .bareLineFeed),
    row("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400, .bareCarriageReturn),
    row("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400, .bareCarriageReturn),
    row("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, .emptyLine),
    row("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, .bareLineFeed),
    fields("X: a\u{0}b", 400, .controlCharacter),
    fields("X: a\u{1b}b", 400, .controlCharacter),
    fields("X: a\u{7f}b", 400, .controlCharacter),
    fields("X: a\r\n b", 400, .foldedField),
    fields("X: a\r\n\tb", 400, .foldedField),
    row("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, .foldedField),
    Row(message: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], status: 400, reason: .controlCharacter),
  ]

  private static let names = [
    fields("Content-Length : 1", 400, .spaceBeforeColon),
    fields("Transfer-Encoding\t: chunked", 400, .spaceBeforeColon),
    fields("X Y: 1", 400, .spaceBeforeColon),
    fields(": 1", 400, .invalidFieldName),
    fields("X(Y): 1", 400, .invalidFieldName),
    fields("\u{e9}: 1", 400, .invalidFieldName),
    fields("X", 400, .missingColon),
    fields("Authorization: Bearer a\r\nAuthorization: Bearer b", 400, .repeatedField),
    fields("Content-Type: a/b\r\nContent-type: c/d", 400, .repeatedField),
  ]

  private static let requestLines = [
    line("GET  / HTTP/1.1", 400, .malformedRequestLine),
    line("GET /  HTTP/1.1", 400, .malformedRequestLine),
    line("GET /a b HTTP/1.1", 400, .malformedRequestLine),
    line("GET / HTTP/1.1 ", 400, .malformedRequestLine),
    line("GET\t/ HTTP/1.1", 400, .malformedRequestLine),
    line("GET /\tHTTP/1.1", 400, .malformedRequestLine),
    line("GET /", 400, .malformedRequestLine),
    line("GET", 400, .malformedRequestLine),
    line(" GET / HTTP/1.1", 400, .malformedRequestLine),
    line("G(T / HTTP/1.1", 400, .invalidMethod),
    line("\(String(repeating: "M", count: 33)) / HTTP/1.1", 400, .invalidMethod),
    line("GET / http/1.1", 400, .invalidVersion),
    line("GET / HTTP/1.10", 400, .invalidVersion),
    line("GET / HTTP/11", 400, .invalidVersion),
    line("GET / HTTP/1.2", 505, .unsupportedVersion),
    line("GET / HTTP/2.0", 505, .unsupportedVersion),
    line("GET / HTTP/0.9", 505, .unsupportedVersion),
    row("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, .unsupportedVersion),
  ]

  private static let targets = [
    target("a", .invalidTarget),
    target("*", .invalidTarget),
    target("h:443", .invalidTarget),
    target("/a#b", .invalidTarget),
    target("/a\\b", .invalidTarget),
    target("/\u{e9}", .invalidTarget),
    target("/?a=\"", .invalidTarget),
    target("/%", .invalidPercentEncoding),
    target("/%2", .invalidPercentEncoding),
    target("/%zz", .invalidPercentEncoding),
    target("/%+1", .invalidPercentEncoding),
    target("/a%2fb", .encodedSlash),
    target("/a%00", .encodedControl),
    target("/a%0d%0a", .encodedControl),
    target("/%ff", .invalidUTF8),
    target("/%c3/%a9", .invalidUTF8),
    target("/%c0%af", .invalidUTF8),
    target("/a/../b", .dotSegment),
    target("/.", .dotSegment),
    target("/a/%2e%2E", .dotSegment),
    target("/.%2e/x", .dotSegment),
    target("http://", .invalidHost),
    target("http://h#a", .invalidHost),
    target("ftp://h/", .invalidTarget),
    target("http:///a", .invalidHost),
    target("http://user@h/", .invalidHost),
    target("http://other:x/", .invalidHost),
    line("CONNECT h:443 HTTP/1.1", 400, .invalidTarget),
  ]

  private static let hosts = [
    host("", .missingHost),
    host("Host: h\r\nHost: h\r\n", .repeatedHost),
    host("Host: h\r\nhost: i\r\n", .repeatedHost),
    host("Host:\r\n", .invalidHost),
    host("Host: h i\r\n", .invalidHost),
    host("Host: a,b\r\n", .invalidHost),
    host("Host: user@h\r\n", .invalidHost),
    host("Host: h/path\r\n", .invalidHost),
    host("Host: h:\r\n", .invalidHost),
    host("Host: h:65536\r\n", .invalidHost),
    host("Host: h:8x\r\n", .invalidHost),
    host("Host: h:1:2\r\n", .invalidHost),
    host("Host: [::1\r\n", .invalidHost),
    host("Host: [h]\r\n", .invalidHost),
    host("Host: %61\r\n", .invalidHost),
    row("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400, .repeatedHost),
  ]

  private static let expectations = [
    fields("Content-Length: 1\r\nExpect: 200-ok", 417, .unsupportedExpectation),
    fields("Content-Length: 1\r\nExpect: 100-continue, x", 417, .unsupportedExpectation),
    fields("Content-Length: 1\r\nExpect: 100-continue\r\nExpect: 100-continue", 417, .unsupportedExpectation),
    fields("Content-Length: 1\r\nExpect:", 417, .unsupportedExpectation),
  ]

  private static let chunks = [
    body("0x5\r\nhello\r\n", 400, .invalidChunkSize),
    body("+5\r\nhello\r\n", 400, .invalidChunkSize),
    body("-1\r\n", 400, .invalidChunkSize),
    body(" 5\r\nhello\r\n", 400, .invalidChunkSize),
    body("5 \r\nhello\r\n", 400, .invalidChunkSize),
    body("5 ;a\r\nhello\r\n", 400, .invalidChunkSize),
    body("\r\n", 400, .invalidChunkSize),
    body(";a\r\n", 400, .invalidChunkSize),
    body("5_\r\n", 400, .invalidChunkSize),
    body("G\r\n", 400, .invalidChunkSize),
    body("5\nhello\r\n", 400, .bareLineFeed),
    body("5;a\nhello\r\n", 400, .bareLineFeed),
    body("5\rhello\r\n", 400, .bareCarriageReturn),
    body("5;a\rb\r\n", 400, .bareCarriageReturn),
    body("5;\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a\u{0}\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;\u{e9}\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a=\"b\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a=\"b\\\"\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a=\"b\"c\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a=\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a=b=c\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a b\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a \r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a;\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;\"a\"\r\nhello\r\n", 400, .invalidChunkExtension),
    body("5;a=\"\r\n0\r\n\r\n", 400, .invalidChunkExtension),
    body("5\r\nhello0\r\n\r\n", 400, .chunkNotTerminated),
    body("5\r\nhello\n0\r\n\r\n", 400, .chunkNotTerminated),
    body("5\r\nhello\r0\r\n\r\n", 400, .chunkNotTerminated),
    body("5\r\nhello world\r\n", 400, .chunkNotTerminated),
    body("8000000000000000\r\n", 400, .chunkSizeOverflow),
    body("fffffffffffffffe\r\n", 400, .chunkSizeOverflow),
    body("10000000000000005\r\n", 400, .chunkSizeOverflow),
    body("00000000000000005\r\n", 400, .chunkSizeOverflow),
    body("7fffffffffffffff\r\n", 413, .bodyTooLarge),
  ]

  private static let trailers = [
    body("0\r\nContent-Length: 5\r\n\r\n", 400, .forbiddenTrailer),
    body("0\r\ntransfer-encoding: chunked\r\n\r\n", 400, .forbiddenTrailer),
    body("0\r\nX: 1\r\nHOST: i\r\n\r\n", 400, .forbiddenTrailer),
    body("0\r\nAuthorization: Bearer x\r\n\r\n", 400, .forbiddenTrailer),
    body("0\r\nX : 1\r\n\r\n", 400, .spaceBeforeColon),
    body("0\r\n X: 1\r\n\r\n", 400, .foldedField),
    body("0\r\nGET / HTTP/1.1\r\n\r\n", 400, .spaceBeforeColon),
    body("0\r\nX: 1\n\r\n", 400, .bareLineFeed),
    body("0\r\n\n", 400, .bareLineFeed),
    body("0\r\n\rX", 400, .bareCarriageReturn),
    body("0\n\r\n", 400, .bareLineFeed),
  ]
}
