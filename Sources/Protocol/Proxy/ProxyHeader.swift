// The PROXY protocol, versions 1 and 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). In a header
// before the client's own bytes a balancer tells the client's address. The reader takes the header as it arrives, in
// pieces of any size, and keeps only the address.

internal import CEpoll.Epoll

/// The content of a header.
public struct ProxyHeader: Equatable, Sendable {
  /// The client's end of the connection.
  public struct Source: Equatable, Sendable {
    /// The address: 4 or 16 bytes in network byte order.
    public let octets: [UInt8]
    /// The port.
    public let port: UInt16
  }

  /// The client's address; nil if the header has none. The balancer then makes the connection for itself (LOCAL, for a
  /// health check), or the address is unknown (UNKNOWN, a Unix socket). The caller then takes the address of the
  /// connection's peer.
  public let source: Source?

  /// The most bytes of a header of version 2, with its extensions (TLVs), which are skipped.
  public static let maximumBytes = 4096
}

/// The reason that bytes are not a header. Log fields and counters use the raw value.
public enum ProxyHeaderDefect: String, Error, Sendable, CaseIterable {
  /// The bytes begin with neither signature.
  case noSignature = "no_signature"
  case badLine = "bad_line"
  case badAddress = "bad_address"
  case badPort = "bad_port"
  case badVersion = "bad_version"
  case badFamily = "bad_family"
  case badLength = "bad_length"
}

/// Reads one header.
public struct ProxyHeaderReader: Sendable {
  /// The result of one call.
  public enum Step: Equatable, Sendable {
    /// The reader took all input and needs more.
    case needInput
    /// The header is complete. The bytes after it belong to the client.
    case header(ProxyHeader)
    /// The bytes are not a header.
    case malformed(ProxyHeaderDefect)
  }

  private enum State {
    case signature  // → line, fixedPart
    case line  // → the end
    case fixedPart  // → addresses, rest
    case addresses(count: Int)  // → rest, the end
    case rest(ProxyHeader, remaining: Int)  // → the end
  }

  static let lineSignature = Array("PROXY ".utf8)
  static let binarySignature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
  /// "A 108-byte buffer is always enough to store all the line and a trailing zero" (the specification).
  private static let maximumLineBytes = 107
  private static let fixedBytes = 16

  private var state = State.signature
  private var bytes: [UInt8] = []

  /// Makes a reader for a new connection.
  public init() {}

  /// Whether the whole signature of a header has come.
  public var hasSignature: Bool {
    if case .signature = state { return false }
    return true
  }

  /// The bytes taken so far.
  var taken: [UInt8] { bytes }

  /// Takes bytes of the header from `input`, and none after it, and advances `position`.
  public mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Step {
    while position < input.count {
      switch state {
      case .signature:
        bytes.append(input[position])
        position += 1
        if bytes == Self.lineSignature {
          state = .line
        } else if bytes == Self.binarySignature {
          state = .fixedPart
        } else if !Self.lineSignature.starts(with: bytes), !Self.binarySignature.starts(with: bytes) {
          return .malformed(.noSignature)
        }
      case .line:
        bytes.append(input[position])
        position += 1
        if bytes.last == 0x0a { return line() }
        if bytes.count == Self.maximumLineBytes { return .malformed(.badLine) }
      case .fixedPart:
        bytes.append(input[position])
        position += 1
        if bytes.count == Self.fixedBytes, let step = fixedPart() { return step }
      case .addresses(let count):
        bytes.append(input[position])
        position += 1
        if bytes.count == Self.fixedBytes + count, let step = addresses() { return step }
      case .rest(let header, let remaining):
        let taken = min(remaining, input.count - position)
        position += taken
        if taken == remaining { return .header(header) }
        state = .rest(header, remaining: remaining - taken)
      }
    }
    return .needInput
  }

  // MARK: Version 1

  private func line() -> Step {
    guard bytes.dropLast().last == 0x0d else { return .malformed(.badLine) }
    let words = bytes.dropLast(2).split(separator: 0x20, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    // The specification says that the rest of an UNKNOWN line must be ignored.
    if words.count >= 2, words[1] == "UNKNOWN" { return .header(ProxyHeader(source: nil)) }
    guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6" else { return .malformed(.badLine) }
    let count = words[1] == "TCP4" ? 4 : 16
    guard let source = Self.octets(words[2], count: count), Self.octets(words[3], count: count) != nil else {
      return .malformed(.badAddress)
    }
    guard let port = Self.port(words[4]), Self.port(words[5]) != nil else { return .malformed(.badPort) }
    return .header(ProxyHeader(source: ProxyHeader.Source(octets: source, port: port)))
  }

  private static func octets(_ text: String, count: Int) -> [UInt8]? {
    var address = cepoll_address()
    // A zero byte would end the text for the C library before its real end.
    guard !text.utf8.contains(0), cepoll_parse_ip(text, &address) == 1, address.version == (count == 4 ? 4 : 6) else {
      return nil
    }
    return withUnsafeBytes(of: address.octets) { Array($0.prefix(count)) }
  }

  /// A port: 0 to 65535 in digits, without a leading zero.
  private static func port(_ text: String) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      text == "0" || !text.hasPrefix("0")
    else { return nil }
    return UInt16(text)
  }

  // MARK: Version 2

  private mutating func fixedPart() -> Step? {
    let (version, command) = (bytes[12] >> 4, bytes[12] & 15)
    guard version == 2, command <= 1 else { return .malformed(.badVersion) }
    let (family, transport) = (bytes[13] >> 4, bytes[13] & 15)
    let length = Int(bytes[14]) << 8 | Int(bytes[15])
    guard Self.fixedBytes + length <= ProxyHeader.maximumBytes else { return .malformed(.badLength) }
    // The specification says that the rest of a LOCAL header must be ignored.
    if command == 0 { return skip(length, ProxyHeader(source: nil)) }
    guard family <= 3, transport <= 2 else { return .malformed(.badFamily) }
    // Only TCP over IPv4 and IPv6 has an address that is used. Datagrams and Unix sockets are accepted without one.
    let addressBytes = transport == 1 && family == 1 ? 12 : transport == 1 && family == 2 ? 36 : 0
    guard length >= addressBytes else { return .malformed(.badLength) }
    if addressBytes == 0 { return skip(length, ProxyHeader(source: nil)) }
    state = .addresses(count: addressBytes)
    return nil
  }

  private mutating func addresses() -> Step? {
    let count = bytes[13] >> 4 == 1 ? 4 : 16
    let addresses = bytes[Self.fixedBytes...]
    let ports = addresses.dropFirst(2 * count)
    let header = ProxyHeader(
      source: ProxyHeader.Source(
        octets: Array(addresses.prefix(count)),
        port: UInt16(ports[ports.startIndex]) << 8 | UInt16(ports[ports.startIndex + 1])))
    let length = Int(bytes[14]) << 8 | Int(bytes[15])
    return skip(length - (2 * count + 4), header)
  }

  private mutating func skip(_ count: Int, _ header: ProxyHeader) -> Step? {
    if count == 0 { return .header(header) }
    state = .rest(header, remaining: count)
    return nil
  }
}
