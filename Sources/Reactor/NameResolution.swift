// getaddrinfo(3). It is separate from `SocketAddress` because it blocks, reads files and uses the network.

internal import CEpoll.Epoll

/// A name that has no address.
public struct NameResolutionError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The name.
  public let host: String
  /// An EAI_ code; 0 if the name has no IP address.
  public let code: CInt

  /// The name and the reason, for people.
  public var description: String {
    "\(host): \(code == 0 ? "no IP address" : String(cString: cepoll_resolve_error(code)))"
  }
}

extension SocketAddress {
  /// The most addresses kept for one name.
  private static let maximumAddresses = 16

  /// The addresses of a name or of a numeric address, in the order in which to try them (RFC 6724). There is at least
  /// one.
  ///
  /// The call blocks, for seconds if a name server is slow. Call it at start-up or on a `WorkerPool`, never on a loop.
  public static func resolve(host: String, port: UInt16) throws(NameResolutionError) -> [SocketAddress] {
    var found = [cepoll_address](repeating: cepoll_address(), count: maximumAddresses)
    let count = cepoll_resolve(host, port, &found, CInt(maximumAddresses))
    if count <= 0 { throw NameResolutionError(host: host, code: count) }
    return found.prefix(Int(count)).compactMap { SocketAddress($0) }
  }
}
