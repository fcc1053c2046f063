// getaddrinfo(3). Apart from `SocketAddress`, since it blocks, reads files and talks to the network.

internal import CEpoll.Epoll

public struct NameResolutionError: Error, Equatable, Sendable, CustomStringConvertible {
  public let host: String
  /// An EAI_ code, or 0 if the name has no IP address.
  public let code: CInt

  public var description: String {
    "\(host): \(code == 0 ? "no IP address" : String(cString: cepoll_resolve_error(code)))"
  }
}

extension SocketAddress {
  /// Addresses kept of one name.
  private static let maximumAddresses = 16

  /// The addresses of a name, or of a numeric address, in the order in which to try them (RFC 6724). Not empty.
  ///
  /// Blocks, for seconds if a name server is slow: at start-up or on a `WorkerPool`, never on a loop.
  public static func resolve(host: String, port: UInt16) throws(NameResolutionError) -> [SocketAddress] {
    var found = [cepoll_address](repeating: cepoll_address(), count: maximumAddresses)
    let count = cepoll_resolve(host, port, &found, CInt(maximumAddresses))
    if count <= 0 { throw NameResolutionError(host: host, code: count) }
    return found.prefix(Int(count)).compactMap { SocketAddress($0) }
  }
}
