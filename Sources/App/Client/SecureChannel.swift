// A socket and its TLS session, which together send and receive plaintext. It is a struct so that the session can
// borrow the caller's buffers. `HTTPSConnection` or `DeliveryAttempt` holds the state of the connection.

internal import Protocol
internal import Reactor

/// The lower half of a connection. The socket is closed when the value ends.
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
  /// Nil before `startTLS`; bytes then go as they are.
  private var session: TLSSession?
  private var isEncrypted = false
  /// Ciphertext to write. It holds no memory while it is empty, because most connections are idle most of the time.
  private var outgoing = ByteBuffer()

  /// - Parameter socket: may still be connecting. The ClientHello is sent by the first `flush`.
  init(socket: consuming StreamSocket, session: consuming TLSSession) throws(TLSError) {
    self.init(plain: socket)
    try startTLS(session)
  }

  /// A channel without TLS. `startTLS` can encrypt it later.
  init(plain socket: consuming StreamSocket) { self.socket = socket }

  /// Begins the handshake. All that is read and sent from now on belongs to it.
  mutating func startTLS(_ session: consuming TLSSession) throws(TLSError) {
    var session = session
    try session.start(ciphertextOut: &outgoing)
    self.session = consume session
    isEncrypted = true
  }

  /// The local address; nil before the connection is made.
  func localAddress() -> SocketAddress? { socket.localAddress }

  /// Returns the error of the TCP connection attempt; nil if it succeeded.
  func finishConnecting() -> SystemCallError? { socket.finishConnecting() }

  /// Encrypts `bytes`; `flush` sends them.
  mutating func send(_ bytes: Span<UInt8>) throws(TLSError) {
    guard isEncrypted else { return outgoing.append(bytes) }
    try session!.send(bytes, ciphertextOut: &outgoing)
  }

  /// Reads from the socket once. Without TLS, bytes that arrive have the status `.established`.
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
      guard isEncrypted else {
        plaintext.append(bytes.span)
        return .received(.established)
      }
      do {
        return .received(try session!.receive(bytes.span, plaintext: &plaintext, ciphertextOut: &outgoing))
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

  /// Sends the close_notify of TLS. Does nothing without TLS, or if earlier bytes still wait for the socket.
  mutating func close() {
    if !isEncrypted || !outgoing.isEmpty { return }
    session!.close(ciphertextOut: &outgoing)
    _ = flush()
  }

  /// Closes the socket with RST. Unsent bytes are dropped.
  consuming func reset() { socket.reset() }
}
