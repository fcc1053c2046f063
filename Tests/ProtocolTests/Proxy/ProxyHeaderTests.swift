import Testing

@testable import Protocol

@Suite struct ProxyHeaderTests {
  private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
  private static let v4Addresses: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0x20, 0xfb]
  private static let v6Addresses: [UInt8] =
    [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [9] + [UInt8](repeating: 0, count: 15) + [1]
    + [0x12, 0x34, 0x20, 0xfb]
  private static let source4 = ProxyHeader.Source(octets: [192, 0, 2, 1], port: 0x1234)
  private static let source6 = ProxyHeader.Source(octets: Array(v6Addresses.prefix(16)), port: 0x1234)

  private static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
    let length = length ?? rest.count
    return signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + rest
  }

  /// Valid headers, with the client that each names.
  static let good: [([UInt8], ProxyHeader.Source?)] = [
    (Array("PROXY TCP4 192.0.2.1 198.51.100.2 4660 8443\r\n".utf8), source4),
    (Array("PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\n".utf8), .init(octets: [192, 0, 2, 1], port: 0)),
    (Array("PROXY TCP6 2001:db8::9 ::1 4660 8443\r\n".utf8), source6),
    (Array("PROXY UNKNOWN\r\n".utf8), nil),
    (Array("PROXY UNKNOWN ffff:: what ever 1 2 3\r\n".utf8), nil),
    (binary(0x21, 0x11, v4Addresses), source4),
    (binary(0x21, 0x21, v6Addresses), source6),
    // Headers with extensions: one of 3 bytes, and as many bytes as are allowed.
    (binary(0x21, 0x11, v4Addresses + [4, 0, 3, 1, 2, 3]), source4),
    (binary(0x21, 0x11, v4Addresses + [UInt8](repeating: 4, count: 4096 - 16 - 12)), source4),
    // Headers without a client: LOCAL, with addresses and a family that must be ignored; no family; a Unix socket; a
    // datagram.
    (binary(0x20, 0x00, []), nil), (binary(0x20, 0x11, v4Addresses), nil), (binary(0x20, 0xff, [1, 2, 3]), nil),
    (binary(0x21, 0x00, []), nil), (binary(0x21, 0x31, [UInt8](repeating: 0x61, count: 216)), nil),
    (binary(0x21, 0x12, v4Addresses), nil),
  ]

  static let bad: [([UInt8], ProxyHeaderDefect)] = [
    (Array("GET / HTTP/1.1\r\n".utf8), .noSignature), (Array("PROXYTCP4".utf8), .noSignature),
    ([0x16, 3, 1], .noSignature),
    (Array(signature.prefix(11)) + [0x0b], .noSignature),
    (Array("PROXY TCP4 192.0.2.1 198.51.100.2 4660\r\n".utf8), .badLine),
    (Array("PROXY TCP4 192.0.2.1  198.51.100.2 4660 1\r\n".utf8), .badLine),
    (Array("PROXY TCP5 192.0.2.1 198.51.100.2 4660 1\r\n".utf8), .badLine),
    (Array("PROXY TCP4 192.0.2.1 198.51.100.2 4660 1\n".utf8), .badLine), (Array("PROXY \r\n".utf8), .badLine),
    (Array("PROXY UNKNOWN ".utf8) + [UInt8](repeating: 0x61, count: 93), .badLine),
    (Array("PROXY TCP4 192.0.2 198.51.100.2 4660 1\r\n".utf8), .badAddress),
    (Array("PROXY TCP4 ::1 ::1 4660 1\r\n".utf8), .badAddress),
    (Array("PROXY TCP6 192.0.2.1 ::1 4660 1\r\n".utf8), .badAddress),
    (Array("PROXY TCP4 192.0.2.1\0 198.51.100.2 4660 1\r\n".utf8), .badAddress),
    (Array("PROXY TCP4 192.0.2.1 198.51.100.2 65536 1\r\n".utf8), .badPort),
    (Array("PROXY TCP4 192.0.2.1 198.51.100.2 04660 1\r\n".utf8), .badPort),
    (Array("PROXY TCP4 192.0.2.1 198.51.100.2 +4660 1\r\n".utf8), .badPort),
    (binary(0x11, 0x11, v4Addresses), .badVersion), (binary(0x22, 0x11, v4Addresses), .badVersion),
    (binary(0x21, 0x41, v4Addresses), .badFamily), (binary(0x21, 0x13, v4Addresses), .badFamily),
    (binary(0x21, 0x11, Array(v4Addresses.dropLast())), .badLength),
    (binary(0x21, 0x21, v4Addresses), .badLength),
    (binary(0x21, 0x11, v4Addresses, length: 4096 - 15), .badLength),
    (binary(0x20, 0x00, [], length: 65_535), .badLength),
  ]

  /// The result of reading the bytes cut at `cut`, and how many bytes were taken.
  private func read(_ bytes: [UInt8], cut: Int) -> (ProxyHeaderReader.Step, Int) {
    var reader = ProxyHeaderReader()
    var taken = 0
    for piece in [bytes[..<cut], bytes[cut...]] {
      var position = 0
      let step = reader.next(Array(piece).span, &position)
      taken += position
      if step != .needInput { return (step, taken) }
    }
    return (.needInput, taken)
  }

  @Test func `both versions are read, however they are cut, and no byte behind them is taken`() {
    for (bytes, source) in Self.good {
      for cut in 0...bytes.count {
        let (step, taken) = read(bytes + [0x16, 3, 1], cut: cut)
        #expect(step == .header(ProxyHeader(source: source)), "\(bytes) cut at \(cut)")
        #expect(taken == bytes.count)
      }
      #expect(read(Array(bytes.dropLast()), cut: 0).0 == .needInput)
    }
  }

  @Test func `a malformed header is refused with its defect, however it is cut`() {
    for (bytes, defect) in Self.bad {
      for cut in 0...bytes.count {
        #expect(read(bytes, cut: cut).0 == .malformed(defect), "\(bytes) cut at \(cut)")
      }
    }
  }
}

