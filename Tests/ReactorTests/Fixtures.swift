// What the reactor's tests share: real sockets, and handlers that say what happened to them.

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

/// Any handler a loop knows, by closure.
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

/// What happened, in order, from any thread.
final class Journal: Sendable {
  private let noted = Mutex<[String]>([])

  func note(_ entry: String) { noted.withLock { $0.append(entry) } }
  var entries: [String] { noted.withLock { $0 } }
}

/// A socket that can be kept in an array.
final class Guest {
  let socket: StreamSocket
  let peer: SocketAddress

  init(_ socket: consuming StreamSocket, from peer: SocketAddress) {
    self.socket = socket
    self.peer = peer
  }
}

/// Keeps what a listener accepts.
final class Guests: AcceptHandler {
  var all: [Guest] = []
  var onAccept: () -> Void = {}

  func accepted(_ socket: consuming StreamSocket, from peer: SocketAddress) {
    all.append(Guest(socket, from: peer))
    onAccept()
  }
}

extension StreamSocket {
  /// Reads with a buffer of its own. - Returns: the result, and the bytes as text.
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
  /// Turns until `condition` holds. - Returns: false after ten seconds, which on loopback means never.
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
