import Testing

@testable import Reactor

@Suite struct IPNetworkTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("192.0.2.7", "192.0.2.7", true),
    ("192.0.2.7/32", "192.0.2.8", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
    ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false), ("::/0", "::1", true),
    ("::/0", "10.0.0.1", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("::1", "::1", true), ("::1", "::2", false),
    ("128.0.0.0/1", "200.1.1.1", true), ("128.0.0.0/1", "127.255.255.255", false),
  ])
  func `a network contains the addresses with its prefix`(text: String, address: String, isInside: Bool) throws {
    let network = try #require(IPNetwork(text))
    #expect(network.contains(try #require(SocketAddress(ip: address, port: 1))) == isInside)
    #expect(IPNetwork(network.description) == network)
  }

  @Test(arguments: [
    "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "2001:db8::1/64", "::/129", "10.0.0.0/+8", "10.0.0/8",
    "10.0.0.0/8/8", "localhost", "10.0.0.0 /8", "::ffff:1.2.3.4/128",
  ])
  func `a malformed network is refused`(text: String) { #expect(IPNetwork(text) == nil) }

  @Test func `a client is its IPv4 address or its 64 bits of IPv6`() throws {
    func network(_ ip: String) throws -> ClientNetwork { try #require(SocketAddress(ip: ip, port: 9)).network }
    #expect(try network("192.0.2.1") == network("::ffff:192.0.2.1"))
    #expect(try network("192.0.2.1") != network("192.0.2.2"))
    #expect(try network("2001:db8:0:1::1") == network("2001:db8:0:1:ffff::9"))
    #expect(try network("2001:db8:0:1::1") != network("2001:db8:0:2::1"))
    // The octets of both addresses begin alike.
    #expect(try network("192.0.2.1") != network("c000:201::"))
  }

  @Test func `an address is made of octets`() {
    #expect(SocketAddress(octets: [192, 0, 2, 1], port: 7) == SocketAddress("192.0.2.1:7"))
    let octets: [UInt8] = [0x20, 1, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
    #expect(SocketAddress(octets: octets, port: 7) == SocketAddress("[2001:db8::1]:7"))
    #expect(SocketAddress(octets: [1, 2, 3], port: 7) == nil)
  }
}