@Suite struct ConnectionPrefaceTests {
  private static let header = Array("PROXY TCP4 192.0.2.1 198.51.100.2 4660 8443\r\n".utf8)
  private static let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00]

  /// All steps except `.needInput`, and how many bytes were taken.
  private func steps(_ bytes: [UInt8], expectsHeader: Bool, cut: Int) -> ([ConnectionPreface.Step], Int) {
    var preface = ConnectionPreface(expectsHeader: expectsHeader)
    var steps: [ConnectionPreface.Step] = []
    var taken = 0
    for piece in [Array(bytes[..<cut]), Array(bytes[cut...])] {
      var position = 0
      while true {
        let step = preface.next(piece.span, &position)
        if step == .needInput { break }
        steps.append(step)
        if case .proxied = step { continue }
        return (steps, taken + position)
      }
      taken += position
    }
    return (steps, taken)
  }

  private func expect(
    _ bytes: [UInt8], expectsHeader: Bool = false, _ expected: [ConnectionPreface.Step], taken: Int? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for cut in 0...bytes.count {
      let (seen, count) = steps(bytes, expectsHeader: expectsHeader, cut: cut)
      #expect(seen == expected, "\(bytes) cut at \(cut)", sourceLocation: sourceLocation)
      if let taken { #expect(count == taken, sourceLocation: sourceLocation) }
    }
  }

  @Test func `TLS passes untouched, and so do bytes that OpenSSL refuses`() {
    expect(Self.hello, [.tls], taken: 0)
    for first: UInt8 in [0x00, 0x15, 0x17, 0x80, 0xff] { expect([first, 1, 2], [.tls], taken: 0) }
  }

  @Test func `a request without TLS is recognised`() {
    for request in [
      "GET / HTTP/1.1\r\n", "POST /x", "PUT", "PATCH /", "PROPFIND /", "get /", "\r\nGET / HTTP/1.1\r\n", "\nGET",
    ] {
      expect(Array(request.utf8), [.refused(.plainHTTP)])
    }
    // These bytes may still become a header.
    expect(Array("PRO".utf8), [])
  }

  @Test func `a header counts only where one is expected`() {
    let source = ProxyHeader.Source(octets: [192, 0, 2, 1], port: 4660)
    expect(
      Self.header + Self.hello, expectsHeader: true, [.proxied(ProxyHeader(source: source)), .tls],
      taken: Self.header.count)
    expect(Self.header + Self.hello, [.refused(.proxyHeaderUnexpected)])
    expect(
      [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a], [.refused(.proxyHeaderUnexpected)])
    expect(
      Self.header + Self.header, expectsHeader: true,
      [.proxied(ProxyHeader(source: source)), .refused(.proxyHeaderUnexpected)])
  }

  @Test func `a header is required where one is expected`() {
    expect(Self.hello, expectsHeader: true, [.refused(.proxyHeaderMissing)])
    expect(Array("GET / HTTP/1.1\r\n".utf8), expectsHeader: true, [.refused(.proxyHeaderMissing)])
    expect(Array("PROXY TCP4 x\r\n".utf8), expectsHeader: true, [.refused(.proxyHeaderMalformed(.badLine))])
  }
}
