// The address of a socket: an IP address, version 4 or 6, and a port. Names are resolved elsewhere (`resolve`).

internal import CEpoll.Epoll

/// A numeric address. An IPv4 address that an IPv6 socket reports as `::ffff:a.b.c.d` is stored as plain IPv4, so that
/// one peer always has the same value.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The version of the IP address.
  public enum Version: UInt8, Sendable {
    case ipv4 = 4
    case ipv6 = 6
  }

  /// The version of the IP address.
  public let version: Version
  /// The port.
  public var port: UInt16
  // The 16 octets as they lie in memory, in network byte order. An IPv4 address uses the first four.
  private let firstOctets: UInt64
  private let lastOctets: UInt64
  /// The interface of a link-local IPv6 address; 0 for other addresses.
  private let zone: UInt32

  /// Reads `192.0.2.1:8443` or `[2001:db8::1]:8443`. Nil for any other text: names, an IPv6 address without brackets
  /// (its last group could be the port), zones, signs, spaces.
  public init?(_ text: String) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
      let port = Self.port(text[text.utf8.index(after: colon)...])
    else { return nil }
    var ip = text[..<colon]
    let isBracketed = ip.utf8.first == UInt8(ascii: "[")
    if isBracketed {
      guard ip.utf8.count > 2, ip.utf8.last == UInt8(ascii: "]") else { return nil }
      ip = ip.dropFirst().dropLast()
    }
    self.init(ip: String(ip), port: port)
    // `version` is already 4 for an IPv4-mapped address in brackets, so this looks at the text.
    if ip.utf8.contains(UInt8(ascii: ":")) != isBracketed { return nil }
  }

  /// Makes an address from text.
  /// - Parameter ip: a numeric address without brackets or zone. Nil for any other text.
  public init?(ip: String, port: UInt16) {
    var address = cepoll_address()
    if ip.utf8.contains(0) || cepoll_parse_ip(ip, &address) == 0 { return nil }
    address.port = port
    self.init(address)
  }

  /// Makes an address from bytes.
  /// - Parameter octets: 4 or 16, in network byte order. Nil for any other number.
  public init?(octets: [UInt8], port: UInt16) {
    guard octets.count == 4 || octets.count == 16 else { return nil }
    var address = cepoll_address()
    address.version = octets.count == 4 ? 4 : 6
    address.port = port
    withUnsafeMutableBytes(of: &address.octets) { $0.copyBytes(from: octets) }
    self.init(address)
  }

  /// Nil if the address family is not IP.
  init?(_ address: cepoll_address) {
    guard let version = Version(rawValue: address.version) else { return nil }
    port = address.port
    let mappedPrefix: UInt64 = 0xffff
    if version == .ipv6, address.octets.0 == 0, UInt64(bigEndian: address.octets.1) >> 32 == mappedPrefix {
      self.version = .ipv4
      firstOctets = (UInt64(bigEndian: address.octets.1) << 32).bigEndian
      lastOctets = 0
      zone = 0
    } else {
      self.version = version
      firstOctets = address.octets.0
      lastOctets = address.octets.1
      zone = address.zone
    }
  }

  /// Whether the address is `0.0.0.0` or `::`, which stand for all addresses of the host.
  public var isUnspecified: Bool { firstOctets == 0 && lastOctets == 0 }

  /// The network by which the server counts clients, see `ClientNetwork`.
  public var network: ClientNetwork { ClientNetwork(version: version, prefix: firstOctets) }

  /// The 128 bits of the address as a number; the first octet is the highest. An IPv4 address fills the upper 32 bits.
  var bits: UInt128 { UInt128(UInt64(bigEndian: firstOctets)) << 64 | UInt128(UInt64(bigEndian: lastOctets)) }

  /// The address without the port, as inet_ntop(3) prints it.
  public var ipString: String {
    var address = self.address
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
      // Safety: 64 >= INET6_ADDRSTRLEN (46). inet_ntop writes at most that, including the NUL; otherwise the process
      // ends.
      SystemCall.certain("inet_ntop") { cepoll_print_ip(&address, text.baseAddress, text.count) }
      return String(cString: text.baseAddress!)
    }
  }

  /// The form that `init(_:)` reads: `192.0.2.1:8443` or `[2001:db8::1]:8443`.
  public var description: String {
    switch version {
    case .ipv4: "\(ipString):\(port)"
    case .ipv6: "[\(ipString)]:\(port)"
    }
  }

  var address: cepoll_address {
    cepoll_address(octets: (firstOctets, lastOctets), zone: zone, port: port, version: version.rawValue)
  }

  /// A port of one to five digits, at most 65535.
  private static func port(_ text: Substring) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return UInt16(text)
  }
}

/// The unit in which the server counts clients: an IPv4 address, or the /64 of an IPv6 address, because one host
/// usually has a whole /64.
public struct ClientNetwork: Hashable, Sendable {
  fileprivate let version: SocketAddress.Version
  fileprivate let prefix: UInt64
}

/// A set of addresses with the same beginning: `10.0.0.0/8`, `2001:db8::/32`, or one address without a length.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
  private let address: SocketAddress
  private let length: Int

  /// Reads a network. Nil for any other text, and for an address with bits beyond the length (`10.0.0.1/8`), because
  /// such a text may mean the host or the network.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = SocketAddress(ip: String(parts[0]), port: 0) else { return nil }
    let longest = address.version == .ipv4 ? 32 : 128
    var length = longest
    if parts.count == 2 {
      guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let given = Int(parts[1]), given <= longest
      else { return nil }
      length = given
    }
    if address.bits & ~Self.mask(length) != 0 { return nil }
    self.address = address
    self.length = length
  }

  /// Whether `other` belongs to the network.
  public func contains(_ other: SocketAddress) -> Bool {
    other.version == address.version && other.bits & Self.mask(length) == address.bits
  }

  /// The form that `init(_:)` reads.
  public var description: String {
    length == (address.version == .ipv4 ? 32 : 128) ? address.ipString : "\(address.ipString)/\(length)"
  }

  private static func mask(_ length: Int) -> UInt128 { length == 0 ? 0 : UInt128.max << UInt128(128 - length) }
}
