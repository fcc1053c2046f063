// Which addresses a delivery may connect to. An operator chooses the target of a channel, and must not reach with it what
// only this machine or its neighbours can reach: services on the loopback, and the metadata service of a cloud.
//
// The policy judges the numeric address that the socket connects to. So a name cannot change its address between the
// check and the connection.

public import Reactor

/// Decides about the addresses of targets.
public struct AddressPolicy: Sendable, Equatable {
  /// Networks that are always permitted, also if they lie within a denied one.
  public let permitted: [IPNetwork]

  public init(permitted: [IPNetwork] = []) { self.permitted = permitted }

  /// Whether a delivery may connect to `address`.
  public func permits(_ address: SocketAddress) -> Bool {
    permitted.contains { $0.contains(address) } || !Self.denied.contains { $0.contains(address) }
  }

  private static let denied: [IPNetwork] = [
    // This host, and unspecified: Linux connects to the loopback for 0.0.0.0 and ::.
    "0.0.0.0/8", "127.0.0.0/8",
    // Unspecified, loopback, and the deprecated form ::a.b.c.d of an IPv4 address.
    "::/96",
    // Link-local (RFC 3927, RFC 4291). 169.254.169.254 is the metadata service of most clouds.
    "169.254.0.0/16", "fe80::/10",
    // Metadata services at other addresses: Amazon's for IPv6, Alibaba's, Oracle's.
    "fd00:ec2::254", "100.100.100.200", "192.0.0.192",
    // Multicast and broadcast.
    "224.0.0.0/4", "255.255.255.255", "ff00::/8",
    // The same IPv4 networks behind a translator (RFC 6052) and a 6to4 relay (RFC 3056).
    "64:ff9b::/104", "64:ff9b::7f00:0/104", "64:ff9b::a9fe:0/112", "64:ff9b::e000:0/100", "2002::/24", "2002:7f00::/24",
    "2002:a9fe::/32", "2002:e000::/20",
  ].map { text in
    guard let network = IPNetwork(text) else { preconditionFailure("\(text) is no network") }
    return network
  }
}
