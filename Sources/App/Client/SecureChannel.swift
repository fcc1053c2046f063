// A socket and the TLS session on it, as one thing that takes and gives plaintext. A struct, so that the session can borrow
// the buffers it works on; `HTTPSConnection` decides what happens next.

internal import Protocol
internal import Reactor

struct SecureChannel: ~Copyable {
  enum ReadOutcome: Equatable {
    case wouldBlock
    /// Plaintext, if any, was appended.
    case received(TLSSession.Status)
    case endOfStream
    case failed(SystemCallError)
    case violated(TLSError)
  }

  enum FlushOutcome: Equatable {
    case done
    case wouldBlock
    /// Nothing can be written any more. A read tells why, after whatever the peer said before.
    case failed
  }

  private let socket: StreamSocket
  private var session: TLSSession
  /// Ciphertext to write. Holds no memory while there is none: most connections idle most of the time.
  private var outgoing = ByteBuffer()

  /// - Parameter socket: still connecting, perhaps; the ClientHello waits for `flush`.
  init(socket: consuming StreamSocket, session: consuming TLSSession) throws(TLSError) {
    self.socket = socket
    self.session = session
    try self.session.start(ciphertextOut: &outgoing)
  }

  func finishConnecting() -> SystemCallError? { socket.finishConnecting() }

  /// Encrypts `bytes`; `flush` sends them.
  mutating func send(_ bytes: Span<UInt8>) throws(TLSError) { try session.send(bytes, ciphertextOut: &outgoing) }

  /// Reads once. - Parameters: `scratch` is overwritten, `plaintext` appended to.
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
        _ = flush()  // the alert that tells the server why
        return .violated(error)
      }
    }
  }

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

  /// Sends the close_notify of TLS, unless earlier bytes still wait for the socket.
  mutating func close() {
    if !outgoing.isEmpty { return }
    session.close(ciphertextOut: &outgoing)
    _ = flush()
  }

  /// Closes with RST. Whatever is not yet sent is dropped.
  consuming func reset() { socket.reset() }
}
