// Randomness for secrets and identifiers: OpenSSL's DRBG, seeded by the kernel (RAND_bytes(3)).

import CEpoll.TLS

public enum RandomBytes {
  /// `count` unpredictable bytes. Ends the process if the system has no randomness: to go on would mint guessable secrets.
  public static func generate(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= Int(Int32.max))
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let filled = count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1
      precondition(filled, "the system's random generator failed")
      initialized = count
    }
  }
}

/// Whether the two runs are equal, in a time that depends on their length only. The lengths are no secret.
/// Eight bytes at a time, and only their sum is looked at: CRYPTO_memcmp(3), which goes byte by byte, needs nine times as long
/// for the token that comes with each request.
public func constantTimeEquals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  var difference: UInt64 = 0
  var index = 0
  while index + 8 <= left.count {
    // Safety: eight bytes are left of both.
    difference |=
      left.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
      ^ right.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
    index += 8
  }
  while index < left.count {
    difference |= UInt64(left[index] ^ right[index])
    index += 1
  }
  return difference == 0
}
