import Testing

@testable import Reactor

@Suite struct SocketAddressTests {
  @Test(arguments: [
    ("127.0.0.1:8443", "127.0.0.1:8443"),
    ("0.0.0.0:0", "0.0.0.0:0"),
    ("255.255.255.255:65535", "255.255.255.255:65535"),
    ("1.2.3.4:00080", "1.2.3.4:80"),
    ("[::1]:8443", "[::1]:8443"),
    ("[::]:0", "[::]:0"),
    ("[2001:DB8:0:0:0:0:0:1]:1", "[2001:db8::1]:1"),
    ("[::ffff:192.0.2.9]:7", "192.0.2.9:7"),
  ])
  func `an address reads back from its canonical text`(text: String, printed: String) throws {
    let address = try #require(SocketAddress(text))
    #expect(address.description == printed)
    #expect(SocketAddress(printed) == address)
    #expect(SocketAddress(ip: address.ipString, port: address.port) == address)
  }

  @Test(arguments: [
    "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:100000", "127.0.0.1:+80", "127.0.0.1:-1",
    "127.0.0.1: 80", " 127.0.0.1:80", "127.0.0.1:8o", "127.0.0.1:٨", "127.1:80", "127.0.0.256:80", "127.0.0.01.1:80",
    "localhost:80", "::1", "::1:8443", "[::1]", "[::1]8443", "[::1:8443", "::1]:8443", "[]:80", "[127.0.0.1]:80",
    "[::1%lo]:80", "[fe80::1%1]:80", "127.0.0.1\0:80", "[::1]]:80",
  ])
  func `a malformed address is refused`(text: String) {
    #expect(SocketAddress(text) == nil)
  }

  @Test func `two addresses are equal if address and port are equal`() throws {
    let one = try #require(SocketAddress("192.0.2.1:1"))
    var other = try #require(SocketAddress("192.0.2.1:2"))
    #expect(one != other)
    other.port = 1
    #expect(one == other)
    #expect(one.hashValue == other.hashValue)
    #expect(one != SocketAddress("[::c000:201]:1"))
  }

  @Test func `a name resolves to addresses with the given port, and a numeric address to itself`() throws {
    #expect(try SocketAddress.resolve(host: "192.0.2.1", port: 5) == [try #require(SocketAddress("192.0.2.1:5"))])
    let addresses = try SocketAddress.resolve(host: "localhost", port: 5432)
    #expect(addresses.allSatisfy { $0 == SocketAddress("127.0.0.1:5432") || $0 == SocketAddress("[::1]:5432") })
    #expect(!addresses.isEmpty)
    let error = #expect(throws: NameResolutionError.self) { try SocketAddress.resolve(host: "no such name", port: 1) }
    #expect(error?.host == "no such name")
  }
}
