// What a connection to a TLS port begins with: TLS, a balancer's PROXY header before it, or something that is neither and is
// worth an answer. A ClientHello begins with 0x16; a header with `P` or CR; a request without TLS with the letters of its
// method. All that is no request is left to OpenSSL, which has a word for it.

/// Looks at the first bytes of a connection, in pieces of any size.
public struct ConnectionPreface: Sendable {
  public enum Step: Equatable, Sendable {
    /// All input was taken, and nothing can be said yet.
    case needInput
    /// The balancer's header is complete. Ask on: the client's own bytes follow.
    case proxied(ProxyHeader)
    /// From the position on the bytes are TLS, or OpenSSL's to refuse.
    case tls
    /// The connection ends here.
    case refused(Refusal)
  }

  public enum Refusal: Equatable, Sendable {
    /// A request of HTTP without TLS.
    case plainHTTP
    /// From here there has to be a header, and this is none.
    case proxyHeaderMissing
    case proxyHeaderMalformed(ProxyHeaderDefect)
    /// A header where none is believed, or a second one.
    case proxyHeaderUnexpected
  }

  /// Whether a header has to come before all else, and has not come yet.
  public private(set) var expectsHeader: Bool
  private var reader = ProxyHeaderReader()

  /// - Parameter expectsHeader: whether the peer is a balancer that says whom it speaks for.
  public init(expectsHeader: Bool) { self.expectsHeader = expectsHeader }

  /// Takes from `input`, at `position`, what is not the client's TLS.
  public mutating func next(_ input: Span<UInt8>, _ position: inout Int) -> Step {
    guard position < input.count else { return .needInput }
    if expectsHeader { return header(input, &position) }
    if reader.taken.isEmpty, !Self.mayBeHeaderOrRequest(input[position]) { return .tls }
    switch reader.next(input, &position) {
    case .malformed(.noSignature): return .refused(.plainHTTP)
    // It is clear what it is to be, so what else it says does not matter.
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

  /// A letter, or the empty line that some clients send before a request. No record of TLS begins so.
  private static func mayBeHeaderOrRequest(_ byte: UInt8) -> Bool {
    (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x0d || byte == 0x0a
  }
}
