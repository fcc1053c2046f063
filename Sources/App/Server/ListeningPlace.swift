// The addresses at which a server listens, and whether it may use them. A name stands for the addresses of both
// families. No other program may listen there, except a server of the same data directory: an old server hands over to
// a new one and then stops.

import CEpoll.Process
import Glibc
import Ground
import Reactor

/// The addresses of `listen`.
struct ListeningPlace: Sendable {
  private(set) var addresses: [SocketAddress]
  /// The host part of `listen` if it is a name; nil for an address.
  let name: String?
  /// Whether the server joins others that already listen there.
  var joinsOthers = false

  /// Resolves a name, which can take seconds. To be called before there are loops.
  /// - Parameter text: `HOST:PORT`; HOST is an IPv4 address, an IPv6 address in brackets, or a name.
  init(_ text: String) throws(Server.StartError) {
    if let address = SocketAddress(text) {
      addresses = [address]
      name = nil
      return
    }
    let unusable = Server.StartError(
      description: "listen: \"\(text)\" is not HOST:PORT, such as 127.0.0.1:8443, [::1]:8443 or localhost:8443.")
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
      text[text.index(after: colon)...].utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { throw unusable }
    let host = String(text[..<colon])
    guard !host.isEmpty, host.utf8.allSatisfy(Self.isOfName) else { throw unusable }
    do throws(NameResolutionError) {
      addresses = try SocketAddress.resolve(host: host, port: port)
    } catch {
      throw Server.StartError(description: "listen: \(error).")
    }
    name = host
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
  }

  /// The same place for one that joins the listeners at `addresses`: another loop, or a server of the same data
  /// directory.
  func joined(at addresses: [SocketAddress]) -> ListeningPlace {
    var place = self
    place.addresses = addresses
    place.joinsOthers = true
    return place
  }

  /// Listens at each address. With port 0 all addresses get the port of the first one. An address of a name that the
  /// host does not have is skipped, such as `::1` without IPv6.
  func listen(
    _ make: (SocketAddress) throws(SystemCallError) -> Listener
  ) throws(SystemCallError) -> [Listener] {
    var listeners: [Listener] = []
    var lacking: SystemCallError?
    for var address in addresses {
      if address.port == 0, let first = listeners.first { address.port = first.localAddress.port }
      do throws(SystemCallError) {
        listeners.append(try make(address))
      } catch {
        guard name != nil, error.errno == EADDRNOTAVAIL || error.errno == EAFNOSUPPORT else {
          for listener in listeners { listener.close() }
          throw error
        }
        lacking = error
      }
    }
    if listeners.isEmpty, let lacking { throw lacking }
    return listeners
  }
}

/// Distinguishes servers of one data directory from other programs at an address. Each server holds its own lock on a
/// byte of a file in the directory; the byte's offset stands for the address (fcntl(2), locks of open file
/// descriptions). The kernel releases the lock when the process ends.
final class ListeningClaim: Sendable {
  private let descriptor: CInt

  init(directory: String) throws(FileError) {
    let path = directory + "/.listening"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw FileError(call: "open", path: path, errno: errno) }
  }

  deinit { close(descriptor) }

  /// Whether another server of the directory listens at `address`.
  func isHeldElsewhere(_ address: SocketAddress) -> Bool {
    cepoll_is_byte_locked(descriptor, Self.place(of: address)) == 1
  }

  /// Takes the lock for `address`.
  func hold(_ address: SocketAddress) { _ = cepoll_share_byte(descriptor, Self.place(of: address)) }

  /// The upper 62 bits of FNV-1a. It is unlikely that two addresses get the same offset, and it does no harm.
  private static func place(of address: SocketAddress) -> Int64 {
    Int64(address.description.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } >> 2)
  }
}
