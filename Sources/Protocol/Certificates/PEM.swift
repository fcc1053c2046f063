// Reading and writing PEM (RFC 7468) through OpenSSL's memory BIOs.

import CEpoll.TLS

enum PEM {
  /// Lends `bytes` to `body` as a BIO to read from.
  static func reading<R, E: Error>(_ bytes: [UInt8], _ body: (OpaquePointer) throws(E) -> R) throws(E) -> R {
    try bytes.span.withUnsafeBytes { buffer throws(E) in
      // Safety: the BIO reads from `bytes` in place and is freed before them. OpenSSL does not read an empty buffer,
      // but it refuses a NULL address.
      guard
        let bio = BIO_new_mem_buf(buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1), Int32(clamping: buffer.count))
      else { preconditionFailure("out of memory for a BIO") }
      defer { BIO_free(bio) }
      return try body(bio)
    }
  }

  /// Returns the bytes that `write` puts into a BIO.
  /// - Parameter write: returns 1 on success.
  static func writing(_ write: (OpaquePointer) -> Int32) throws(CertificateError) -> [UInt8] {
    OpenSSLErrorQueue.clear()
    guard let bio = BIO_new(BIO_s_mem()) else { preconditionFailure("out of memory for a BIO") }
    defer { BIO_free(bio) }
    guard write(bio) == 1 else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    var bytes: UnsafeMutablePointer<CChar>?
    let count = ctls_bio_memory(bio, &bytes)
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// A password callback that answers "no password". Without it OpenSSL asks for a password on the terminal when a key
  /// is encrypted.
  static let noPassword:
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
      _, _, _, _ in -1
    }
}
