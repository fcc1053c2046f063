// Tells from the first bytes of a connection to a TLS port what the client sends: TLS, a balancer's PROXY header before
// TLS, or HTTP without TLS. A ClientHello begins with 0x16, a header with `P` or CR, a request without TLS with the
// letters of its method. OpenSSL gets bytes that begin in any other way, and reports them as an error.

/// Examines the first bytes of a connection, in pieces of any size.
public struct ConnectionPreface: Sendable {
  /// The result of one call.
  public enum Step: Equatable, Sendable {
    /// The preface took all input and needs more.
    case needInput
    /// The balancer's header is complete. The caller calls `next` again for the client's own bytes.
    case proxied(ProxyHeader)
    /// From the position on the bytes belong to OpenSSL: TLS, or bytes that it refuses.
    case tls
    /// The connection must be closed.
    case refused(Refusal)
  }

  /// The reason that a connection is refused.
  public enum Refusal: Equatable, Sendable {
    /// The client sends HTTP without TLS.
    case plainHTTP
    /// The peer is a balancer, but its connection does not begin with a header.
    case proxyHeaderMissing
    /// The balancer's header breaks a rule.
    case proxyHeaderMalformed(ProxyHeaderDefect)
    /// The connection begins with a header although the peer is not a balancer, or has a second header.
    case proxyHeaderUnexpected
  }

  /// Whether a header must come first and has not come yet.
  public private(set) var expectsHeader: Bool
  private var reader = ProxyHeaderReader()

  /// - Parameter expectsHeader: whether the peer is a balancer that names its client in a header.
  public init(expectsHeader: Bool) { self.expectsHeader = expectsHeader }

  /// Takes bytes before the client's TLS from `input` and advances `position`.
  public mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Step {
    guard position < input.count else { return .needInput }
    if expectsHeader { return header(input, &position) }
    if reader.taken.isEmpty, !Self.mayBeHeaderOrRequest(input[position]) { return .tls }
    switch reader.next(input, &position) {
    case .malformed(.noSignature): return .refused(.plainHTTP)
    // The bytes begin with the signature of a header. The connection is refused whether the rest is valid or not.
    case .header, .malformed: return .refused(.proxyHeaderUnexpected)
    case .needInput: return reader.hasSignature ? .refused(.proxyHeaderUnexpected) : .needInput
    }
  }

  private mutating func header(_ input: Span<UInt8>, _ position: inout Int) -> Step {
    switch reader.next(input, &position) {
    case .needInput: return .needInput
    case .header(let header):
      expectsHeader = false
      reader = ProxyHeaderReader()
      return .proxied(header)
    case .malformed(.noSignature): return .refused(.proxyHeaderMissing)
    case .malformed(let defect): return .refused(.proxyHeaderMalformed(defect))
    }
  }

  /// Whether the byte is a letter, or begins the empty line that some clients send before a request. No TLS record
  /// begins with such a byte.
  private static func mayBeHeaderOrRequest(_ byte: UInt8) -> Bool {
    (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x0d || byte == 0x0a
  }
}
