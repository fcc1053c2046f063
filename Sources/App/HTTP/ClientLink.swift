// The socket of a connection and its TLS session, as one object. The server uses `TLSLink`; the simulation in the tests
// has its own implementation.

import Protocol
import Reactor

/// A connection to one client below HTTP. The connection is closed when the last reference to the object ends.
protocol ClientLink: AnyObject {
  /// The file descriptor to register on a loop.
  var descriptor: CInt { get }
  // The same as the methods of `StreamSocket`: they do not block, and failures are results.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult
  func write(_ bytes: Span<UInt8>) -> WriteResult
  func shutdownWrite()
  func willReset()
  /// The same as `StreamSocket.acknowledge`.
  func acknowledge()

  /// Begins the TLS session. The bytes that follow are TLS.
  /// - Parameter now: the time at which the client's certificate is checked, in unix seconds.
  func begin(_ context: TLSContext, now: Int64)
  // The same as the methods of `TLSSession`: `receive` turns received bytes into plaintext, `send` turns plaintext into
  // bytes to write.
  var isEstablished: Bool { get }
  /// The client's certificate, parsed. Each call parses it again.
  var peer: PeerCertificate? { get }
  /// The client's certificate as the session holds it.
  var peerCertificate: Certificate? { get }
  func receive(
    _ ciphertext: Span<UInt8>, plaintext: inout ByteBuffer, ciphertextOut: inout ByteBuffer
  ) throws(TLSError) -> TLSSession.Status
  func send(_ plaintext: Span<UInt8>, ciphertextOut: inout ByteBuffer) throws(TLSError)
  func close(ciphertextOut: inout ByteBuffer)
}

/// A link over TCP with TLS.
final class TLSLink: ClientLink {
  private let socket: StreamSocket
  /// Nil until the first bytes arrive, so that a silent client costs no session.
  private var tls: TLSSession?

  init(_ socket: consuming StreamSocket) {
    self.socket = socket
  }

  var descriptor: CInt { socket.raw }
  func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult { socket.read(into: buffer) }
  func write(_ bytes: Span<UInt8>) -> WriteResult { socket.write(bytes) }
  func shutdownWrite() { socket.shutdownWrite() }
  func willReset() { socket.willReset() }
  func acknowledge() { socket.acknowledge() }

  func begin(_ context: TLSContext, now: Int64) { tls = TLSSession(server: context, now: now) }

  var isEstablished: Bool { tls?.isEstablished ?? false }
  var peer: PeerCertificate? { tls?.peer }
  var peerCertificate: Certificate? { tls?.peerCertificate }

  func receive(
    _ ciphertext: Span<UInt8>, plaintext: inout ByteBuffer, ciphertextOut: inout ByteBuffer
  ) throws(TLSError) -> TLSSession.Status {
    if tls == nil { preconditionFailure("TLS has not begun") }
    return try tls!.receive(ciphertext, plaintext: &plaintext, ciphertextOut: &ciphertextOut)
  }

  func send(_ plaintext: Span<UInt8>, ciphertextOut: inout ByteBuffer) throws(TLSError) {
    guard tls != nil else { throw .notEstablished }
    try tls!.send(plaintext, ciphertextOut: &ciphertextOut)
  }

  func close(ciphertextOut: inout ByteBuffer) { tls?.close(ciphertextOut: &ciphertextOut) }
}
