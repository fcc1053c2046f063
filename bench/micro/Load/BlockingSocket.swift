// A TCP connection that waits: a client that measures a server's processor time may be as slow as it likes.

import Glibc

struct SocketError: Error, CustomStringConvertible {
  let call: String
  let code: Int32
  var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// A connected IPv4 socket.
struct BlockingSocket: ~Copyable {
  private let descriptor: Int32

  /// Connects to `port` of `address`, from `source` (so that more than 28,000 connections have ports).
  init(_ address: String, _ port: UInt16, from source: String) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if descriptor < 0 { throw SocketError(call: "socket", code: errno) }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    setsockopt(descriptor, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, socklen_t(MemoryLayout<Int32>.size))
    var local = Self.address(source, 0)
    var remote = Self.address(address, port)
    let isBound = Self.call(&local) { bind(descriptor, $0, $1) }
    let isConnected = isBound && Self.call(&remote) { connect(descriptor, $0, $1) }
    if !isConnected { throw SocketError(call: "connect", code: errno) }
  }

  deinit { close(descriptor) }

  private static func address(_ text: String, _ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, text, &address.sin_addr)
    return address
  }

  private static func call(
    _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Bool {
    withUnsafePointer(to: &address) {
      // Safety: a sockaddr_in is a sockaddr as far as the kernel looks at it, and its length goes along.
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
    }
  }

  func send(_ bytes: Span<UInt8>) throws {
    try bytes.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let count = Glibc.send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        if count < 0 { throw SocketError(call: "send", code: errno) }
        sent += count
      }
    }
  }

  /// Waits for bytes. - Returns: how many came; 0 at the end of the stream.
  func receive(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
    if count < 0 { throw SocketError(call: "recv", code: errno) }
    return count
  }
}
