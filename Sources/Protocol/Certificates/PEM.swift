// Reading and writing PEM (RFC 7468) through OpenSSL's memory BIOs.

import CEpoll.TLS

enum PEM {
  /// Lends `bytes` to `body` as a BIO to read from.
  static func reading<R, E: Error>(_ bytes: [UInt8], _ body: (OpaquePointer) throws(E) -> R) throws(E) -> R {
    try bytes.span.withUnsafeBytes { buffer throws(E) in
      // Safety: the BIO reads from `bytes` in place, and is freed before they are. Of an empty one it never reads, but
      // wants an address.
      guard
        let bio = BIO_new_mem_buf(buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 1), Int32(clamping: buffer.count))
      else { preconditionFailure("out of memory for a BIO") }
      defer { BIO_free(bio) }
      return try body(bio)
    }
  }

  /// Collects what `write` puts into a BIO. - Parameter write: returns 1 on success.
  static func writing(_ write: (OpaquePointer) -> Int32) throws(CertificateError) -> [UInt8] {
    OpenSSLErrorQueue.clear()
    guard let bio = BIO_new(BIO_s_mem()) else { preconditionFailure("out of memory for a BIO") }
    defer { BIO_free(bio) }
    guard write(bio) == 1 else { throw .failed(reason: OpenSSLErrorQueue.takeReason()) }
    var bytes: UnsafeMutablePointer<CChar>?
    let count = ctls_bio_memory(bio, &bytes)
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// Answers "no password": without it OpenSSL would ask for one on the terminal when a key is encrypted.
  static let noPassword:
    @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
      _, _, _, _ in -1
    }
}
