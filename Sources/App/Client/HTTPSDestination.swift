public import Protocol
public import Reactor

/// Everything that is needed to connect to one server, and how long to wait for it.
public struct HTTPSDestination: Sendable {
  public let url: HTTPSURL
  /// Where the server listens. A connection tries one after the other, from the one that last accepted. Not empty.
  public let addresses: [SocketAddress]
  /// Local addresses to connect from, in turn. Empty leaves the choice to the kernel.
  public let sources: [SocketAddress]
  /// The authorities that the server's certificate is checked against.
  public let context: TLSContext
  /// From the first packet to the end of the TLS handshake.
  public var handshakeLimit: Duration = .seconds(30)
  /// From a request to the end of its response.
  public var answerLimit: Duration = .seconds(60)
  /// What one response may cost.
  public var limits = HTTPLimits()

  public init(url: HTTPSURL, addresses: [SocketAddress], sources: [SocketAddress] = [], context: TLSContext) {
    precondition(!addresses.isEmpty, "a server has an address")
    self.url = url
    self.addresses = addresses
    self.sources = sources
    self.context = context
  }
}
