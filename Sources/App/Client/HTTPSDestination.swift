public import Protocol
public import Reactor

/// The address of one server, the parameters of a connection to it, and the time limits.
public struct HTTPSDestination: Sendable {
  public let url: HTTPSURL
  /// The addresses of the server. A connection tries one after the other, and begins with the one that last accepted.
  /// Not empty.
  public let addresses: [SocketAddress]
  /// Local addresses to connect from, in turn. If it is empty, the kernel chooses.
  public let sources: [SocketAddress]
  /// The authorities that the server's certificate is checked against.
  public let context: TLSContext
  /// Limit of the time from the first packet to the end of the TLS handshake.
  public var handshakeLimit: Duration = .seconds(30)
  /// Limit of the time from a request to the end of its response.
  public var answerLimit: Duration = .seconds(60)
  /// Limits of the size of a response.
  public var limits = HTTPLimits()

  public init(url: HTTPSURL, addresses: [SocketAddress], sources: [SocketAddress] = [], context: TLSContext) {
    precondition(!addresses.isEmpty, "a server has an address")
    self.url = url
    self.addresses = addresses
    self.sources = sources
    self.context = context
  }
}
