// One end of a socket pair between two processes of this program. Each message is one line of JSON.

internal import Glibc
internal import Protocol
internal import Reactor

/// Receives the messages of a `LineSocket`.
protocol LineHandler: AnyObject {
  /// A message has arrived.
  func received(_ message: JSONObject)
  /// No more messages will come: the other process has ended, or has sent something else.
  func lineEnded()
}

/// Sends and receives messages. It is used on its loop only.
final class LineSocket: EventHandler {
  /// The limits of one message. A result with all histograms of four minutes has some megabytes.
  private static let limits = JSONValueLimits(bytes: 256 << 20, depth: 16)
  private static let readsPerEvent = 16

  private let loop: EventLoop
  private let socket: StreamSocket
  private unowned let handler: any LineHandler  // because the handler owns this socket
  private var token: Token?
  private var input = ByteBuffer()
  /// The number of bytes of `input` that certainly hold no line feed.
  private var searched = 0
  private var output = ByteBuffer()

  /// - Parameter descriptor: a nonblocking stream socket. The object owns it.
  init(loop: EventLoop, descriptor: consuming FileDescriptor, handler: any LineHandler) throws(SystemCallError) {
    self.loop = loop
    self.handler = handler
    socket = StreamSocket(owning: descriptor)
    token = try loop.register(socket.raw, .read, self)
  }

  /// Whether all messages are written, or the other side no longer reads.
  var isFlushed: Bool { output.isEmpty || token == nil }

  func send(_ message: (inout JSONWriter) -> Void) {
    var json = JSONWriter()
    message(&json)
    var line = json.finish()
    line.append("\n")
    output.append(line.span)
    flush()
  }

  func ready(_ readiness: Readiness) {
    if readiness.contains(.write) { flush() }
    if readiness.isDisjoint(with: [.read, .peerClosed, .error]) { return }
    for _ in 0..<Self.readsPerEvent {
      switch socket.read(into: loop.scratch) {
      case .wouldBlock: return
      case .endOfStream, .failed: return end()
      case .bytes(let count):
        input.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(loop.scratch)[..<count]))
        if !takeLines() { return end() }
      }
      if token == nil { return }
    }
  }

  /// - Returns: false if a line is no message.
  private func takeLines() -> Bool {
    while true {
      let end = input.withUnsafeBytes { bytes in bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) }
      guard let end else {
        searched = input.count
        return searched <= Self.limits.bytes
      }
      do {
        let line = input.withUnsafeBytes { Array($0[..<end]) }
        guard case .object(let message) = try JSONValue.parse(line.span, limits: Self.limits) else { return false }
        input.removeFirst(end + 1)
        searched = 0
        handler.received(message)
      } catch {
        return false
      }
    }
  }

  private func flush() {
    guard let token else { return output.removeAll() }
    while !output.isEmpty {
      switch socket.write(output.span) {
      case .written(let count): output.removeFirst(count)
      case .wouldBlock: return setInterest(token, [.read, .write])
      case .failed: return end()
      }
    }
    setInterest(token, .read)
  }

  private func setInterest(_ token: Token, _ interest: Interest) {
    do {
      try loop.update(token, interest)
    } catch {
      preconditionFailure("\(error): changing a mask allocates nothing")
    }
  }

  private func end() {
    guard let token else { return }
    self.token = nil
    loop.deregister(token)
    output.removeAll()
    handler.lineEnded()
  }
}
