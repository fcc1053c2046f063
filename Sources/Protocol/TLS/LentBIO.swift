// OpenSSL's transport: a BIO over bytes that are lent for one call only. A pair of memory BIOs would take 2 kB more per
// connection and copy each byte once more.

import CEpoll.TLS

/// The state of a session's BIO. It lives at a fixed address, which the BIO and the SSL object hold.
struct LentBIO {
  /// The bytes from the peer that OpenSSL has not read. Set only during a call.
  private(set) var input: UnsafePointer<UInt8>?
  private(set) var inputCount = 0
  /// The buffer for OpenSSL's output. Set only during a call.
  private(set) var output: UnsafeMutablePointer<ByteBuffer>?
  /// The time, in unix seconds, at which certificates are verified.
  let now: Int64
  /// The number of KeyUpdates received and renegotiations refused.
  var rekeyAttempts: Int32 = 0

  init(now: Int64) { self.now = now }

  /// Lends both buffers to OpenSSL during `body`.
  static func lend<R, E: Error>(
    _ input: Span<UInt8>, _ output: inout ByteBuffer, to lent: UnsafeMutablePointer<LentBIO>,
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    // Safety: both pointers are set to nil before the borrows they come from end.
    try input.withUnsafeBufferPointer { source throws(E) in
      try withUnsafeMutablePointer(to: &output) { target throws(E) in
        lent.pointee.input = source.baseAddress
        lent.pointee.inputCount = source.count
        lent.pointee.output = target
        defer {
          lent.pointee.input = nil
          lent.pointee.inputCount = 0
          lent.pointee.output = nil
        }
        return try body()
      }
    }
  }

  /// Makes a BIO over `lent`, which must outlive the BIO.
  static func makeBIO(over lent: UnsafeMutablePointer<LentBIO>) -> OpaquePointer? {
    guard let bio = BIO_new(method.pointer) else { return nil }
    BIO_set_data(bio, lent)
    BIO_set_init(bio, 1)
    return bio
  }

  /// The state of an SSL object, which holds it as application data.
  static func state(of ssl: OpaquePointer?) -> UnsafeMutablePointer<LentBIO>? {
    SSL_get_ex_data(ssl, 0)?.assumingMemoryBound(to: LentBIO.self)
  }

  fileprivate mutating func read(into target: UnsafeMutablePointer<CChar>, _ count: Int) -> Int {
    let count = min(count, inputCount)
    guard count > 0, let source = input else { return 0 }
    // Safety: `count` fits both the lent input and OpenSSL's buffer.
    UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count)
    input = source + count
    inputCount -= count
    return count
  }
}

private struct Method: @unchecked Sendable {  // Safety: a BIO_METHOD is never changed after it was filled in.
  let pointer: OpaquePointer
}

private let method: Method = {
  guard let pointer = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lent bytes") else {
    preconditionFailure("out of memory for a BIO method")
  }
  BIO_meth_set_read(pointer) { bio, target, count in
    guard let lent = BIO_get_data(bio)?.assumingMemoryBound(to: LentBIO.self), let target else { return -1 }
    ctls_bio_clear_retry(bio)
    // A hard failure ends a flood of rekey attempts within one call. Otherwise OpenSSL would read all that was
    // received.
    if lent.pointee.rekeyAttempts > TLSSession.maximumRekeyAttempts { return -1 }
    let read = lent.pointee.read(into: target, Int(count))
    if read == 0 {
      ctls_bio_set_retry_read(bio)
      return -1
    }
    return Int32(read)
  }
  BIO_meth_set_write(pointer) { bio, source, count in
    guard let output = BIO_get_data(bio)?.assumingMemoryBound(to: LentBIO.self).pointee.output, count >= 0 else {
      return -1
    }
    ctls_bio_clear_retry(bio)
    output.pointee.append(UnsafeRawBufferPointer(start: source, count: Int(count)))
    return count
  }
  BIO_meth_set_ctrl(pointer) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
  return Method(pointer: pointer)
}()
