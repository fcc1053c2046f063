// The two things below an HTTP connection, as one object: the socket, and what makes its bytes plaintext. The server has one
// kind, TCP with TLS; the simulation of the tests puts its own in its place.

import Protocol
import Reactor

/// Bytes from and to one client. Closed when it is let go.
protocol ClientLink: AnyObject {
  /// To register on a loop.
  var descriptor: CInt { get }
  // As StreamSocket has them: nonblocking, and what goes wrong is a value.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult
  func write(_ bytes: Span<UInt8>) -> WriteResult
  func shutdownWrite()
  func willReset()
  /// As `StreamSocket.acknowledge`.
  func acknowledge()

  /// The client's bytes are TLS from here on. - Parameter now: unix seconds at which its certificate is judged.
  func begin(_ context: TLSContext, now: Int64)
  // As TLSSession has them: from what was read to plaintext, and from plaintext to what is to be written.
  var isEstablished: Bool { get }
  /// Built anew at each call.
  var peer: PeerCertificate? { get }
  /// The certificate as the session holds it.
  var peerCertificate: Certificate? { get }
  func receive(
    _ ciphertext: Span<UInt8>, plaintext: inout ByteBuffer, ciphertextOut: inout ByteBuffer
  ) throws(TLSError) -> TLSSession.Status
  func send(_ plaintext: Span<UInt8>, ciphertextOut: inout ByteBuffer) throws(TLSError)
  func close(ciphertextOut: inout ByteBuffer)
}

/// TCP and TLS.
final class TLSLink: ClientLink {
  private let socket: StreamSocket
  /// Nil until the first bytes are there: who says nothing costs no session.
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
