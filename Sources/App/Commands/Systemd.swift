// Notifies systemd if it started the process with Type=notify or WatchdogSec= (sd_notify(3)). Each message is a
// datagram; no library is linked for it.

import Glibc

struct Systemd: Sendable {
  enum Message: String {
    case ready = "READY=1"
    case reloading = "RELOADING=1"
    case stopping = "STOPPING=1"
    case alive = "WATCHDOG=1"
  }

  /// If the manager's queue is full, the message is dropped.
  private static let flags = CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT)

  /// A file system path, or `@name` for an abstract socket.
  private let socketPath: String
  /// The longest time between two `.alive` messages; nil if none are expected.
  let watchdogInterval: Duration?

  /// - Returns: nil if systemd did not ask for notifications.
  init?(environment: [String: String]) {
    guard let path = environment["NOTIFY_SOCKET"], path.utf8.count > 1, path.hasPrefix("/") || path.hasPrefix("@")
    else {
      return nil
    }
    socketPath = path
    // WATCHDOG_PID names the process that the interval is for. This process may have inherited the variable from it.
    let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
    watchdogInterval = isForUs ? environment["WATCHDOG_USEC"].flatMap { Int64($0) }.map { .microseconds($0) } : nil
  }

  /// Sends a message. It is not an error if the manager does not listen.
  func send(_ message: Message) {
    var text = message.rawValue
    if message == .reloading {
      var now = timespec()
      clock_gettime(CLOCK_MONOTONIC, &now)
      text += "\nMONOTONIC_USEC=\(Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000)"
    }
    let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if descriptor < 0 { return }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(socketPath.utf8)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    // An abstract name begins with NUL, and its length counts (unix(7)).
    if path[0] == UInt8(ascii: "@") { address.sun_path.0 = 0 }
    let length = MemoryLayout.offset(of: \sockaddr_un.sun_path)! + path.count
    let bytes = Array(text.utf8)
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = bytes.withUnsafeBytes {
          sendto(descriptor, $0.baseAddress, $0.count, Self.flags, address, socklen_t(length))
        }
      }
    }
  }

  /// Sends `.alive` twice per interval, each time after `isAlive` returns, until the task is cancelled. If `isAlive`
  /// hangs, nothing is sent, and the manager restarts the process.
  func watch(_ isAlive: @Sendable () async -> Void) async {
    guard let interval = watchdogInterval else { return }
    while !Task.isCancelled {
      await isAlive()
      send(.alive)
      do { try await Task.sleep(for: interval / 2) } catch { return }
    }
  }
}
