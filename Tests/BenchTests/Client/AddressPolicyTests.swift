import HTTPClient
import Reactor
import Testing

struct AddressPolicyTests {
  private static let denied = [
    "127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "169.254.0.1", "169.254.169.254", "224.0.0.1",
    "239.255.255.255", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "fe80::1", "febf::1", "ff02::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b::1", "64:ff9b::e000:1", "2002:7f00:1::", "2002:a9fe:a9fe::", "2002:1::",
    "2002:e000:1::",
  ]

  private func address(_ ip: String) throws -> SocketAddress { try #require(SocketAddress(ip: ip, port: 443), "\(ip)") }

  @Test(arguments: denied) func `denies what only this host or its neighbours reach`(ip: String) throws {
    #expect(try !AddressPolicy().permits(address(ip)))
    #expect(
      try AddressPolicy(permitted: [#require(IPNetwork("0.0.0.0/0")), #require(IPNetwork("::/0"))]).permits(address(ip))
    )
  }

  @Test(arguments: [
    "126.255.255.255", "128.0.0.1", "1.0.0.0", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.253.255.255",
    "169.255.0.0",
    "223.255.255.255", "255.255.255.254", "100.100.100.201", "2001:db8::1", "::1:0:0:1", "fe7f::1", "fec0::1",
    "fd00::1", "64:ff9b::808:808", "2002:808:808::1", "feff::1",
  ])
  func `permits every other address`(ip: String) throws { #expect(try AddressPolicy().permits(address(ip))) }

  @Test func `a permitted network permits its own addresses and no others`() throws {
    let policy = AddressPolicy(permitted: [try #require(IPNetwork("127.0.0.2")), try #require(IPNetwork("fe80::/64"))])
    #expect(try policy.permits(address("127.0.0.2")) && policy.permits(address("fe80::9")))
    #expect(try policy.permits(address("::ffff:127.0.0.2")), "the mapped form is the same address")
    #expect(try !policy.permits(address("127.0.0.1")) && !policy.permits(address("fe80:0:0:1::9")))
  }
}
