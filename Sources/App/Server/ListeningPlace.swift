// Where a server listens, and whether it may be there. A name has the addresses of both families. Nobody else may listen at them,
// but a server of the same installation: it hands over to the one that starts, and stops by itself.

import CEpoll.Process
import Glibc
import Ground
import Reactor

/// The addresses of `listen`.
struct ListeningPlace: Sendable {
  private(set) var addresses: [SocketAddress]
  /// What stands before the port, if it is no address.
  let name: String?
  /// Whether to join those who listen there already.
  var joinsOthers = false

  /// Looks a name up, which can take seconds: before there are loops.
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

  /// The place where the first loop listens, for the others to join it.
  func joined(at addresses: [SocketAddress]) -> ListeningPlace {
    var place = self
    place.addresses = addresses
    place.joinsOthers = true
    return place
  }

  /// Listens at each address. With port 0 they have the port that the first one gets. An address that a name has and the host
  /// has not, as `::1` where there is no IPv6, is left out.
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

/// Tells the servers of one data directory from all others at an address: each holds a lock of its own on a file there, at a
/// place that stands for the address (fcntl(2), locks of open file descriptions). The kernel lets go of it with the process.
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

  /// Says that this one does, from now on.
  func hold(_ address: SocketAddress) { _ = cepoll_share_byte(descriptor, Self.place(of: address)) }

  /// FNV-1a, the upper 62 bits: two addresses at one place are no danger, they only have to be unlikely.
  private static func place(of address: SocketAddress) -> Int64 {
    Int64(address.description.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } >> 2)
  }
}
