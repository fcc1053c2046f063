// A blocking TCP socket without TLS: for bytes that no proper client sends, and for silent clients.

import Glibc
import Reactor

/// One connection to the loopback. It waits on threads of its own, as `TestClient` does.
final class PlainSocket: Sendable {
  private static let threads = Result { try WorkerPool(name: "plain", threads: 8, maximumWaiting: 10_000) }

  let descriptor: CInt

  /// - Parameters:
  ///   - source: the client's address, one of 127.0.0.0/8.
  ///   - receiveBytes: the size of the kernel's receive buffer; nil leaves it to the kernel.
  init(port: UInt16, from source: String? = nil, receiveBytes: CInt? = nil) throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw TestClient.Failure.system("socket", errno: errno) }
    descriptor = socket
    var patience = timeval(tv_sec: TestClient.patience, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    if var receiveBytes { setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receiveBytes, 4) }
    if let source { try Self.bind(socket, to: source) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      // Safety: a sockaddr_in is read as the sockaddr it begins with, for the length of the call.
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if status != 0 { throw TestClient.Failure.system("connect", errno: errno) }
  }

  deinit { Glibc.close(descriptor) }

  /// Binds a socket to an address of the loopback.
  static func bind(_ socket: CInt, to source: String) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr(source)
    let status = withUnsafePointer(to: &address) {
      // Safety: a sockaddr_in is read as the sockaddr it begins with, for the length of the call.
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if status != 0 { throw TestClient.Failure.system("bind", errno: errno) }
  }

  /// All that the server sends until it closes.
  func text() async throws -> String {
    try await Self.threads.get().run { [self] in
      var text: [UInt8] = []
      var bytes = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = recv(descriptor, &bytes, bytes.count, 0)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { return String(decoding: text, as: UTF8.self) }
        text += bytes[..<count]
      }
    }
  }

  /// Sends all bytes, or as many as possible before the server closes. - Returns: whether all bytes were sent.
  @discardableResult
  func send(_ bytes: [UInt8]) async throws -> Bool {
    try await Self.threads.get().run { [self] in
      var rest = bytes[...]
      while !rest.isEmpty {
        let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        if sent < 0, errno == EINTR { continue }
        if sent <= 0 { return false }
        rest = rest.dropFirst(sent)
      }
      return true
    }
  }

  /// Reads and drops bytes until the server has closed. - Returns: false if that takes longer than
  /// `TestClient.patience`.
  func isClosedByServer() async throws -> Bool {
    try await Self.threads.get().run { [self] in
      var bytes = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = recv(descriptor, &bytes, bytes.count, 0)
        if count > 0 || (count < 0 && errno == EINTR) { continue }
        return count == 0 || errno == ECONNRESET
      }
    }
  }
}
