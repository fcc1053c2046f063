import Glibc
import Testing

@testable import App

@Suite struct SystemdTests {
  /// A datagram socket with an abstract name. systemd may use such a name.
  private static func listen(_ name: String) throws -> CInt {
    let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: [0] + Array(name.utf8)) }
    let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + 1 + name.utf8.count)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(bound == 0)
    return descriptor
  }

  private static func receive(_ descriptor: CInt) -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  @Test func `messages to systemd arrive as datagrams`() throws {
    let name = "pganalytics-test-\(getpid())"
    let descriptor = try Self.listen(name)
    defer { close(descriptor) }
    let manager = try #require(
      Systemd(environment: ["NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "30000000"]))
    #expect(manager.watchdogInterval == .seconds(30))
    manager.send(.ready)
    manager.send(.reloading)
    #expect(Self.receive(descriptor) == "READY=1")
    #expect(Self.receive(descriptor).hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
  }

  @Test func `without a socket there is no systemd, and the watchdog of another process is ignored`() {
    #expect(Systemd(environment: [:]) == nil)
    #expect(Systemd(environment: ["NOTIFY_SOCKET": "relative"]) == nil)
    let inherited = Systemd(
      environment: ["NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"])
    #expect(inherited?.watchdogInterval == nil)
    inherited?.send(.stopping)
  }
}
