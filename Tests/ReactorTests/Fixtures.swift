// Fixtures of the reactor's tests: real sockets, and handlers that record their calls.

import Glibc
import Synchronization

@testable import Reactor

/// Two connected Unix stream sockets, nonblocking.
struct SocketPair: ~Copyable {
  let left: StreamSocket
  let right: StreamSocket

  init() {
    var ends: [CInt] = [-1, -1]
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    precondition(socketpair(AF_UNIX, type, 0, &ends) == 0)
    left = StreamSocket(owning: FileDescriptor(owning: ends[0]))
    right = StreamSocket(owning: FileDescriptor(owning: ends[1]))
  }
}

/// A handler of each kind that a loop has, with closures.
final class Probe: EventHandler, DeadlineHandler, TurnStartHandler, TurnEndHandler {
  var onReady: (Readiness) -> Void = { _ in }
  var onDeadline: (TimerID) -> Void = { _ in }
  var onTurnStart: () -> Void = {}
  var onTurnEnd: () -> Void = {}

  func ready(_ readiness: Readiness) { onReady(readiness) }
  func deadlineReached(_ id: TimerID) { onDeadline(id) }
  func turnStarting() { onTurnStart() }
  func turnEnding() { onTurnEnd() }
}

/// A record of events in their order. Any thread may add to it.
final class Journal: Sendable {
  private let noted = Mutex<[String]>([])

  func note(_ entry: String) { noted.withLock { $0.append(entry) } }
  var entries: [String] { noted.withLock { $0 } }
}

/// A socket in an object, so that an array can hold it.
final class Guest {
  let socket: StreamSocket
  let peer: SocketAddress

  init(_ socket: consuming StreamSocket, from peer: SocketAddress) {
    self.socket = socket
    self.peer = peer
  }
}

/// Keeps the sockets that a listener accepts.
final class Guests: AcceptHandler {
  var all: [Guest] = []
  var onAccept: () -> Void = {}

  func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress) {
    all.append(Guest(socket, from: peer))
    onAccept()
  }
}

extension StreamSocket {
  /// Reads with a buffer of its own.
  /// - Returns: the result, and the bytes as text.
  func readText(limit: Int = 4096) -> (ReadResult, String) {
    var buffer = [UInt8](repeating: 0, count: limit)
    let result = buffer.withUnsafeMutableBytes { read(into: $0) }
    if case .bytes(let count) = result { return (result, String(decoding: buffer[..<count], as: UTF8.self)) }
    return (result, "")
  }

  func write(_ text: String) -> WriteResult {
    let bytes = Array(text.utf8)
    return write(bytes.span)
  }
}

extension EventLoop {
  /// Runs turns until `condition` holds.
  /// - Returns: false after ten seconds, which is far more than loopback needs.
  func turn(until condition: () -> Bool) -> Bool {
    let end = MonotonicTime.now() + .seconds(10)
    while !condition() {
      if MonotonicTime.now() >= end { return false }
      turn(waitingAtMost: .milliseconds(50))
    }
    return true
  }
}

let loopback = SocketAddress("127.0.0.1:0")!
