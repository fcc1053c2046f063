// A socket and its TLS session, which together send and receive plaintext. It is a struct so that the session can
// borrow the caller's buffers. `HTTPSConnection` holds the state of the connection.

internal import Protocol
internal import Reactor

/// The lower half of an `HTTPSConnection`. The socket is closed when the value ends.
struct SecureChannel: ~Copyable {
  enum ReadOutcome: Equatable {
    case wouldBlock
    /// Bytes were received, and their plaintext, if any, was appended.
    case received(TLSSession.Status)
    case endOfStream
    case failed(SystemCallError)
    /// The server violated TLS.
    case violated(TLSError)
  }

  enum FlushOutcome: Equatable {
    case done
    case wouldBlock
    /// Nothing can be written any more. The next read returns the reason, after the bytes that the server sent before.
    case failed
  }

  private let socket: StreamSocket
  private var session: TLSSession
  /// Ciphertext to write. It holds no memory while it is empty, because most connections are idle most of the time.
  private var outgoing = ByteBuffer()

  /// - Parameter socket: may still be connecting. The ClientHello is sent by the first `flush`.
  init(socket: consuming StreamSocket, session: consuming TLSSession) throws(TLSError) {
    self.socket = socket
    self.session = session
    try self.session.start(ciphertextOut: &outgoing)
  }

  /// Returns the error of the TCP connection attempt; nil if it succeeded.
  func finishConnecting() -> SystemCallError? { socket.finishConnecting() }

  /// Encrypts `bytes`; `flush` sends them.
  mutating func send(_ bytes: Span<UInt8>) throws(TLSError) { try session.send(bytes, ciphertextOut: &outgoing) }

  /// Reads from the socket once.
  /// - Parameters: `scratch` is overwritten, `plaintext` is appended to.
  mutating func read(scratch: UnsafeMutableRawBufferPointer, plaintext: inout ByteBuffer) -> ReadOutcome {
    switch socket.read(into: scratch) {
    case .wouldBlock: return .wouldBlock
    case .endOfStream: return .endOfStream
    case .failed(let error): return .failed(error)
    case .bytes(let count):
      // Safety: `read` has just filled the first `count` bytes of the caller's buffer, which outlives this call.
      let bytes = UnsafeBufferPointer(
        start: scratch.baseAddress!.assumingMemoryBound(to: UInt8.self), count: count)
      do {
        return .received(try session.receive(bytes.span, plaintext: &plaintext, ciphertextOut: &outgoing))
      } catch {
        _ = flush()  // sends the alert that names the reason
        return .violated(error)
      }
    }
  }

  /// Writes the ciphertext as far as the socket takes it.
  mutating func flush() -> FlushOutcome {
    while !outgoing.isEmpty {
      switch socket.write(outgoing.span) {
      case .written(let count): outgoing.removeFirst(count)
      case .wouldBlock: return .wouldBlock
      case .failed:
        outgoing.removeAll(keepingCapacity: false)
        return .failed
      }
    }
    outgoing.removeAll(keepingCapacity: false)
    return .done
  }

  /// Sends the close_notify of TLS. Does nothing if earlier bytes still wait for the socket.
  mutating func close() {
    if !outgoing.isEmpty { return }
    session.close(ciphertextOut: &outgoing)
    _ = flush()
  }

  /// Closes the socket with RST. Unsent bytes are dropped.
  consuming func reset() { socket.reset() }
}
