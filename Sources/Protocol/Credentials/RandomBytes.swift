// Random bytes for secrets and identifiers, from OpenSSL's generator, which the kernel seeds (RAND_bytes(3)).

import CEpoll.TLS

/// Cryptographically secure random bytes.
public enum RandomBytes {
  /// `count` unpredictable bytes. If the system has no randomness the process ends, because guessable secrets would be
  /// worse.
  public static func generate(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && count <= Int(Int32.max))
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let filled = count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1
      precondition(filled, "the system's random generator failed")
      initialized = count
    }
  }
}

/// Whether the two runs are equal, in a time that depends only on their length. The lengths are not secret.
/// The loop compares eight bytes at a time and looks only at the combined difference. CRYPTO_memcmp(3) goes byte by
/// byte and takes nine times as long for the token of a request.
public func constantTimeEquals(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  var difference: UInt64 = 0
  var index = 0
  while index + 8 <= left.count {
    // Safety: both runs have at least eight bytes left.
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
